"""The exercises on the course's 2-3-1 network: one step of training, and a prediction.

A solution is right if it agrees with `digitscope.scratch.regression`.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np

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
from digitscope.course.exercises.regression_steps import (
    BACKWARD,
    FORWARD,
    PREDICTIONS,
    UPDATES,
    WEIGHTS,
    Floats,
    State,
    Value,
    values,
)
from digitscope.scratch.regression import TRAINING_POINTS, RegressionNetwork

FIRST_RATE = 0.001
"""The handout's learning rate, for the handout's weights; other weights have larger ones."""


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
    mistakes=_mistakes([FORWARD, BACKWARD, UPDATES], _new),
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
