"""The exercises on the course's 2-3-1 network: one step of training, and a prediction.

A solution is right if it agrees with `digitscope.scratch.regression`.
"""

import inspect
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from itertools import combinations
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitscope.course.exercises.judging import (
    Exercise,
    UnusableOutputError,
    attempt,
    number,
    same,
)
from digitscope.scratch.regression import TRAINING_POINTS, RegressionNetwork

Floats = NDArray[np.floating[Any]]

WEIGHTS = MappingProxyType(
    {"biases": (3, 1), "input_to_hidden_weights": (3, 2), "hidden_to_output_weights": (1, 3)}
)
"""The course's names of what is trained, with the shapes."""

FIRST_RATE = 0.001
"""The handout's learning rate, for the handout's weights; other weights have larger ones."""


class State(NamedTuple):
    """A network before a step, with the arrays of `WEIGHTS`, and the point (x1, x2) with its answer y.

    `kind` makes the solution's weights from arrays: np.matrix, as the handout has, or np.array.
    """

    weights: tuple[Floats, Floats, Floats]
    rate: float
    point: tuple[float, float, float]
    kind: Callable[[Any], Any] = np.array


def _states(generator: np.random.Generator) -> list[list[State]]:
    """Return the same states twice, for solutions with matrices and for solutions with arrays.

    Their numbers are short, since sentences show them and the reader works with them.
    The first hidden unit is always active: `np.vectorize` takes the type of its result from it, which the course's
    own networks do not reveal. `_caveat` looks at that.
    """
    (x1, x2), y = TRAINING_POINTS[0]
    point = (float(x1), float(x2), float(y))
    states = [State((np.zeros((3, 1)), np.ones((3, 2)), np.ones((1, 3))), FIRST_RATE, point)]
    while len(states) < 13:
        biases, hidden, output = (generator.uniform(-2, 2, shape).round(1) for shape in WEIGHTS.values())
        x1, x2, y = generator.uniform(-3, 3, 3).round(1).tolist()
        weighted = hidden @ np.array([[x1], [x2]]) + biases
        is_clear = np.abs(weighted).min() > 0.005  # rounding must not decide whether a unit is active
        if is_clear and weighted[0] > 0 and (weighted > 0).sum() == len(states) % 3 + 1:
            states.append(State((biases, hidden, output), round(generator.uniform(0.01, 0.3), 2), (x1, x2, y)))
    return [[state._replace(kind=kind) for state in states] for kind in (np.matrix, np.array)]


# Calling a solution


def _call(solution: Any, state: State, name: str, *arguments: float) -> tuple[Any, Any]:
    """Call a solution on a network in `state`, and return that network and the output.

    Args:
        solution: a class or a network with the method `name`, a method of a network, or a function of a network.
        state: the network's weights and learning rate.
        name: the method that a class or a network has for the exercise.
        arguments: of the call, after the network.

    Raises:
        UnusableOutputError: the network lacks one of the attributes, or has it in another shape.
    """
    if inspect.ismethod(solution) and not inspect.isclass(solution.__self__):
        solution, name = solution.__self__, solution.__name__
    own = not inspect.isroutine(solution)
    network: Any = solution() if inspect.isclass(solution) else deepcopy(solution) if own else RegressionNetwork()
    for attribute, array in zip(WEIGHTS, state.weights, strict=True):
        if not hasattr(network, attribute):
            raise UnusableOutputError(f"needs the attribute {attribute}, which the network lacks.")
        before = getattr(network, attribute)
        if np.shape(before) != array.shape:
            raise UnusableOutputError(
                f"needs {attribute} of shape {array.shape}: the network starts with {np.shape(before)}."
            )
        is_matrix = isinstance(before, np.matrix) if own else state.kind is np.matrix
        setattr(network, attribute, np.asmatrix(array.copy()) if is_matrix else array.copy())
    network.learning_rate = state.rate
    return network, getattr(network, name)(*arguments) if own else solution(network, *arguments)


def _train(solution: Any, state: State) -> tuple[Any, ...]:
    """Train on the point, and return the new biases and weights."""
    network, _ = _call(solution, state, "train", *state.point)
    return tuple(np.asarray(number(np.asarray(getattr(network, name)))) for name in WEIGHTS)


def _predict(solution: Any, state: State) -> Any:
    return number(_call(solution, state, "predict", *state.point[:2])[1])


