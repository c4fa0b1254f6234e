"""The exercises on ReLU and its derivative, both of one number."""

from collections.abc import Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from digitscope.course.exercises.judging import Exercise, number, same

AT_HAND = (0.0, 1.0, -1.0, 2.0, -2.0)
BEYOND = (0.7, -0.7, 0.2, -0.2, 0.003, -0.003, 1e-5, -1e-5, 12.0, -12.0, 150.0, -150.0, 700.0, -700.0)
"""Inputs that are small or large: a wrong threshold or limit may lie near 0 or far from it."""


def _numbers(generator: np.random.Generator) -> list[list[float]]:
    drawn = generator.uniform(-9, 9, size=30)
    return [[*AT_HAND, *sorted(drawn.tolist(), key=abs), *BEYOND]]


def _relu_mistakes(x: float) -> dict[str, float | None]:
    relu = max(x, 0.0)
    return {
        "Negative inputs come back unchanged: nothing happens to them yet.": x,
        "Negative inputs come back as positive numbers: that is the absolute value.": abs(x),
        "The two sides are swapped: negative inputs pass, and positive ones are dropped.": min(x, 0.0),
        "The sign is wrong: positive inputs come back as negative numbers.": -relu,
        "The function is mirrored: positive inputs are dropped, and the sign of negative ones is lost.": (
            max(-x, 0.0)
        ),
        "All positive inputs give 1: that is the slope of ReLU, and not its value.": float(x > 0),
        "Every input gives 1, 0 or -1: only the sign is left, and the size of the input is lost.": np.sign(x),
        "Positive inputs give 1 and negative ones -1; 0 gives None: return a value that depends on x.": (
            np.sign(x) if x else None
        ),
        "Negative inputs still give a small negative number: that is leaky ReLU.": x if x > 0 else 0.01 * x,
        "Negative inputs still give a negative number: that is leaky ReLU with a slope of 0.1.": (
            x if x > 0 else 0.1 * x
        ),
        "Fractions are lost: something turns the result into a whole number.": int(relu),
        "Fractions are lost: something rounds the result.": round(relu),
        "Small inputs give 1: look at the number that x is compared with.": max(x, 1.0),
        "Every input gives 0: the positive ones are dropped too.": 0.0,
        "That is the sigmoid, which lies between 0 and 1: the exercise asks for ReLU.": _sigmoid(x),
        "That is tanh: the exercise asks for ReLU.": np.tanh(x),
        "That is softplus, a smooth relative of ReLU: the exercise wants the one with a corner.": (
            np.logaddexp(0, x)
        ),
        "Inputs that are not positive give None: one branch lacks its return.": x if x > 0 else None,
        "Negative inputs give None: one branch lacks its return.": x if x >= 0 else None,
    }


def _derivative_mistakes(x: float) -> dict[str, float | None]:
    return {
        "Only the value at 0 is wrong: the exercise says which side 0 belongs to.": float(x >= 0),
        "Only the value at 0 is wrong: the exercise does not take the middle between the two sides.": (
            np.heaviside(x, 0.5)
        ),
        "0 gives None: no branch is for x = 0.": float(x > 0) if x else None,
        "Positive inputs come back as they are: that is ReLU itself, and not its slope.": max(x, 0.0),
        "The input comes back as it is: the exercise asks for a slope.": x,
        "Every input gives 1: think about the slope of ReLU where it is flat.": 1.0,
        "Every input gives 0: think about the slope of ReLU where it rises.": 0.0,
        "Negative inputs give -1: think about the slope of ReLU where it is flat.": np.sign(x),
        "Negative inputs give -1, and so does 0: think about the slope of ReLU where it is flat.": (
            1.0 if x > 0 else -1.0
        ),
        "The two sides are swapped: look at the direction of the comparison.": float(x < 0),
        "The two sides are swapped, and 0 is on the wrong one: look at the comparison.": float(x <= 0),
        "Every input but 0 gives 1: is ReLU as steep on the left as on the right?": float(x != 0),
        "Negative inputs give a small slope: that is the derivative of leaky ReLU.": 1.0 if x > 0 else 0.01,
        "That is the derivative of the sigmoid: the exercise asks for ReLU's.": _sigmoid(x) * (1 - _sigmoid(x)),
        "Inputs that are not positive give None: one branch lacks its return.": 1.0 if x > 0 else None,
    }


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def _in_order(cases: Sequence[float], outputs: Sequence[Any]) -> list[tuple[float, float]]:
    """Return the inputs with their outputs, smallest first, or nothing if an output is no number."""
    if not all(isinstance(each, np.ndarray) and each.shape == () for each in outputs):
        return []
    return sorted(zip(cases, map(float, outputs), strict=True))


def _stops_at_a_limit(cases: Sequence[float], outputs: Sequence[Any]) -> bool:
    pairs = _in_order(cases, outputs)
    return bool(pairs) and all(same(y, min(max(x, 0.0), max(outputs))) for x, y in pairs)


def _drops_small_inputs(cases: Sequence[float], outputs: Sequence[Any]) -> bool:
    pairs = _in_order(cases, outputs)
    ys = [y for _, y in pairs]
    return (
        bool(ys) and min(ys) == 0 < max(ys) and ys == sorted(ys) and all(same(y, x if y else 0) for x, y in pairs)
    )


def _steps_elsewhere(cases: Sequence[float], outputs: Sequence[Any]) -> bool:
    ys = [y for _, y in _in_order(cases, outputs)]
    return set(ys) == {0.0, 1.0} and ys == sorted(ys)


_exercise = partial(
    Exercise,
    variants=_numbers,
    run=lambda solution, x: number(solution(x)),
    shown=lambda x: f"({x:.4g})",
)

EXERCISES = MappingProxyType(
    {
        "relu": _exercise(
            call="relu",
            answer=lambda x: max(x, 0.0),
            mistakes=_relu_mistakes,
            signs={
                "Large inputs stop at a limit: nothing limits ReLU from above.": _stops_at_a_limit,
                "Small positive inputs give 0: look at the number that x is compared with.": _drops_small_inputs,
            },
        ),
        "relu_derivative": _exercise(
            call="relu_derivative",
            answer=lambda x: float(x > 0),
            mistakes=_derivative_mistakes,
            signs={
                "The step from 0 to 1 is at another input than 0: look at the number that x is compared with.": (
                    _steps_elsewhere
                )
            },
        ),
    }
)
