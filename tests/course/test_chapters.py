"""The chapters run as their reader runs them: each code cell in turn, from top to bottom."""

import multiprocessing
import os
import re
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from digitscope import course
from tests.course.claims import CLAIMS

CHAPTERS = sorted((Path(course.__file__).parent / "chapters").glob("*.md"))
CELL = re.compile(r"^```\{code-cell\}.*\n((?:.*\n)*?)```$", re.MULTILINE)
OPTION = re.compile(r"^:.*\n", re.MULTILINE)
MOST_SECONDS = 120  # of one processor, which is busy with other tests too


# Each chapter runs in a process of its own, since its cells set what other tests would meet. The processes are
# copies of one that has loaded what most chapters load.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["matplotlib.pyplot", "torch", "digitscope.experiments.run"])


def run(cells: list[str], claims: list[str]) -> None:
    """Run cells, and then claims with their names; code that fails or warns raises."""
    import matplotlib.pyplot as plt

    os.nice(19)  # tests that wait for something go first
    plt.switch_backend("Agg")
    warnings.simplefilter("error")
    names = {"__name__": "__main__"}
    for number, cell in enumerate(cells, start=1):
        exec(compile(cell, f"cell {number}", "exec"), names)  # noqa: S102 - the chapters are ours
        for figure in map(plt.figure, plt.get_fignums()):
            figure.canvas.draw()
        plt.close("all")
    assert time.process_time() < MOST_SECONDS
    for claim in claims:
        exec(compile(claim, claim, "exec"), names)  # noqa: S102


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_the_cells_run(path: Path) -> None:
    cells = [OPTION.sub("", cell) for cell in CELL.findall(path.read_text(encoding="utf-8"))]
    assert len(cells) > 5
    claims = [code for code in CLAIMS.get(path.stem, {}).values() if code]
    with ProcessPoolExecutor(1, PROCESSES) as pool:
        pool.submit(run, cells, claims).result()


def test_claims_stand_in_the_prose() -> None:
    for path in CHAPTERS:
        prose = " ".join(CELL.sub("", path.read_text(encoding="utf-8")).split())
        assert [phrase for phrase in CLAIMS.get(path.stem, {}) if phrase not in prose] == []


def test_every_picture_and_chapter_that_is_linked_exists() -> None:
    for path in CHAPTERS:
        for target in re.findall(r"\]\(([^):]+)\)", CELL.sub("", path.read_text(encoding="utf-8"))):
            assert (path.parent / target).is_file(), f"{path.name} links to {target}"
