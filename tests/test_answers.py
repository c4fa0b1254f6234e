"""The answers of exercises are closed until a reader opens them, on the site and in JupyterLab."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from digitscope.cli.learn import notebook_of
from tests.course.test_chapters import CHAPTERS

DOCS = Path(__file__).parent.parent / "docs"
ANSWER = "```{admonition} Answer\n"
CLOSED = re.compile(r'<details class="[^"]*dropdown[^"]*"(?![^>]* open)[^>]*>\s*<summary[^>]*>(?:<p[^>]*>)?Answer')


def test_each_answer_has_the_class_that_closes_it() -> None:
    for path in CHAPTERS:
        chapter = path.read_text(encoding="utf-8")
        closed = f"{ANSWER}:class: dropdown\n"
        assert chapter.count(ANSWER) == chapter.count(closed) == chapter.count("{admonition}")
        cells = ["".join(cell["source"]) for cell in json.loads(notebook_of(chapter))["cells"]]
        assert "\n".join(cells).count(closed) == chapter.count(closed)


def test_the_site_shows_answers_closed(tmp_path: Path) -> None:
    for package in ("sphinx", "furo", "myst_parser"):
        pytest.importorskip(package)
    chapter = next(path for path in CHAPTERS if path.stem == "1-neuron").read_text(encoding="utf-8")
    page = re.sub(r"^```\{code-cell\}.*?^```$|\]\([^)]*\)", "", chapter, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "index.md").write_text(page, encoding="utf-8")
    conf = f"import sys\nsys.path.insert(0, {str(DOCS)!r})\nhtml_theme = 'furo'\n"
    (tmp_path / "conf.py").write_text(f"{conf}extensions = ['myst_parser', 'answers']\n", encoding="utf-8")
    call = [sys.executable, "-m", "sphinx", "--quiet", "-D", "myst_enable_extensions=dollarmath", str(tmp_path)]
    done = subprocess.run([*call, str(tmp_path / "site")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    built = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert len(CLOSED.findall(built)) == page.count(ANSWER) > 0
