"""The exercises on networks of PyTorch, judged by what a network computes and not by how it is written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from digitscope.course.exercises.judging import RIGHT, SEED, Failure, Verdict, a_type, attempt, raised, silenced
from digitscope.course.exercises.network_facts import (
    FAILURES,
    LAYERS,
    N_DIGITS,
    N_IMAGES,
    OUTPUTS,
    Facts,
    Shows,
    built,
    observed,
)
from digitscope.course.exercises.tracing import Call, drop_rate, features, weight

# The network for one digit


def _next_layer(facts: Facts, call: Call) -> Call | None:
    layers = [each for each in facts.training.calls if each.kind in ("convolution", "linear")]
    return next((after for each, after in pairwise(layers) if each is call), None)


def _lacks(kind: str, index: int) -> Shows:
    """Return a check that no call of `kind` follows a convolution before the next layer."""

    def shows(facts: Facts) -> bool:
        call = facts.convolutions[index]
        return not facts.training.follows(kind, call, _next_layer(facts, call))

    return shows


def _pools_otherwise(facts: Facts) -> Any:
    for call in facts.training.of("max_pool"):
        before, after = call.arguments[0].shape[-2:], call.output[0].shape[-2:]
        if [side // 2 for side in before] != list(after):
            return {"before": "x".join(map(str, before)), "after": "x".join(map(str, after))}
    return False


def _kernel(facts: Facts) -> Any:
    sizes = {tuple(weight(call).shape[2:]) for call in facts.convolutions} - {(3, 3)}
    return sizes and {"size": "x".join(map(str, sizes.pop()))}


def _channels_of_cnn(facts: Facts) -> Any:
    got = [weight(call).shape[0] for call in facts.convolutions]
    return got != [32, 64] and {"got": " and ".join(map(str, got))}


def _dropout_elsewhere(facts: Facts) -> bool:
    hidden, last = facts.linears
    return not facts.training.follows("dropout", hidden, last)


def _drop_rate(facts: Facts) -> Any:
    rates = {round(drop_rate(call), 3) for call in facts.training.of("dropout")} - {0.5}
    return rates and {"rate": rates.pop()}


def _lacks_bias(facts: Facts) -> bool:
    linear = any(call.name == "mm" for call in facts.linears)
    return linear or any(call.arguments[2] is None for call in facts.convolutions)


CNN: Mapping[str, Shows] = {
    "There is no convolution: the exercise asks for two.": lambda facts: not facts.convolutions,
    "There is one convolution only: the handout lists another one.": lambda facts: len(facts.convolutions) == 1,
    "There are more convolutions than the two that the handout lists.": lambda facts: len(facts.convolutions) > 2,
    "A convolution has a kernel of {size}: the handout has another size.": _kernel,
    "A convolution is padded: the handout's ones are not, so the maps shrink.": (
        lambda facts: any(any(call.arguments[4]) for call in facts.convolutions)
    ),
    "A convolution moves by more than one pixel: look at its stride.": (
        lambda facts: any(any(step != 1 for step in call.arguments[3]) for call in facts.convolutions)
    ),
    "The convolutions have {got} filters: the handout has other numbers.": _channels_of_cnn,
    "The first convolution has no activation function after it.": _lacks("activation", 0),
    "The second convolution has no activation function after it.": _lacks("activation", 1),
    "The handout's activation function is ReLU: another one stands after a convolution.": (
        lambda facts: any(
            call.name not in ("relu", "relu_", "clamp", "clamp_", "clamp_min", "clamp_min_", "maximum", "where")
            for call in facts.training.of("activation")
        )
    ),
    "The pooling takes means: the handout takes the largest value.": lambda facts: facts.training.of("mean_pool"),
    "There is no pooling: the handout has one after each convolution.": (
        lambda facts: not facts.training.of("max_pool")
    ),
    "The first convolution has no pooling after it.": _lacks("max_pool", 0),
    "The second convolution has no pooling after it.": _lacks("max_pool", 1),
    "A pooling turns maps of {before} into {after}: look at its kernel size and stride.": _pools_otherwise,
    "The fully connected hidden layer is missing: the maps lead straight to the scores.": (
        lambda facts: len(facts.linears) == 1
    ),
    "There are more fully connected layers than the two that the handout lists.": (
        lambda facts: len(facts.linears) > 2
    ),
    "The fully connected hidden layer has {n} units: the handout has another number.": (
        lambda facts: (n := features(facts.linears[0])[1]) != 128 and {"n": n}
    ),
    "A layer has no bias: look for bias=False.": _lacks_bias,
    "There is no dropout: the handout lists it.": lambda facts: not facts.training.of("dropout"),
    "Dropout stands at another place than in the handout's list.": _dropout_elsewhere,
    "There is more than one dropout: the handout lists one.": lambda facts: len(facts.training.of("dropout")) > 1,
    "Dropout has a rate of {rate:g}: the handout has another one.": _drop_rate,
}


# The networks for two digits


def _share_scores(facts: Facts) -> bool:
    upper, lower = facts.heads
    return any(torch.equal(upper[:, i], lower[:, j]) for i in range(N_DIGITS) for j in range(N_DIGITS))


def _read_pixels_directly(facts: Facts) -> bool:
    return bool(facts.linears) and all(features(call)[0] == 42 * 28 for call in facts.linears)


def _lacks_activation_after_convolution(facts: Facts) -> bool:
    return any(_lacks("activation", i)(facts) for i in range(len(facts.convolutions)))


TWO_HEADS: Mapping[str, Shows] = {
    "Both outputs are the same: each digit needs a head of its own.": lambda facts: torch.equal(*facts.heads),
    "The two outputs share some scores: look at where the first ends and the second begins.": _share_scores,
    "One head reads the scores of the other: both should read the same features.": (
        lambda facts: any(features(call)[0] == N_DIGITS for call in facts.linears)
    ),
}

MLP: Mapping[str, Shows] = {
    "There is a convolution: this exercise asks for fully connected layers only.": lambda facts: (
        facts.convolutions
    ),
    "There is no hidden layer: the heads read the pixels directly.": _read_pixels_directly,
    "No activation function follows the hidden layer: without one, linear layers in a row are one linear layer.": (
        lambda facts: not facts.training.of("activation")
    ),
}

TWO_DIGIT_CNN: Mapping[str, Shows] = {
    "There is no convolution: fully connected layers alone are the other exercise.": (
        lambda facts: not facts.convolutions
    ),
    "A convolution has no activation function after it.": _lacks_activation_after_convolution,
}


def _form_of_one(output: Any) -> str:
    if isinstance(output, Tensor):
        return ""
    return f"The network returns {a_type(output)}: expected a tensor with one row of scores for each image."


def _form_of_two(output: Any) -> str:
    """Return what is wrong with the form of two heads' output."""
    if isinstance(output, Tensor):
        if output.dim() == 2 and output.shape[1] == N_DIGITS:
            return "The network has one output: two digits need two heads."
        return (
            f"Both digits come in one tensor of shape {tuple(output.shape)}: return the scores of each by itself."
        )
    if not isinstance(output, tuple | list) or not all(isinstance(each, Tensor) for each in output):
        return f"The network returns {a_type(output)}: expected two tensors, one for each digit."
    if len(output) != 2:
        return f"The network returns {len(output)} tensors: expected one for each of two digits."
    return ""


