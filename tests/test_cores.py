"""Cores are what the process may use, and not what the machine has."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from digitscope.cores import usable_cores

V2, V1 = "0::/a/b\n", "12:memory:/a\n3:cpu,cpuacct:/a\n0::/\n"


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        (V2, {"a/b/cpu.max": "400000 100000\n", "a/cpu.max": "300000 100000\n"}, 3),
        (V2, {"cpu.max": "50000 100000\n"}, 1),  # a container that sees its own group as the top
        (V1, {"cpu/a/cpu.cfs_quota_us": "250000\n", "cpu/a/cpu.cfs_period_us": "100000\n"}, 3),
        (V1, {"cpu/a/cpu.cfs_quota_us": "-1\n", "cpu/a/cpu.cfs_period_us": "100000\n"}, 8),
    ],
)
def test_quotas_of_control_groups(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, groups: str, files: dict[str, str], expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for name, text in {"proc/self/cgroup": groups, **{f"sys/fs/cgroup/{k}": v for k, v in files.items()}}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert usable_cores(tmp_path) == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs an operating system with affinity")
def test_a_process_on_one_core_counts_one_everywhere() -> None:
    code = """
import argparse, os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from digitscope.cli.arguments import cores
from digitscope.reading import Recognizer, shipped_path
from digitscope.experiments.machine import describe_machine
from digitscope.serve import Limits
parser = argparse.ArgumentParser()
cores().add_to(parser)
print(parser.parse_args([]).cores, describe_machine()["cores"])
print(Recognizer(shipped_path("digit")).threads, Limits().processes)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"] * 4
