"""The exercises on ReLU and its derivative, both of one number."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from digitscope.course.exercises.judging import Exercise, Mistake, Verdict, judge, number, same, simulated
from digitscope.scratch.functions import ACTIVATIONS

AT_HAND = (0.0, 1.0, -1.0, 2.0, -2.0)
BEYOND = (0.7, -0.7, 0.2, -0.2, 0.003, -0.003, 1e-5, -1e-5, 12.0, -12.0, 150.0, -150.0, 700.0, -700.0)
"""Inputs that are small or large: a wrong threshold or limit may lie near 0 or far from it."""


def _numbers(generator: np.random.Generator) -> list[list[float]]:
    drawn = generator.uniform(-9, 9, size=30)
    return [[*AT_HAND, *sorted(drawn.tolist(), key=abs), *BEYOND]]


def _exercise(
    name: str,
    answer: Callable[[float], float],
    mistakes: Mapping[str, Callable[[float], float | None]],
    shapes: Mapping[str, Callable[[Sequence[float], Sequence[float]], bool]],
) -> Exercise:
    """Return an exercise with its mistakes: functions of an input, and checks of all inputs with their outputs."""

    def of_shape(sentence: str, shows: Callable[[Sequence[float], Sequence[float]], bool]) -> Mistake:
        def checked(cases: Sequence[Any], outputs: Sequence[Any]) -> bool:
            if not all(isinstance(each, np.ndarray) and each.shape == () for each in outputs):
                return False
            pairs = sorted(zip(cases, map(float, outputs), strict=True))
            return shows([x for x, _ in pairs], [y for _, y in pairs])

        return Mistake(sentence, shows=checked)

    return Exercise(
        call=name,
        variants=_numbers,
        run=lambda solution, x: number(solution(x)),
        answer=answer,
        shown=lambda x: f"({x:.4g})",
        mistakes=[*simulated(mistakes), *(of_shape(*each) for each in shapes.items())],
    )


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


RELU = _exercise(
    "relu",
    lambda x: float(ACTIVATIONS["relu"].function(np.array(x))),
    {
        "Negative inputs come back unchanged: nothing happens to them yet.": lambda x: x,
        "Negative inputs come back as positive numbers: that is the absolute value.": abs,
        "The two sides are swapped: negative inputs pass, and positive ones are dropped.": lambda x: min(x, 0.0),
        "The sign is wrong: positive inputs come back as negative numbers.": lambda x: -max(x, 0.0),
        "The function is mirrored: positive inputs are dropped, and the sign of negative ones is lost.": (
            lambda x: max(-x, 0.0)
        ),
        "All positive inputs give 1: that is the slope of ReLU, and not its value.": lambda x: float(x > 0),
        "Every input gives 1, 0 or -1: only the sign is left, and the size of the input is lost.": (
            lambda x: float(np.sign(x))
        ),
        "Positive inputs give 1 and negative ones -1; 0 gives None: return a value that depends on x.": (
            lambda x: float(np.sign(x)) if x else None
        ),
        "Negative inputs still give a small negative number: that is leaky ReLU.": (
            lambda x: x if x > 0 else 0.01 * x
        ),
        "Negative inputs still give a negative number: that is leaky ReLU with a slope of 0.1.": (
            lambda x: x if x > 0 else 0.1 * x
        ),
        "Fractions are lost: something turns the result into a whole number.": lambda x: float(int(max(x, 0.0))),
        "Fractions are lost: something rounds the result.": lambda x: float(round(max(x, 0.0))),
        "Small inputs give 1: look at the number that x is compared with.": lambda x: max(x, 1.0),
        "Every input gives 0: the positive ones are dropped too.": lambda _: 0.0,
        "That is the sigmoid, which lies between 0 and 1: the exercise asks for ReLU.": _sigmoid,
        "That is tanh: the exercise asks for ReLU.": lambda x: float(np.tanh(x)),
        "That is softplus, a smooth relative of ReLU: the exercise wants the one with a corner.": (
            lambda x: float(np.logaddexp(0, x))
        ),
        "Inputs that are not positive give None: one branch lacks its return.": lambda x: x if x > 0 else None,
        "Negative inputs give None: one branch lacks its return.": lambda x: x if x >= 0 else None,
    },
    {
        "Large inputs stop at a limit: nothing limits ReLU from above.": (
            lambda xs, ys: all(same(y, min(max(x, 0.0), max(ys))) for x, y in zip(xs, ys, strict=True))
        ),
        "Small positive inputs give 0: look at the number that x is compared with.": (
            lambda xs, ys: (
                all(same(y, x if y else 0.0) for x, y in zip(xs, ys, strict=True))
                and min(ys) == 0 < max(ys)
                and ys == sorted(ys)
            )
        ),
    },
)

DERIVATIVE = _exercise(
    "relu_derivative",
    lambda x: float(ACTIVATIONS["relu"].derivative(np.array(max(x, 0.0)))),
    {
        "Only the value at 0 is wrong: the exercise says which side 0 belongs to.": lambda x: float(x >= 0),
        "Only the value at 0 is wrong: the exercise does not take the middle between the two sides.": (
            lambda x: (float(x > 0) + float(x >= 0)) / 2
        ),
        "0 gives None: no branch is for x = 0.": lambda x: float(x > 0) if x else None,
        "Positive inputs come back as they are: that is ReLU itself, and not its slope.": lambda x: max(x, 0.0),
        "The input comes back as it is: the exercise asks for a slope.": lambda x: x,
        "Every input gives 1: think about the slope of ReLU where it is flat.": lambda _: 1.0,
        "Every input gives 0: think about the slope of ReLU where it rises.": lambda _: 0.0,
        "Negative inputs give -1: think about the slope of ReLU where it is flat.": lambda x: float(np.sign(x)),
        "Negative inputs give -1, and so does 0: think about the slope of ReLU where it is flat.": (
            lambda x: 1.0 if x > 0 else -1.0
        ),
        "The two sides are swapped: look at the direction of the comparison.": lambda x: float(x < 0),
        "The two sides are swapped, and 0 is on the wrong one: look at the comparison.": lambda x: float(x <= 0),
        "Every input but 0 gives 1: is ReLU as steep on the left as on the right?": lambda x: float(x != 0),
        "Negative inputs give a small slope: that is the derivative of leaky ReLU.": (
            lambda x: 1.0 if x > 0 else 0.01
        ),
        "That is the derivative of the sigmoid: the exercise asks for ReLU's.": (
            lambda x: _sigmoid(x) * (1 - _sigmoid(x))
        ),
        "Inputs that are not positive give None: one branch lacks its return.": lambda x: 1.0 if x > 0 else None,
    },
    {
        "The step from 0 to 1 is at another input than 0: look at the number that x is compared with.": (
            lambda _, ys: set(ys) == {0.0, 1.0} and ys == sorted(ys)
        ),
    },
)

EXERCISES = MappingProxyType({"relu": RELU, "relu_derivative": DERIVATIVE})


def verdict(name: str, solution: Any) -> Verdict:
    """Return the verdict on a solution of the exercise called `name`."""
    return judge(name, EXERCISES[name], solution)
