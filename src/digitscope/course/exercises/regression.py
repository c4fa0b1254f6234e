"""The exercises on the course's 2-3-1 network: one step of training, and a prediction.

A solution is right if it agrees with `digitscope.scratch.regression`. `values` simulates
mistakes: it computes a step value by value, and replaces those that are wrong.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitscope.course.exercises.judging import (
    Exercise,
    Mistake,
    UnusableOutputError,
    Verdict,
    attempt,
    judge,
    number,
    same,
    simulated,
)
from digitscope.scratch.regression import TRAINING_POINTS, RegressionNetwork

Floats = NDArray[np.floating[Any]]

WEIGHTS = MappingProxyType(
    {"biases": (3, 1), "input_to_hidden_weights": (3, 2), "hidden_to_output_weights": (1, 3)}
)
"""The course's names of what is trained, with the shapes."""

FIRST_RATE = 0.001
"""The handout's learning rate, for the handout's weights; other weights have larger ones."""


@dataclass(frozen=True)
class State:
    """A network before a step, and the point (x1, x2) with its answer y.

    Attributes:
        weights: the arrays of `WEIGHTS`, in its order.
        rate: the learning rate.
        point: x1, x2 and y.
        kind: makes the solution's weights from arrays: np.matrix, as the handout has, or np.array.
    """

    weights: tuple[Floats, Floats, Floats]
    rate: float
    point: tuple[float, float, float]
    kind: Callable[[Any], Any]


def _states(generator: np.random.Generator) -> list[list[State]]:
    """Return the same states twice, for solutions with matrices and for solutions with arrays.

    Their numbers are short, since sentences show them and the reader works with them.
    The first hidden unit is always active: `np.vectorize` takes the type of its result from it, which the course's
    own networks do not reveal. `_caveat` looks at that.
    """
    ones = (np.zeros((3, 1)), np.ones((3, 2)), np.ones((1, 3)))
    drawn: list[tuple[tuple[Floats, Floats, Floats], float, tuple[float, float, float]]] = [
        (ones, FIRST_RATE, (float(x1), float(x2), float(y))) for (x1, x2), y in TRAINING_POINTS[:1]
    ]
    while len(drawn) < 13:
        biases, hidden, output = (generator.uniform(-2, 2, shape).round(1) for shape in WEIGHTS.values())
        x1, x2, y = generator.uniform(-3, 3, 3).round(1).tolist()
        weighted = hidden @ np.array([[x1], [x2]]) + biases
        is_clear = np.abs(weighted).min() > 0.005  # rounding must not decide whether a unit is active
        if is_clear and weighted[0] > 0 and (weighted > 0).sum() == len(drawn) % 3 + 1:
            rate = round(generator.uniform(0.01, 0.3), 2)
            drawn.append(((biases, hidden, output), rate, (x1, x2, y)))
    return [[State(*each, kind=kind) for each in drawn] for kind in (np.matrix, np.array)]


# The step, value by value

Value = Callable[[SimpleNamespace], Any]

STEP: Mapping[str, Value] = MappingProxyType(
    {
        "x": lambda v: np.array([[v.x1], [v.x2]]),
        "z": lambda v: v.W @ v.x + v.b,
        "h": lambda v: np.maximum(v.z, 0),
        "out": lambda v: v.V @ v.h,
        "result": lambda v: v.out,
        "error": lambda v: v.out - v.y,
        "slope": lambda v: v.z > 0,
        "dV": lambda v: v.error @ v.h.T,
        "back": lambda v: v.V.T * v.error * v.slope,
        "db": lambda v: v.back,
        "dW": lambda v: v.back @ v.x.T,
        "new": lambda v: (v.b - v.rate * v.db, v.W - v.rate * v.dW, v.V - v.rate * v.dV),
    }
)
"""The values of a step in their order: W leads to the hidden layer, V to the output; z is weighted, h active."""


