"""The objective of each task."""

from collections.abc import Mapping
from types import MappingProxyType

from digitscope.data.splits import Task
from digitscope.training.objectives import DIGIT_OBJECTIVE, SEPARATION_OBJECTIVE, Objective
from digitscope.training.page_objective import PageObjective

OBJECTIVES: Mapping[Task, Objective] = MappingProxyType(
    {
        "digit": DIGIT_OBJECTIVE,
        "two-digit": DIGIT_OBJECTIVE,
        "separation": SEPARATION_OBJECTIVE,
        "page": PageObjective(),
        "item": DIGIT_OBJECTIVE,
    }
)
"""The loss and the score of each task."""
