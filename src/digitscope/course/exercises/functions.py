"""The exercises on ReLU and its derivative, both of one number."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from digitscope.course.exercises.judging import Exercise, Verdict, judge, number, simulated
from digitscope.scratch.functions import ACTIVATIONS

AT_HAND = (0.0, 1.0, -1.0, 2.0, -2.0)


def _numbers(generator: np.random.Generator) -> list[list[float]]:
    drawn = generator.uniform(-9, 9, size=30)
    return [[*AT_HAND, *sorted(drawn.tolist(), key=abs)]]


def _exercise(
    name: str, answer: Callable[[float], float], mistakes: Mapping[str, Callable[[float], float | None]]
) -> Exercise:
    return Exercise(
        call=name,
        variants=_numbers,
        run=lambda solution, x: number(solution(x)),
        answer=answer,
        shown=lambda x: f"({x:.4g})",
        mistakes=simulated(mistakes),
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
        "Large inputs stop at 1: nothing limits ReLU from above.": lambda x: min(max(x, 0.0), 1.0),
        "Every input gives 0: the positive ones are dropped too.": lambda _: 0.0,
        "That is the sigmoid, which lies between 0 and 1: the exercise asks for ReLU.": _sigmoid,
        "That is tanh: the exercise asks for ReLU.": lambda x: float(np.tanh(x)),
        "That is softplus, a smooth relative of ReLU: the exercise wants the one with a corner.": (
            lambda x: float(np.logaddexp(0, x))
        ),
        "Inputs that are not positive give None: one branch lacks its return.": lambda x: x if x > 0 else None,
        "Negative inputs give None: one branch lacks its return.": lambda x: x if x >= 0 else None,
    },
)

DERIVATIVE = _exercise(
    "relu_derivative",
    lambda x: float(ACTIVATIONS["relu"].derivative(np.array(max(x, 0.0)))),
    {
        "Only the value at 0 is wrong: the handout says which side 0 belongs to.": lambda x: float(x >= 0),
        "Only the value at 0 is wrong: the handout does not take the middle between the two sides.": (
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
        "Only inputs above 1 give 1: look at the number that x is compared with.": lambda x: float(x > 1),
        "Only inputs from 1 give 1: look at the number that x is compared with.": lambda x: float(x >= 1),
        "That is the derivative of the sigmoid: the exercise asks for ReLU's.": (
            lambda x: _sigmoid(x) * (1 - _sigmoid(x))
        ),
        "Inputs that are not positive give None: one branch lacks its return.": lambda x: 1.0 if x > 0 else None,
    },
)

EXERCISES = MappingProxyType({"relu": RELU, "relu_derivative": DERIVATIVE})


def verdict(name: str, solution: Any) -> Verdict:
    """Return the verdict on a solution of the exercise called `name`."""
    return judge(name, EXERCISES[name], solution)