def values(state: State, **changes: Value) -> SimpleNamespace:
    """Return the values of a step from `state`; `changes` replace the formulas of some."""
    x1, x2, y = state.point
    b, W, V = state.weights
    v = SimpleNamespace(b=b, W=W, V=V, rate=state.rate, x1=x1, x2=x2, y=y)
    for name, formula in {**STEP, **changes}.items():
        setattr(v, name, formula(v))
    return v


FORWARD: Mapping[str, dict[str, Value]] = {
    "The forward pass has no bias: the weighted input of the hidden layer lacks something.": {
        "z": lambda v: v.W @ v.x
    },
    "The hidden layer has no activation function: its weighted input goes on as it is.": {"h": lambda v: v.z},
    "The hidden layer lacks its bias and its activation function.": {"z": lambda v: v.W @ v.x, "h": lambda v: v.z},
    "The bias is added after the activation: look at the order in the hidden layer.": {
        "z": lambda v: v.W @ v.x,
        "h": lambda v: np.maximum(v.z, 0) + v.b,
    },
    "The bias is subtracted in the forward pass: look at its sign.": {"z": lambda v: v.W @ v.x - v.b},
    "x1 and x2 are swapped: look at the order of the input values.": {"x": lambda v: np.array([[v.x2], [v.x1]])},
    "The hidden layer uses the derivative of ReLU: the forward pass needs the function itself.": {
        "h": lambda v: (v.z > 0) * 1.0
    },
    "The weights are reshaped where they should be multiplied as they are: their rows and columns get mixed.": {
        "z": lambda v: v.W.reshape(2, 3).T @ v.x + v.b
    },
    "The network's own weights are not used: look for weights that are written as numbers, or kept outside.": {
        "z": lambda v: np.ones((3, 2)) @ v.x,
        "out": lambda v: np.ones((1, 3)) @ v.h,
    },
}
"""Mistakes of the forward pass, which both exercises have, by their sentences."""

