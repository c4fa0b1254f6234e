"""The exercises of the course's project, and `check`, which says what is wrong with a solution.

The exercises on NumPy load no PyTorch; a module is loaded when one of its exercises is checked.
"""

from importlib import import_module
from types import MappingProxyType
from typing import Any

from digitscope.course.exercises.judging import RIGHT, Verdict
from digitscope.errors import MissingExtraError, SettingError

EXERCISES = MappingProxyType(
    {
        "relu": ("functions", "rectified_linear_unit"),
        "relu_derivative": ("functions", "rectified_linear_unit_derivative"),
        "train_step": ("regression", "NeuralNetwork.train"),
        "predict": ("regression", "NeuralNetwork.predict"),
        "batchify": ("batches", "batchify_data"),
        "accuracy": ("batches", "compute_accuracy"),
        "flatten": ("batches", "Flatten"),
        "cnn": ("networks", "main.model"),
        "two_headed_mlp": ("networks", "MLP"),
        "two_headed_cnn": ("networks", "CNN"),
    }
)
"""The exercises in the course's order: the module of this package that judges each, and the course's name for it.

`NeuralNetwork.train` stands for the class, if it has that method; `main.model` for the network with convolutions
that the course's function `main` makes.
"""


def check(exercise: str, solution: Any) -> Verdict:
    """Return whether `solution` is right, or what is wrong with it and where to look.

    A known mistake is recognised because its outputs are those of `solution` on every input, or by what a network
    computes. The inputs are drawn from a fixed seed. `solution` runs in this process, without a time limit.

    The solution of each exercise:

    - `relu`, `relu_derivative`: a function of one number.
    - `train_step`: the class `NeuralNetwork` with `train(x1, x2, y)`, or a function of (network, x1, x2, y).
    - `predict`: the class with `predict(x1, x2)`, or a function of (network, x1, x2).
    - `batchify`: a function of (x_data, y_data, batch_size).
    - `accuracy`: a function of (predictions, y), tensors of labels (N,).
    - `flatten`: a layer, its class or a function.
    - `cnn`: a network for (N, 1, 28, 28), its class, a function that returns it, or the list of its layers.
    - `two_headed_mlp`, `two_headed_cnn`: a network for (N, 1, 42, 28), or its class: of input_dimension.

    Raises:
        SettingError: there is no such exercise.
        MissingExtraError: the exercise needs PyTorch, which is not installed.
    """
    if exercise not in EXERCISES:
        raise SettingError(f"exercise {exercise!r} is unknown: choose one of {', '.join(EXERCISES)}")
    try:
        module = import_module(f"{__name__}.{EXERCISES[exercise][0]}")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError("torch", "train") from None
    sentence: str = module.EXERCISES[exercise].judge(solution)
    return Verdict(sentence.startswith(RIGHT), exercise, sentence)
