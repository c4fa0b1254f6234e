"""Figures in the README and in the background pages are those of the committed tables, and have a command."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
COMMAND = re.compile(r"\b(digitscope [a-z]|python -m benchmarks\.)")
PAGES = ("framing", "how-a-page-is-read", "measuring", "speed", "what-did-not-work")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows_of(text: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the tables in `text`, without the rules below their heads."""
    for line in text.splitlines():
        if line.startswith("|") and not set(line) <= set("| -:"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def places_of(text: str) -> list[str]:
    """The rows of tables and the paragraphs of `text`: where figures that belong together stand."""
    rows = [" | ".join(cells) for cells in rows_of(text)]
    paragraphs = [part for part in re.split(r"\n\s*\n", text) if not part.startswith("|")]
    return rows + paragraphs


def numbers_in(text: str) -> list[str]:
    """The numbers in `text`, but for those in code, such as names."""
    return NUMBER.findall(re.sub(r"`[^`]*`", "", text))


def has(place: list[float], number: str) -> bool:
    """Tell whether a number in `place` is `number`, rounded as that is. 0.9926 is 99.26 too, in percent."""
    digits, value = len(number.partition(".")[2]), float(number.replace(",", ""))
    return any(round(each * factor, digits) == value for each in place for factor in (1, 100))


def values(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in numbers_in(text)]


def readme_rows() -> list[list[str]]:
    section = text_of("README.md").split("## How well\n")[1].split("\n## ")[0]
    return [cells for cells in rows_of(section) if cells[1:] != ["figure", "command"]]


def test_the_measure() -> None:
    place = values("| `x-128`: 784-128-10 | 99.748 ± 0.027 % | 36,000 | 0.9926 |")
    assert place == [784, 128, 10, 99.748, 0.027, 36_000, 0.9926]
    assert all(has(place, number) for number in ("99.75", "0.03", "36,000", "99.26", "128"))
    assert not any(has(place, number) for number in ("99.74", "99.7481", "36", "99.27", "12"))


@pytest.mark.parametrize("cells", readme_rows(), ids=lambda cells: cells[1])
def test_each_figure_of_the_readme_is_in_a_row_of_the_measurements(cells: list[str]) -> None:
    what, figures, command = cells
    assert COMMAND.search(command), f"{what}: no command"
    places = [values(place) for place in places_of(text_of("benchmarks/README.md"))]
    for figure in figures.split(";"):
        wanted = numbers_in(what) + numbers_in(figure)
        assert any(all(has(place, number) for number in wanted) for place in places), (
            f"README.md says {', '.join(wanted)} of {what}: no row of benchmarks/README.md has all of these"
        )


@pytest.mark.parametrize("page", PAGES)
def test_each_figure_of_a_background_page_was_measured(page: str) -> None:
    text = text_of(f"docs/background/{page}.md")
    sources = text_of("benchmarks/README.md") + text_of("docs/history/laboratory-notebook.md")
    known = values(sources)
    measured = {number for cells in rows_of(text) for number in numbers_in(" ".join(cells)) if "." in number}
    measured |= set(re.findall(rf"({NUMBER.pattern})(?: %| m?s\b)", re.sub(r"`[^`]*`", "", text)))
    lacking = sorted(number for number in measured if not has(known, number))
    assert lacking == [], f"docs/background/{page}.md has figures that no table and no note has"
    assert not measured or COMMAND.search(text), f"docs/background/{page}.md has figures, and no command"
