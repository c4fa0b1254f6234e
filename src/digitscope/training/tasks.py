"""The objective of each task."""

from collections.abc import Mapping
from types import MappingProxyType

from digitscope.data.splits import Task
from digitscope.training.objectives import READING, SEPARATION, Objective
from digitscope.training.page_objective import FindingPages

OBJECTIVES: Mapping[Task, Objective] = MappingProxyType(
    {"digit": READING, "two-digit": READING, "separation": SEPARATION, "page": FindingPages()}
)
