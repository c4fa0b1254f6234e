"""The picture of the house, `docs/images/house.svg`, against the contract and the source."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from scripts import draw_house

ROOT = Path(__file__).parent.parent
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def picture() -> ET.Element:
    return ET.parse(ROOT / "docs" / "images" / "house.svg").getroot()  # noqa: S314 - our own file


def test_its_rows_are_the_layers_of_the_contract(picture: ET.Element) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(each["layers"] for each in contracts["contracts"] if each["id"] == "layers")
    texts = [list(row.iter(f"{SVG}text")) for row in picture.iter(f"{SVG}g") if row.get("class") == "layer"]
    assert [{text.text for text in row} for row in texts] == [set(layer.split(" | ")) for layer in layers]
    heights = [{text.get("y") for text in row} for row in texts]
    assert [len(each) for each in heights] == [1] * len(layers)
    assert sorted(heights, key=lambda each: int(each.copy().pop() or 0)) == heights


def test_no_line_passes_a_box_but_at_its_ends(picture: ET.Element) -> None:
    boxes = []
    for row in picture.iter(f"{SVG}g"):
        boxes += [
            [float(rect.get(side, 0)) for side in ("x", "y", "width", "height")]
            for rect in row.findall(f"{SVG}rect")
        ]
    paths = [line.get("d", "") for line in picture.iter(f"{SVG}path")]
    assert len(paths) > 30
    assert len(boxes) > 20
    for drawn in paths:
        points = np.array(list(points_on(drawn)))
        for left, top, width, height in boxes:
            inside = (abs(points - (left + width / 2, top + height / 2)) < (width / 2, height / 2)).all(axis=1)
            assert not inside.any(), (drawn, left, top)


def points_on(drawn: str) -> Iterator[tuple[float, float]]:
    """Yield points on a path of the commands M, C and V."""
    x = y = 0.0
    for command, numbers in re.findall(r"([MCV])([-\d. ]+)", drawn):
        values = [float(number) for number in numbers.split()]
        if command == "C":
            x1, y1, x2, y2, to_x, to_y = values
            for t in np.linspace(0, 1, 40):
                a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
                yield a * x + b * x1 + c * x2 + d * to_x, a * y + b * y1 + c * y2 + d * to_y
        else:
            to_x, to_y = (x, values[0]) if command == "V" else values
            for t in np.linspace(0, 1, 40 if command == "V" else 1):
                yield x, y + t * (to_y - y) if command == "V" else to_y
        x, y = to_x, to_y


def imported_by(package: str) -> set[str]:
    """The packages that the files of `package` name in an import, wherever it stands."""
    folder = ROOT / "src" / "digitscope" / package
    files = folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    names |= {
        f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("digitscope.")} | {
        name.split(".")[0] for name in names
    }


def test_its_lines_are_imports_and_stand_for_all_of_them() -> None:
    rows = draw_house.layers()
    lines, with_torch = draw_house.imports(rows)
    packages = {name for row in rows for name in row}
    real = {name: imported_by(name) for name in packages}
    assert [line for line in lines if line[1] not in real[line[0]]] == []
    assert with_torch == {name for name in packages if "torch" in real[name]}
    reached: dict[str, set[str]] = {name: set() for name in packages}
    for row in reversed(rows):
        for name in row:
            below = {b for a, b in lines if a == name}
            reached[name] = below.union(*(reached[each] for each in below))
    lazy = {("reading", "drawing"), ("reading", "tables")}
    missing = {(a, b) for a in packages for b in real[a] & packages - {a} if b not in reached[a]}
    assert missing == lazy


def test_it_is_what_the_script_draws() -> None:
    drawn = draw_house.PICTURE.read_text(encoding="utf-8")
    assert drawn == draw_house.drawing(), "imports have changed: run `python -m scripts.draw_house`"
