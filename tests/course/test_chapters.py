"""The chapters run as their reader runs them: each code cell in turn, from top to bottom."""

import re
import time
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from digitscope import course

CHAPTERS = sorted((Path(course.__file__).parent / "chapters").glob("*.md"))
CELL = re.compile(r"^```\{code-cell\}.*\n((?:.*\n)*?)```$", re.MULTILINE)
OPTION = re.compile(r"^:.*\n", re.MULTILINE)
MOST_SECONDS = 60  # of one processor; under two minutes for a reader


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_the_cells_run(path: Path) -> None:
    mpl.use("Agg")
    cells = [OPTION.sub("", cell) for cell in CELL.findall(path.read_text(encoding="utf-8"))]
    assert len(cells) > 5
    names = {"__name__": "__main__"}
    start = time.process_time()
    for number, cell in enumerate(cells, start=1):
        exec(compile(cell, f"{path.name}, cell {number}", "exec"), names)  # noqa: S102 - our own files
        for figure in map(plt.figure, plt.get_fignums()):
            figure.canvas.draw()
        plt.close("all")
    assert time.process_time() - start < MOST_SECONDS


def test_every_picture_and_chapter_that_is_linked_exists() -> None:
    for path in CHAPTERS:
        for target in re.findall(r"\]\(([^):]+)\)", CELL.sub("", path.read_text(encoding="utf-8"))):
            assert (path.parent / target).is_file(), f"{path.name} links to {target}"