def _differs(output: tuple[Any, ...], answer: tuple[Any, ...]) -> str:
    """Return which of the network's arrays are wrong after a step."""
    parts = list(zip(WEIGHTS, output, answer, strict=True))
    for name, ours, right in parts:
        if np.shape(ours) != right.shape:
            return f"changes {name} to shape {np.shape(ours)}: expected {right.shape}, as before."
        if np.isnan(ours).any():
            return f"puts NaN into {name}, which is not a number: look for 0 / 0."
    wrong = [name for name, ours, right in parts if not same(ours, right)]
    right_ones = [name for name in WEIGHTS if name not in wrong]
    ending = f"; {' and '.join(right_ones)} as it should" if right_ones else ""
    return f"changes {' and '.join(wrong)} in a wrong way{ending}: work this step out by hand and compare."


def _shown(numbers: int, state: State) -> str:
    """Return a case in words: the first `numbers` of x1, x2 and y, and weights that are not all 1."""
    point = f"({', '.join(f'{each:g}' for each in state.point[:numbers])})"
    if state.rate == FIRST_RATE:
        return f"{point} with the starting weights"
    arrays = [f"{name} {array.tolist()}" for name, array in zip(WEIGHTS, state.weights, strict=True)]
    if numbers == len(state.point):
        arrays.append(f"learning_rate {state.rate:g}")
    return f"{point} with {', '.join(arrays)}"


# Mistakes

Changes = dict[str, dict[str, Any]]
"""Mistakes by their sentences: what each changes of the values of a right step, before those that follow."""


def _values(state: State, **changes: Any) -> SimpleNamespace:
    """Return the values of a step from `state`; `changes` replace some of them before those that follow.

    `to_hidden` and `to_output` are the weights. A name with `d_` is a gradient of the loss.
    """
    biases, to_hidden, to_output = state.weights
    x1, x2, y = state.point
    step = SimpleNamespace(biases=biases, to_hidden=to_hidden, to_output=to_output, rate=state.rate, y=y)

    def put(name: str, right: Any) -> None:
        setattr(step, name, changes.get(name, right))

    put("inputs", np.array([[x1], [x2]]))
    put("weighted", to_hidden @ step.inputs + biases)
    put("hidden", np.maximum(step.weighted, 0))
    put("output", to_output @ step.hidden)
    put("result", number(step.output))
    put("error", step.output - y)
    put("slope", step.weighted > 0)
    put("d_to_output", step.error @ step.hidden.T)
    put("hidden_error", to_output.T * step.error * step.slope)
    put("d_biases", step.hidden_error)
    put("d_to_hidden", step.hidden_error @ step.inputs.T)
    put("rates", [state.rate] * 3)
    gradients = (step.d_biases, step.d_to_hidden, step.d_to_output)
    put("new", tuple(old - rate * d for old, rate, d in zip(state.weights, step.rates, gradients, strict=True)))
    return step


def _forward(right: SimpleNamespace) -> Changes:
    weighted, no_bias, all_one = right.weighted, right.to_hidden @ right.inputs, np.ones((3, 2)) @ right.inputs
    return {
        "The forward pass has no bias: the weighted input of the hidden layer lacks something.": {
            "weighted": no_bias
        },
        "The hidden layer has no activation function: its weighted input goes on as it is.": {"hidden": weighted},
        "The hidden layer lacks its bias and its activation function.": {"weighted": no_bias, "hidden": no_bias},
        "The bias is added after the activation: look at the order in the hidden layer.": {
            "weighted": no_bias,
            "hidden": np.maximum(no_bias, 0) + right.biases,
        },
        "The bias is subtracted in the forward pass: look at its sign.": {"weighted": no_bias - right.biases},
        "x1 and x2 are swapped: look at the order of the input values.": {"inputs": right.inputs[::-1]},
        "The hidden layer uses the derivative of ReLU: the forward pass needs the function itself.": {
            "hidden": (weighted > 0) * 1.0
        },
        "The weights are reshaped where they should be multiplied as they are: "
        "their rows and columns get mixed.": {
            "weighted": right.to_hidden.reshape(2, 3).T @ right.inputs + right.biases
        },
        "The network's own weights are not used: look for weights that are written as numbers, or kept outside.": {
            "weighted": all_one,
            "output": np.maximum(all_one, 0).sum(keepdims=True),
        },
    }


