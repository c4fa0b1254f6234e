"""The cores that this process may use: what affinity and Linux's control groups leave of the machine's."""

import math
import os
from collections.abc import Iterator
from pathlib import Path


def usable_cores(root: Path = Path("/")) -> int:
    """Return the number of cores that this process may use, at least 1; a quota of one and a half counts as two.

    `root` is where the file system begins.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([allowed, *map(math.ceil, _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Yield the cores that each control group of this process grants, in version 1 or 2 of control groups."""
    for line in _content(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top, names = root / "sys/fs/cgroup", ["cpu.max"]
        elif "cpu" in controllers.split(","):
            top, names = root / "sys/fs/cgroup/cpu", ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
        else:
            continue
        group = top / path.lstrip("/")  # in a container it may not be there, but the top is then the container's
        for folder in [each for each in (group, *group.parents) if each.is_relative_to(top)]:
            match " ".join(_content(folder / name) for name in names).split():
                case [quota, period] if quota.isdecimal():  # neither "max" nor -1
                    yield int(quota) / int(period)


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
