"""The chapters run as their reader runs them: each code cell in turn, from top to bottom."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from digitscope import course
from tests.course.claims import CLAIMS

CHAPTERS = sorted((Path(course.__file__).parent / "chapters").glob("*.md"))
CELL = re.compile(r"^```\{code-cell\}.*\n((?:.*\n)*?)```$", re.MULTILINE)
OPTION = re.compile(r"^:.*\n", re.MULTILINE)
MOST_SECONDS = 120  # of one processor, which is busy with other tests too


RUN = f"""
import json, sys, time, warnings
import matplotlib
import torch

matplotlib.use("Agg")
warnings.simplefilter("error")
import matplotlib.pyplot as plt

names = {{"__name__": "__main__"}}
cells, claims = json.load(sys.stdin)
for number, cell in enumerate(cells, start=1):
    exec(compile(cell, f"cell {{number}}", "exec"), names)
    for figure in map(plt.figure, plt.get_fignums()):
        figure.canvas.draw()
    plt.close("all")
assert time.process_time() < {MOST_SECONDS}, time.process_time()
for claim in claims:
    exec(compile(claim, claim, "exec"), names)
"""
"""Runs the cells and claims on standard input in a process of their own: they set what other tests would meet."""


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_the_cells_run(path: Path) -> None:
    cells = [OPTION.sub("", cell) for cell in CELL.findall(path.read_text(encoding="utf-8"))]
    assert len(cells) > 5
    claims = [code for code in CLAIMS.get(path.stem, {}).values() if code]
    call = ["nice", "-n", "19", sys.executable, "-c", RUN]  # tests that wait for something go first
    done = subprocess.run(call, input=json.dumps((cells, claims)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_claims_stand_in_the_prose() -> None:
    for path in CHAPTERS:
        prose = " ".join(CELL.sub("", path.read_text(encoding="utf-8")).split())
        assert [phrase for phrase in CLAIMS.get(path.stem, {}) if phrase not in prose] == []


def test_every_picture_and_chapter_that_is_linked_exists() -> None:
    for path in CHAPTERS:
        for target in re.findall(r"\]\(([^):]+)\)", CELL.sub("", path.read_text(encoding="utf-8"))):
            assert (path.parent / target).is_file(), f"{path.name} links to {target}"
