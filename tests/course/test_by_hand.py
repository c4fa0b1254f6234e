"""The numbers that chapter 2 works out by hand, in its formulas, tables and answer, are those of plain NumPy."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitscope import course

CHAPTER = (Path(course.__file__).parent / "chapters" / "2-training-by-hand.md").read_text(encoding="utf-8")
FORMULA = re.compile(r"\$\$(.+?)\$\$|^\|(.+)\|$", re.MULTILINE)
RATE = 0.001

Array = NDArray[np.float64]


class Network(NamedTuple):
    w1: Array
    b1: Array
    w2: Array


class Step(NamedTuple):
    z1: Array
    a1: Array
    o: float
    cost: float
    delta2: float
    delta1: Array
    slopes: Network
    after: Network


def step(network: Network, x: Array, y: float) -> Step:
    """Take one step at the point x, with the formulas of the chapter."""
    z1 = network.w1 @ x + network.b1
    a1 = np.maximum(0, z1)
    o = float(network.w2 @ a1)
    delta2 = o - y
    delta1 = (z1 > 0) * network.w2 * delta2
    slopes = Network(np.outer(delta1, x), delta1, delta2 * a1)
    after = Network(*(old - RATE * slope for old, slope in zip(network, slopes, strict=True)))
    return Step(z1, a1, o, (y - o) ** 2 / 2, delta2, delta1, slopes, after)


ONES = Network(np.ones((3, 2)), np.zeros(3), np.ones(3))
ONE_OFF = Network(np.array([[1.0, 2], [0, -1], [2, -1]]), np.array([1.0, 0, -1]), np.array([1.0, 2, 3]))
POINT = np.array([2.0, 1])


def value_of(latex: str) -> float:
    """Return the number that a formula of numbers gives."""
    code = latex.replace(r"\tfrac{1}{2}", "0.5*").replace(r"\bigl", "").replace(r"\bigr", "")
    code = code.replace(r"\cdot", "*").replace(r"\max", "max").replace("^", "**").strip(" $")
    assert re.fullmatch(r"[-+*/()., \dmax]+", code), latex
    return float(eval(code))  # noqa: S307 - numbers and signs of our own file


def ends_of(part: str) -> list[float]:
    """Return the number at the end of each formula and cell of `part`; the numbers of a chain must be equal."""
    found = []
    part = re.sub(r"^\|.*\n\|[-| ]+\|$|\\quad \(j = .*?\)", "", part, flags=re.MULTILINE)
    for formula, row in FORMULA.findall(part):
        for piece in row.split("|")[1:] if row else re.split(r", *\\qquad", formula):
            *chain, last = piece.strip(" $").split("=")
            ends = [value_of(number) for number in last.split(", ")]
            for each in chain:
                if not re.search(r"[a-zC]", re.sub(r"\\(tfrac|cdot|max|bigl|bigr)", "", each)):  # numbers alone
                    assert abs(value_of(each) - ends[0]) < 1.2e-4, piece  # parts may be rounded
            found += ends
    return found


def part_of(heading: str) -> str:
    return CHAPTER.split(heading)[1].split("\n## ")[0]


def test_the_first_step() -> None:
    first = step(ONES, POINT, 10)
    again = step(first.after, POINT, 10)
    (w1, b1, w2), after = first.slopes, first.after
    table = [
        w1[0, 0],
        1,
        after.w1[0, 0],
        w1[0, 1],
        1,
        after.w1[0, 1],
        b1[0],
        0,
        after.b1[0],
        w2[0],
        1,
        after.w2[0],
    ]
    expected = [first.z1[0], first.a1[0], first.o, first.o, first.cost, first.delta2, first.delta1[0], *table]
    expected += [again.a1[0], again.o, again.cost]
    part = part_of("## One step, with all its numbers")
    np.testing.assert_allclose(ends_of(part), expected, atol=5e-5)
    squares = sum(float((slope**2).sum()) for slope in first.slopes)
    assert f"The cost fell by {first.cost - again.cost:.4f}." in part
    assert f"= {RATE * squares:.4f}$." in part


def test_the_step_with_a_neuron_off() -> None:
    first = step(ONE_OFF, POINT, 10)
    again = step(first.after, POINT, 10)
    old = [[*ONE_OFF.w1[j], ONE_OFF.b1[j], first.z1[j], first.a1[j], ONE_OFF.w2[j]] for j in range(3)]
    w1, b1, w2 = first.slopes
    slopes = [[first.z1[j] > 0, first.delta1[j], *w1[j], b1[j], w2[j]] for j in range(3)]
    after = first.after
    new = [[*after.w1[j], after.b1[j], after.w2[j], again.z1[j], again.a1[j]] for j in range(3)]
    ends = [
        *np.ravel(old),
        first.o,
        first.cost,
        first.delta2,
        *np.ravel(slopes),
        *np.ravel(new),
        again.o,
        again.cost,
    ]
    np.testing.assert_allclose(ends_of(part_of("## A step with a neuron off")), ends, atol=5e-5)


def test_the_second_step_of_the_exercise() -> None:
    second = step(step(ONES, POINT, 10).after, np.array([3.0, 3]), 21)
    (w1, b1, w2), after = second.slopes, second.after
    expected = [second.a1[0], second.o, second.cost, second.delta2, second.delta1[0], w1[0, 0], b1[0], w2[0]]
    expected += [after.w1[0, 0], after.w1[0, 1], after.b1[0], after.w2[0]]
    exercise = part_of("**2. With paper.**").split("The next point")[0]
    given = [float(number) for number in re.findall(r"\d+\.\d+", exercise)]
    np.testing.assert_allclose(given, [1.002, 1.001, 0.001, 1.003])
    answer = part_of("**2. With paper.**").split("Forward:")[1].split("```")[0]
    found = [float(number) for number in re.findall(r"-?\d+\.\d+", answer)]
    np.testing.assert_allclose(found, expected, atol=5e-5)
