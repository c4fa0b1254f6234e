"""`digitscope learn`, on small chapters; and the chapters themselves."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from digitscope.cli import learn
from tests.cli.helpers import Command

CHAPTER = """\
---
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# One

Go on with [two](2-two.md#part), or [read](https://example.org/3.md).

```{code-cell} python
print(1 + 1)
```

```{code-cell} python
:tags: [hide-input]
print(2)
```
"""


@pytest.fixture
def chapters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "chapters"
    (folder / "images").mkdir(parents=True)
    (folder / "1-one.md").write_text(CHAPTER)
    (folder / "2-two.md").write_text(CHAPTER.replace("One", "Two"))
    (folder / "images" / "dot.gif").write_bytes(b"GIF89a")
    monkeypatch.setattr(learn, "CHAPTERS", folder)


@pytest.mark.usefixtures("chapters")
def test_chapters_become_notebooks(digitscope: Command, desk: Path) -> None:
    assert digitscope("learn", "--out", "here") == (0, "", ["here: 2 chapters"])
    assert sorted(path.name for path in (desk / "here").iterdir()) == ["1-one.ipynb", "2-two.ipynb", "images"]
    assert (desk / "here" / "images" / "dot.gif").read_bytes() == b"GIF89a"
    notebook = nbformat.read(desk / "here" / "1-one.ipynb", as_version=4)
    nbformat.validate(notebook)
    text, code, hidden = notebook.cells
    assert text.source == "# One\n\nGo on with [two](2-two.ipynb#part), or [read](https://example.org/3.md)."
    assert (code.cell_type, code.source) == ("code", "print(1 + 1)")
    assert [cell.metadata.get("jupyter") for cell in (code, hidden)] == [None, {"source_hidden": True}]
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.usefixtures("chapters")
def test_a_notebook_that_somebody_ran_stays_as_it_is(digitscope: Command, desk: Path) -> None:
    digitscope("learn", "--out", "here")
    path = desk / "here" / "1-one.ipynb"
    first = path.read_text()
    ran = json.loads(first)
    ran["cells"][1]["execution_count"] = 1
    path.write_text(json.dumps(ran))
    line = "here: 2 chapters; 1 that you changed stay as they are, --force writes them anew"
    assert digitscope("learn", "--out", "here") == (0, "", [line])
    assert json.loads(path.read_text()) == ran
    assert digitscope("learn", "--out", "here", "--force") == (0, "", ["here: 2 chapters"])
    assert path.read_text() == first


@pytest.mark.usefixtures("chapters")
def test_jupyter_opens_the_folder_and_its_exit_code_counts(
    digitscope: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jupyterlab", ModuleType("jupyterlab"))
    calls = []

    def run(call: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        calls.append(call)
        return subprocess.CompletedProcess(call, 3)

    monkeypatch.setattr(subprocess, "run", run)
    assert digitscope("learn").code == 3
    assert calls == [[sys.executable, "-m", "jupyterlab", "learn"]]


@pytest.mark.usefixtures("chapters")
def test_without_jupyter_it_says_how_to_install_it(
    digitscope: Command, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    code, out, (done, error) = digitscope("learn")
    assert (code, out, done) == (1, "", "learn: 2 chapters")
    assert error.endswith("pip install 'digitscope[learn]'")
    assert (desk / "learn" / "1-one.ipynb").is_file()


@pytest.mark.usefixtures("chapters")
def test_a_place_that_cannot_be_written_is_named(digitscope: Command, desk: Path) -> None:
    (desk / "file").write_text("")
    code, _, (line,) = digitscope("learn", "--out", "file")
    assert code == 1
    assert line.startswith("digitscope: error: file: cannot be written")


def test_every_chapter_is_a_notebook_with_code() -> None:
    for path in Path(str(learn.CHAPTERS)).glob("*.md"):
        notebook = nbformat.reads(learn.notebook_of(path.read_text(encoding="utf-8")), as_version=4)
        nbformat.validate(notebook)
        assert any(cell.cell_type == "code" for cell in notebook.cells), path.name
        assert notebook.metadata.kernelspec.name == "python3", path.name
