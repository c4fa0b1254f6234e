"""Seconds from a new process to its first digit: `Recognizer` beside the same network in PyTorch."""

import subprocess
import sys
from collections.abc import Mapping
from functools import partial

from digitscope.experiments.bench.measuring import (
    Column,
    Comparison,
    Conditions,
    rows_of,
    seconds_row,
    take_turns,
    timed,
)

NAME = "start"

COLUMNS = (Column("seconds", "seconds", "{:.3f}"),)

REMARK = (
    "Timed: a Python process from its start to its end, which reads one blank image. The first row loads the "
    "network that ships, the second makes the network of the same recipe with random weights."
)

PROGRAMS: Mapping[str, str] = {
    "Recognizer": (
        "import numpy, digitscope; "
        "digitscope.Recognizer.load('digit').predict(numpy.zeros((28, 28), numpy.uint8)).labels"
    ),
    "PyTorch, eager": (
        "import torch; from digitscope.models import build; "
        "build('small', {}).eval()(torch.zeros(1, 28, 28, dtype=torch.uint8)).argmax()"
    ),
    "Python, which does nothing": "pass",
}
"""The program of each side's process."""


def measure(conditions: Conditions) -> tuple[Comparison, ...]:
    """Return the one table."""
    makers = {side: partial(str, program) for side, program in PROGRAMS.items()}

    def seconds_of(program: str) -> float:
        return timed(partial(subprocess.run, [sys.executable, "-c", program], check=True))[1]

    measured = take_turns(NAME, makers, seconds_of, conditions)
    title = f"{NAME}: a new process reads one digit; {conditions.in_words}"
    return (
        Comparison(NAME, title, REMARK, COLUMNS, rows_of(measured, seconds_row), {"rounds": conditions.rounds}),
    )