@dataclass(frozen=True)
class NetworkExercise:
    """An exercise on a network: the shape of its images, what is wrong with a form of output, and its mistakes."""

    shape: tuple[int, int, int]
    form: Callable[[Any], str]
    mistakes: Mapping[str, Shows]


EXERCISES = MappingProxyType(
    {
        "cnn": NetworkExercise((1, 28, 28), _form_of_one, {**OUTPUTS, **LAYERS, **CNN}),
        "two_headed_mlp": NetworkExercise((1, 42, 28), _form_of_two, {**OUTPUTS, **TWO_HEADS, **LAYERS, **MLP}),
        "two_headed_cnn": NetworkExercise(
            (1, 42, 28), _form_of_two, {**OUTPUTS, **TWO_HEADS, **LAYERS, **TWO_DIGIT_CNN}
        ),
    }
)


def verdict(name: str, solution: Any) -> Verdict:
    """Return the verdict on a solution of the exercise called `name`."""
    with silenced(), torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(SEED)
        sentence = _sentence(EXERCISES[name], solution)
    return Verdict(sentence == RIGHT, name, sentence)


def _sentence(exercise: NetworkExercise, solution: Any) -> str:
    _, height, width = exercise.shape
    model = attempt(built, solution, height * width, called="The network")
    if isinstance(model, Failure):
        return model.sentence
    facts = observed(model, torch.rand(N_IMAGES, *exercise.shape))
    if facts.error is not None:
        unknown = f"forward of shape {(N_IMAGES, *exercise.shape)} raised {raised(facts.error)}."
        return _first(FAILURES, facts) or unknown
    if facts.output is None:
        return "forward returns None: did you forget return?"
    return exercise.form(facts.output) or _first(exercise.mistakes, facts) or RIGHT


def _first(table: Mapping[str, Shows], facts: Facts) -> str:
    """Return the sentence of the first mistake of `table` that the network has, or nothing."""
    for sentence, shows in table.items():
        found = shows(facts)
        if found:
            return sentence.format_map(found) if isinstance(found, dict) else sentence
    return ""