def _updates(right: SimpleNamespace) -> Changes:
    rate = right.rate
    some = {
        "go up their gradient: look at the sign of their update": -rate,
        "change by the whole gradient: their update lacks the learning rate": 1,
        "change too little: their gradient is multiplied by the learning rate twice": rate**2,
    }
    return {
        "train changes nothing: assign the new weights and biases to the network.": {"rates": (0, 0, 0)},
        "The step goes up the gradient, and the error grows: look at the sign.": {"rates": (-rate,) * 3},
        "The biases do not change: they are trained too.": {"rates": (0, rate, rate)},
        "The input-to-hidden weights do not change: they are trained too.": {"rates": (rate, 0, rate)},
        "Only the weights to the output change: the hidden layer's weights and biases are trained too.": {
            "rates": (0, 0, rate)
        },
        "The hidden-to-output weights do not change: they are trained too.": {"rates": (rate, rate, 0)},
        "The learning rate is missing: the step is the whole gradient.": {"rates": (1, 1, 1)},
        "The learning rate is applied twice: look at the gradients and at the update.": {"rates": (rate**2,) * 3},
        "The learning rate is a number in your code: take the network's own.": {"rates": (FIRST_RATE,) * 3},
        "The old weights are lost: the step replaces them where it should change them.": {
            "new": (-rate * right.d_biases, -rate * right.d_to_hidden, -rate * right.d_to_output)
        },
        **{
            f"Only the {' and the '.join(_in_words(name) for name in wrong)} {words}.": {
                "rates": [factor if name in wrong else rate for name in WEIGHTS]
            }
            for words, factor in some.items()
            for n in (1, 2)
            for wrong in combinations(WEIGHTS, n)
        },
    }


def _in_words(name: str) -> str:
    """Return how sentences call an array of `WEIGHTS`: "hidden-to-output weights"."""
    return name.replace("_weights", " weights").replace("_", "-")


def _hidden_layer(right: SimpleNamespace) -> Changes:
    weighted, error, from_output = right.weighted, right.error, right.to_output.T * right.error
    return {
        "The hidden layer is linear both ways: it has neither an activation function nor its slope.": {
            "hidden": weighted,
            "slope": 1,
        },
        "The hidden layer's error lacks the slope of its activation function.": {"slope": 1},
        "The slope in the hidden layer's error is taken at the wrong layer: at the output.": {
            "slope": right.output > 0
        },
        "The slope in the hidden layer's error is taken at the error: at which value should it be?": {
            "slope": from_output > 0
        },
        "The slope in the hidden layer's error is the layer's value: use the slope of ReLU.": {
            "slope": right.hidden
        },
        "The slope in the hidden layer's error is the weighted input: use the slope of ReLU.": {"slope": weighted},
        "The hidden layer's error has the slope of leaky ReLU.": {"slope": np.where(weighted > 0, 1, 0.01)},
        "The slope in the hidden layer's error is taken at the weights: at which value should it be?": {
            "slope": right.to_output.T > 0
        },
        "The hidden layer's error lacks the weights to the output: how does the output's error reach each unit?": {
            "hidden_error": error * right.slope
        },
        "The weights to the output change before the hidden layer's error uses them: "
        "compute all gradients first.": {
            "hidden_error": (right.to_output - right.rate * right.d_to_output).T * error * right.slope
        },
        "The hidden units share one error, their sum: "
        "multiply element by element where you use a matrix product.": {
            "hidden_error": np.full((3, 1), right.hidden_error.sum())
        },
        "The gradient of the biases lacks the slope of the activation function.": {"d_biases": from_output},
        "The gradient of the biases is the output's error: each hidden unit has its own.": {
            "d_biases": np.full((3, 1), error.item())
        },
        "The gradient of the input weights lacks the slope of the activation function.": {
            "d_to_hidden": from_output @ right.inputs.T
        },
        "The gradient of the input weights lacks the inputs.": {
            "d_to_hidden": np.repeat(right.hidden_error, 2, axis=1)
        },
    }