BACKWARD: Mapping[str, dict[str, Value]] = {
    "train changes nothing: assign the new weights and biases to the network.": {"new": lambda v: (v.b, v.W, v.V)},
    "The step goes up the gradient, and the error grows: look at the sign.": {
        "new": lambda v: (v.b + v.rate * v.db, v.W + v.rate * v.dW, v.V + v.rate * v.dV)
    },
    "The biases do not change: they are trained too.": {"db": lambda v: 0 * v.b},
    "Only the biases go up their gradient: look at the sign of their update.": {"db": lambda v: -v.back},
    "The input-to-hidden weights do not change: they are trained too.": {"dW": lambda v: 0 * v.W},
    "Only the weights to the output change: the hidden layer's weights and biases are trained too.": {
        "db": lambda v: 0 * v.b,
        "dW": lambda v: 0 * v.W,
    },
    "The hidden-to-output weights do not change: they are trained too.": {"dV": lambda v: 0 * v.V},
    "The learning rate is missing: the step is the whole gradient.": {
        "new": lambda v: (v.b - v.db, v.W - v.dW, v.V - v.dV)
    },
    "The learning rate is applied twice: look at the gradients and at the update.": {
        "new": lambda v: (v.b - v.rate**2 * v.db, v.W - v.rate**2 * v.dW, v.V - v.rate**2 * v.dV)
    },
    "The learning rate is a number in your code: take the network's own.": {
        "new": lambda v: (v.b - 0.001 * v.db, v.W - 0.001 * v.dW, v.V - 0.001 * v.dV)
    },
    "The old weights are lost: the step replaces them where it should change them.": {
        "new": lambda v: (-v.rate * v.db, -v.rate * v.dW, -v.rate * v.dV)
    },
    "The hidden layer is linear both ways: it has neither an activation function nor its slope.": {
        "h": lambda v: v.z,
        "slope": lambda _: 1.0,
    },
    "The hidden layer's error lacks the slope of its activation function.": {"slope": lambda _: 1.0},
    "The slope in the hidden layer's error is taken at the wrong layer: at the output.": {
        "slope": lambda v: v.out > 0
    },
    "The slope in the hidden layer's error is taken at the error: at which value should it be?": {
        "slope": lambda v: v.V.T * v.error > 0
    },
    "The slope in the hidden layer's error is the layer's value: use the slope of ReLU.": {"slope": lambda v: v.h},
    "The slope in the hidden layer's error is the weighted input: use the slope of ReLU.": {
        "slope": lambda v: v.z
    },
    "The hidden layer's error has the slope of leaky ReLU.": {"slope": lambda v: np.where(v.z > 0, 1, 0.01)},
    "The slope in the hidden layer's error is taken at the weights: at which value should it be?": {
        "slope": lambda v: v.V.T > 0
    },
    "The hidden layer's error lacks the weights to the output: how does the output's error reach each unit?": {
        "back": lambda v: v.error * v.slope
    },
    "The weights to the output change before the hidden layer's error uses them: compute all gradients first.": {
        "back": lambda v: (v.V - v.rate * v.dV).T * v.error * v.slope
    },
    "The hidden units share one error, their sum: multiply element by element where you use a matrix product.": {
        "back": lambda v: np.full((3, 1), (v.V @ (v.slope * 1.0) * v.error).item())
    },
    "The gradient of the biases lacks the slope of the activation function.": {"db": lambda v: v.V.T * v.error},
    "The gradient of the biases is the output's error: each hidden unit has its own.": {
        "db": lambda v: np.full((3, 1), v.error.item())
    },
    "The gradient of the input weights lacks the slope of the activation function.": {
        "dW": lambda v: (v.V.T * v.error) @ v.x.T
    },
    "The gradient of the output weights uses the hidden layer before its activation.": {
        "dV": lambda v: v.error @ v.z.T
    },
    "The gradient of the input weights lacks the inputs.": {"dW": lambda v: np.repeat(v.back, 2, axis=1)},
    "The gradient of the output weights lacks the output's error.": {"dV": lambda v: v.h.T},
    "The gradient of the output weights lacks the values of the hidden layer.": {
        "dV": lambda v: np.full((1, 3), v.error.item())
    },
    "The gradient of the output weights is multiplied by those weights: on what does the output depend?": {
        "dV": lambda v: v.error * v.V * v.h.T
    },
    "The output's error is the loss itself: the gradient needs its derivative.": {
        "error": lambda v: (v.out - v.y) ** 2 / 2
    },
    "The output's error is squared: use the derivative of the loss.": {"error": lambda v: (v.out - v.y) ** 2},
    "Every step is twice too long: look at the factor of the loss.": {"error": lambda v: 2 * (v.out - v.y)},
    "Every step has half its length: look at the factor of the loss.": {"error": lambda v: (v.out - v.y) / 2},
    "The output's error loses its sign: keep the difference as it is.": {"error": lambda v: abs(v.out - v.y)},
    "The output's error does not depend on y: compare the output with it.": {"error": lambda v: v.out},
    "The output layer has ReLU: the output layer is linear here.": {"out": lambda v: np.maximum(v.V @ v.h, 0)},
    "The output layer has ReLU and its slope: the output layer is linear here.": {
        "out": lambda v: np.maximum(v.V @ v.h, 0),
        "error": lambda v: (v.out - v.y) * (v.out > 0),
    },
    "The gradient of the output weights is a column: the weights are a row, so look at what is transposed.": {
        "dV": lambda v: (v.error @ v.h.T).T
    },
}
"""Mistakes of a step of training, by their sentences."""

PREDICTIONS: Mapping[str, Value] = {
    "The output layer has ReLU: the output layer is linear here.": lambda v: np.maximum(v.out, 0),
    "The result is the hidden layer: the way to the output is missing.": lambda v: v.h,
    "The weights to the output are not used: the hidden values are only added up.": lambda v: v.h.sum(),
    "The output has biases too: only the hidden layer of this network has them.": (lambda v: v.out + v.b.sum()),
    "The result is rounded: the network predicts a number with its fraction.": lambda v: np.round(v.out),
    "The fraction of the result is lost: the network predicts a number with its fraction.": (
        lambda v: np.trunc(v.out)
    ),
    "The result is only a sign: the network predicts a number, and not a class.": lambda v: np.sign(v.out),
    "The output weights multiply the hidden values, but nothing adds the products up.": lambda v: v.V * v.h.T,
    "The result is squashed by a sigmoid: the output layer is linear here.": lambda v: 1 / (1 + np.exp(-v.out)),
}
"""Mistakes after the hidden layer of a prediction, by their sentences."""


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


