"""Seconds from a new process to its first digit: `Recognizer` beside the same network in PyTorch."""

import subprocess
import sys
from collections.abc import Mapping
from functools import partial

from digitscope.experiments.bench.comparison import Column, Comparison, Conditions, Row
from digitscope.experiments.bench.turns import take_turns, timed

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
    programs = conditions.chosen(PROGRAMS)
    conditions.on_start(NAME, (conditions.rounds + 1) * len(programs))
    turns = {side: partial(_seconds, program) for side, program in programs.items()}
    seconds = take_turns(turns, conditions.rounds, conditions.on_turn)
    rows = tuple(Row(side, {"seconds": seconds[side]}, raw=seconds[side]) for side in programs)
    title = f"{NAME}: a new process reads one digit; {conditions.in_words}"
    return (Comparison(NAME, title, REMARK, COLUMNS, rows, {"rounds": conditions.rounds}),)


def _seconds(program: str) -> float:
    """Return how long a process takes that does what `program` says."""
    call = [sys.executable, "-c", program]
    return timed(lambda: subprocess.run(call, check=True))[1]  # noqa: S603 - of PROGRAMS