def _output_layer(right: SimpleNamespace) -> Changes:
    error, cut_off = right.error, np.maximum(right.output, 0)
    return {
        "The gradient of the output weights uses the hidden layer before its activation.": {
            "d_to_output": error @ right.weighted.T
        },
        "The gradient of the output weights lacks the output's error.": {"d_to_output": right.hidden.T},
        "The gradient of the output weights lacks the values of the hidden layer.": {
            "d_to_output": np.full((1, 3), error.item())
        },
        "The gradient of the output weights is multiplied by those weights: on what does the output depend?": {
            "d_to_output": error * right.to_output * right.hidden.T
        },
        "The output's error is the loss itself: the gradient needs its derivative.": {"error": error**2 / 2},
        "The output's error is squared: use the derivative of the loss.": {"error": error**2},
        "Every step is twice too long: look at the factor of the loss.": {"error": 2 * error},
        "Every step has half its length: look at the factor of the loss.": {"error": error / 2},
        "The output's error loses its sign: keep the difference as it is.": {"error": abs(error)},
        "The output's error does not depend on y: compare the output with it.": {"error": right.output},
        "The output layer has ReLU: the output layer is linear here.": {"output": cut_off},
        "The output layer has ReLU and its slope: the output layer is linear here.": {
            "output": cut_off,
            "error": (cut_off - right.y) * (right.output > 0),
        },
        "The gradient of the output weights is a column: the weights are a row, so look at what is transposed.": {
            "d_to_output": right.d_to_output.T
        },
    }


def _results(right: SimpleNamespace) -> Changes:
    """Return the mistakes after the hidden layer of a prediction."""
    hidden, output, products = right.hidden, right.output, right.to_output * right.hidden.T
    wrong = {
        "The output layer has ReLU: the output layer is linear here.": np.maximum(output, 0),
        "The result is the hidden layer: the way to the output is missing.": hidden,
        "The weights to the output are not used: the hidden values are only added up.": hidden.sum(),
        "The output has biases too: only the hidden layer of this network has them.": output + right.biases.sum(),
        "The result is rounded: the network predicts a number with its fraction.": np.round(output),
        "The fraction of the result is lost: the network predicts a number with its fraction.": np.trunc(output),
        "The result is only a sign: the network predicts a number, and not a class.": np.sign(output),
        "The output weights multiply the hidden values, but nothing adds the products up.": products,
        "The result is squashed by a sigmoid: the output layer is linear here.": 1 / (1 + np.exp(-output)),
    }
    return {sentence: {"result": number(result)} for sentence, result in wrong.items()}


def _mistaken(state: State, name: str, *tables: Callable[[SimpleNamespace], Changes]) -> dict[str, Any]:
    """Return the value called `name` of a step from `state`, with each mistake of the tables."""
    changes = {sentence: each for table in tables for sentence, each in table(_values(state)).items()}
    return {sentence: getattr(_values(state, **each), name) for sentence, each in changes.items()}


def _caveat(run: Callable[[Any, State], Any], name: str, solution: Any) -> str:
    """Return a remark if `np.vectorize` guesses a type from the first hidden unit, where that is not active."""
    weights = (np.zeros((3, 1)), np.array([[-1.0, 0], [1, 0.5], [0.5, 0.25]]), np.array([[0.5, 1.5, -0.5]]))
    for kind in (np.matrix, np.array):
        state = State(weights, 0.1, (1.9, 0.7, 2.0), kind)
        truncated = _values(state, hidden=np.trunc(_values(state).hidden))
        if same(attempt(run, solution, state, called=""), getattr(truncated, name)):
            return TRUNCATED
    return ""


TRUNCATED = (
    "One trap: where ReLU's first result is the whole number 0, np.vectorize drops the fractions of the others."
)


EXERCISES = MappingProxyType(
    {
        "train_step": Exercise(
            call="train",
            variants=_states,
            run=_train,
            answer=partial(_train, RegressionNetwork),
            shown=partial(_shown, 3),
            mistakes=lambda state: _mistaken(state, "new", _forward, _updates, _hidden_layer, _output_layer),
            differs=_differs,
            caveat=partial(_caveat, _train, "new"),
        ),
        "predict": Exercise(
            call="predict",
            variants=_states,
            run=_predict,
            answer=partial(_predict, RegressionNetwork),
            shown=partial(_shown, 2),
            mistakes=lambda state: _mistaken(state, "result", _forward, _results),
            caveat=partial(_caveat, _predict, "result"),
        ),
    }
)