def _reference(state: State) -> RegressionNetwork:
    network = RegressionNetwork()
    network.biases, network.input_to_hidden_weights, network.hidden_to_output_weights = state.weights
    network.learning_rate = state.rate
    return network


def _trained(state: State) -> tuple[Floats, ...]:
    network = _reference(state)
    network.train(*state.point)
    return network.biases, network.input_to_hidden_weights, network.hidden_to_output_weights


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


def _shown(numbers: int) -> Callable[[State], str]:
    """Return how a case is shown: the first `numbers` of x1, x2 and y, and weights that are not all 1."""

    def shown(state: State) -> str:
        point = f"({', '.join(f'{each:g}' for each in state.point[:numbers])})"
        if state.rate == FIRST_RATE:
            return f"{point} with the starting weights"
        arrays = [f"{name} {array.tolist()}" for name, array in zip(WEIGHTS, state.weights, strict=True)]
        if numbers == len(state.point):
            arrays.append(f"learning_rate {state.rate:g}")
        return f"{point} with {', '.join(arrays)}"

    return shown


def _caveat(run: Callable[[Any, State], Any], result: Value) -> Callable[[Any], str]:
    """Return a check for a type that `np.vectorize` guesses from the first hidden unit, if that is not active."""
    weights = (np.zeros((3, 1)), np.array([[-1.0, 0], [1, 0.5], [0.5, 0.25]]), np.array([[0.5, 1.5, -0.5]]))

    def remark(solution: Any) -> str:
        for kind in (np.matrix, np.array):
            state = State(weights, 0.1, (1.9, 0.7, 2.0), kind)
            truncated = values(state, h=lambda v: np.trunc(np.maximum(v.z, 0)))
            if same(attempt(run, solution, state, called=""), result(truncated)):
                return TRUNCATED
        return ""

    return remark


TRUNCATED = (
    "One trap: where ReLU's first result is the whole number 0, np.vectorize drops the fractions of the others."
)


def _stepped(changes: Mapping[str, Value]) -> Callable[[State], SimpleNamespace]:
    return lambda state: values(state, **changes)


def _mistakes(tables: Sequence[Mapping[str, dict[str, Value]]], result: Value) -> list[Mistake]:
    changes = {sentence: each for table in tables for sentence, each in table.items()}
    return simulated({sentence: _stepped(each) for sentence, each in changes.items()}, result)


def _output(v: SimpleNamespace) -> Any:
    return number(v.result)


def _new(v: SimpleNamespace) -> Any:
    return v.new


TRAIN_STEP = Exercise(
    call="train",
    variants=_states,
    run=_train,
    answer=_trained,
    shown=_shown(3),
    mistakes=_mistakes([FORWARD, BACKWARD], _new),
    differs=_differs,
    caveat=_caveat(_train, _new),
)

PREDICT = Exercise(
    call="predict",
    variants=_states,
    run=_predict,
    answer=lambda state: np.asarray(_reference(state).predict(*state.point[:2])),
    shown=_shown(2),
    mistakes=_mistakes(
        [FORWARD, {sentence: {"result": wrong} for sentence, wrong in PREDICTIONS.items()}], _output
    ),
    caveat=_caveat(_predict, _output),
)

EXERCISES = MappingProxyType({"train_step": TRAIN_STEP, "predict": PREDICT})


def verdict(name: str, solution: Any) -> Verdict:
    """Return the verdict on a solution of the exercise called `name`."""
    return judge(name, EXERCISES[name], solution)
