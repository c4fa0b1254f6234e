"""Each script in `examples` does what it promises, called as a reader would call it."""

import ast
import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image

from tests.forms.pages import BOX, SIZE, write_pages
from tests.serve.test_serve_command import served

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
FORM = ROOT / "docs" / "images" / "form.jpg"
WRITTEN = ["70451314", "4252"]
"""Some of the numbers on it."""

MOST_LINES = 40


def run(name: str, *words: object) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-W", "error", str(ROOT / "examples" / name), *map(str, words)]
    return subprocess.run(call, capture_output=True, text=True, check=False, env=os.environ)


def test_an_example_is_short_and_says_how_it_is_called() -> None:
    sources = {path.name: path.read_text(encoding="utf-8") for path in EXAMPLES}
    lengths = {name: len(source.splitlines()) for name, source in sources.items()}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}
    said = {name: ast.get_docstring(ast.parse(source)) or "" for name, source in sources.items()}
    assert [name for name, text in said.items() if f"python examples/{name}" not in text] == []
    done = run("read_photo.py")
    assert (done.returncode, done.stdout, done.stderr.strip()) == (1, "", said["read_photo.py"])


def test_read_photo() -> None:
    done = run("read_photo.py", FORM)
    assert done.returncode == 0, done.stderr
    numbers = re.findall(r"^ *(\S+) +(\d+)%  at \((\d+), (\d+), (\d+), (\d+)\)$", done.stdout, re.MULTILINE)
    assert set(WRITTEN) <= {number[0] for number in numbers}
    left, top, width, height = next(map(int, number[2:]) for number in numbers if number[0] == WRITTEN[0])
    assert 380 < left < 420 < 800 < left + width < 850  # where the form has its third field
    assert 230 < top < 260 < 300 < top + height < 325
    assert done.stdout.count("look at") == sum(number[0].count("?") for number in numbers)


def test_read_folder(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(FORM, photos / "form.jpg")
    turned = Image.open(FORM)
    turned.getexif()[0x0112] = 6  # the camera was held upright: to be turned by 90 degrees to be looked at
    turned.rotate(90, expand=True).save(photos / "turned.jpg", exif=turned.getexif(), quality=95)
    (photos / "notes.txt").write_text("7")
    done = run("read_folder.py", photos, tmp_path / "values.csv", tmp_path / "unsure")
    assert done.returncode == 0, done.stderr
    assert "notes.txt" in done.stdout
    with (tmp_path / "values.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for name in ("form.jpg", "turned.jpg"):
        assert set(WRITTEN) <= {row["number"] for row in rows if row["picture"] == name}
    for row in rows:
        assert ("?" in row["number"]) == bool(row["look at"])
    cut = [Path(row["look at"]) for row in rows if row["look at"]]
    assert sorted(cut) == sorted((tmp_path / "unsure").iterdir())


def test_fill_table(tmp_path: Path) -> None:
    write_pages(tmp_path)
    left, top, right, bottom = BOX
    box = [left, top, right - left, bottom - top]
    (tmp_path / "form.toml").write_text(
        f'reference = "empty.png"\nsize = {list(SIZE)}\n[fields.account]\nbox = {box}\nmin = 0\n'
    )
    done = run("fill_table.py", tmp_path / "form.toml", tmp_path / "scans", tmp_path / "values.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("one.png: 0 of 1 values to look at\nother.png: page 1 does not show the form")
    with (tmp_path / "values.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["scan"], row["account"]) for row in rows] == [("one.png", "7"), ("other.png", "")]
    assert [bool(row["look at"]) for row in rows] == [False, True]


def test_train_and_look(tmp_path: Path) -> None:
    done = run("train_and_look.py", tmp_path / "errors.png")
    assert done.returncode == 0, done.stderr
    share = re.search(r"^([\d.]+)% of 500 test digits right$", done.stdout, re.MULTILINE)
    assert share is not None
    assert float(share[1]) > 95
    wrong = re.findall(r"^test digit \d+ is a (\d), read as a (\d)$", done.stdout, re.MULTILINE)
    assert len(wrong) == round(5 * (100 - float(share[1])))
    assert all(truth != read for truth, read in wrong)
    with Image.open(tmp_path / "errors.png") as picture:
        assert min(picture.size) > 200


def test_call_service() -> None:
    own = run("call_service.py", FORM)
    assert own.returncode == 0, own.stderr
    assert set(WRITTEN) <= set(own.stdout.split())
    with served() as (_, url):
        other = run("call_service.py", FORM, url)
    assert (other.returncode, other.stdout, other.stderr) == (0, own.stdout, "")
