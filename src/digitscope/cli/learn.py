"""`digitscope learn`: the chapters that teach how a network learns, as notebooks."""

import argparse
import re
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.resources import as_file, files
from pathlib import Path

from digitscope.cli.arguments import Command, Flag, Folder
from digitscope.cli.console import remark
from digitscope.files import make_folder, replacing, write_text

CHAPTERS = files("digitscope.course") / "chapters"
FOLDER = Path("learn")


def run(options: argparse.Namespace) -> int:
    """Write the notebooks, and open them unless --out says where they go."""
    folder = options.out or FOLDER
    with as_file(CHAPTERS) as chapters:
        write_chapters(chapters, folder, force=options.force)
    if options.out:
        return 0
    import_module("jupyterlab")
    return subprocess.run([sys.executable, "-m", "jupyterlab", str(folder)], check=False).returncode  # noqa: S603


def write_chapters(chapters: Path, folder: Path, *, force: bool = False) -> None:
    """Write each chapter into `folder` as a notebook, and its pictures as they are.

    A notebook there that differs, because somebody changed or ran it, stays as it is without `force`.

    Raises:
        OSError: the folder or a file cannot be written; `filename` is its path.
    """
    make_folder(folder)
    n_kept = n_notebooks = 0
    for source in sorted(path for path in chapters.rglob("*") if path.is_file()):
        if source.suffix != ".md":
            with replacing(folder / source.relative_to(chapters)) as temporary:
                shutil.copyfile(source, temporary)
            continue
        target, content = folder / f"{source.stem}.ipynb", notebook_of(source.read_text(encoding="utf-8"))
        n_notebooks += 1
        if target.exists() and not force and target.read_text(encoding="utf-8", errors="replace") != content:
            n_kept += 1
        else:
            write_text(target, content)
    kept = f"; {n_kept} that you changed stay as they are, --force writes them anew" if n_kept else ""
    remark(f"{folder}: {n_notebooks} chapters{kept}")


def notebook_of(chapter: str) -> str:
    """Return a chapter of MyST Markdown as a notebook with links to notebooks. Equal texts give equal bytes."""
    import jupytext

    links = re.sub(r"\]\((\d[\w-]*)\.md\b", r"](\1.ipynb", chapter)
    notebook = jupytext.reads(links, fmt="md:myst")
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{number}"
        if "hide-input" in cell.metadata.get("tags", ()):
            cell.metadata["jupyter"] = {"source_hidden": True}  # JupyterLab does not know the tag
    notebook.metadata.pop("jupytext", None)  # which would pair it with a text file
    return str(jupytext.writes(notebook, fmt="ipynb"))


COMMAND = Command(
    run,
    (
        Folder("--out", help="write the notebooks there and open nothing (default: learn, and open them)"),
        Flag("--force", help="write over notebooks that you have changed or run"),
    ),
    "learn --out chapters",
    "Opens JupyterLab on the chapters in the folder learn. pip install 'digitscope[learn]' brings what they need.",
    needs=("jupytext",),
)
