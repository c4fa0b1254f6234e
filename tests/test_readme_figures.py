"""Figures in the README, guides, background pages and chapters are those of the measurements that they link.

A figure is a number with a decimal point outside of code and formulas. A page links the sections of the
measurements where its figures stand: in the sentence or row of the figure, or under the same heading. Words and
whole numbers find the one row or sentence there that tells of the same thing. It must have the figure.
"""

import re
from collections import Counter
from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import NamedTuple

from benchmarks.busy_pages import BUSY_NUISANCES
from benchmarks.plain_pages import NUISANCES

from digitscope.reading import SHIPPED
from tests.course.claims import CLAIMS

ROOT = Path(__file__).parent.parent
CHAPTERS = "src/digitscope/course/chapters"
MEASUREMENTS, NOTEBOOK = "benchmarks/README.md", "docs/history/laboratory-notebook.md"
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?!\.?\w)")
WORD = re.compile(r"[a-z]{3,}")
LINK = re.compile(r"\[([^]]*)\]\(([^)\s]*)\)")
COMMAND = re.compile(r"\b(digitscope [a-z]|python -m benchmarks\.)")
STOP = {"the", "and", "are", "for", "with", "that", "from", "not", "its", "has", "per", "measu"}

CHAPTER_SECTIONS = {
    **dict.fromkeys(("1-neuron", "3-predicting", "4-size-and-overfitting"), "none"),
    **dict.fromkeys(("5-mnist", "6-convolution", "7-two-digits"), "the-courses-figures"),
    "8-what-comes-next": "objects-and-whose-pixels",
}
"""Where a chapter's figures were measured, if no claim has them: a notebook has no measurements beside it to link.

`tests/course/test_by_hand.py` has those of chapter 2."""

CONSTANTS = {
    "docs/background/framing.md": {"0.09", "0.2"},  # widths of strokes
    "docs/background/how-a-page-is-read.md": {"0.5", "0.15"},  # limits of `chance`
    "docs/guides/forms.md": {"0.1"},  # mm
    "docs/guides/photos.md": {"0.5"},
    "docs/guides/reading.md": {"0.1"},
}
"""Numbers of pages that nobody measured."""

PAGES = [
    "README.md",
    *(f"docs/{name}.md" for name in ("index",)),
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "guides").glob("*.md")),
    *(f"docs/background/{name}.md" for name in ("framing", "how-a-page-is-read", "measuring", "speed")),
    "docs/background/what-did-not-work.md",
    *(f"{CHAPTERS}/{name}.md" for name in CHAPTER_SECTIONS),
]


class Place(NamedTuple):
    """A row of a table or a sentence, and the anchor of the heading above it."""

    section: str
    text: str
    links: frozenset[str]

    @property
    def figures(self) -> list[str]:
        return [number for number in NUMBER.findall(without_code(self.text)) if "." in number]

    @property
    def words(self) -> set[str]:
        """What tells which place this is: starts of words, and whole numbers."""
        text = self.text.lower()
        whole = (number.replace(",", "") for number in NUMBER.findall(without_code(text)) if "." not in number)
        return ({word[:5] for word in WORD.findall(text)} | set(whole)) - STOP


def without_code(text: str) -> str:
    return re.sub(r"`[^`]*`|\$[^$\n]*\$", "", text)


def places_of(page: str, text: str) -> list[Place]:
    """The rows and sentences of a page, without claims, code, headings and the heads of tables."""
    for phrase in CLAIMS.get(Path(page).stem, {}):
        text = re.sub(r"\s+".join(map(re.escape, phrase.split())), "", text)
    text = re.sub(r"^(`{3,})(?!\{admonition).*?^\1`*$", "\n\n", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"\$\$.*?\$\$|\bCC BY[-A-Z]* [\d.]+|\bPython [\d.]+", "", text, flags=re.DOTALL)
    text = re.sub(r"^(?: {4}|---$|:class:|`{3}).*$", "", text, flags=re.MULTILINE)
    found: list[Place] = []
    for part in re.split(r"^(?=#+ )", text, flags=re.MULTILINE):
        heading, _, body = part.partition("\n")
        section = re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")
        for block in re.split(r"\n\s*\n|\n(?=[-*] |\d\. )", body):
            pieces = rows(block.strip()) if block.strip().startswith("|") else sentences(block)
            found += [Place(section, LINK.sub(r"\1", piece), frozenset(targets(page, piece))) for piece in pieces]
    return found


def rows(table: str) -> Iterator[str]:
    """Yield the rows with the links of the head; a row without a first cell has that of the row above."""
    first = ""
    head, _, *lines = table.splitlines()
    links = " ".join(f"[]({target})" for _, target in LINK.findall(head))
    for line in lines:
        cells = [cell.strip().replace("**", "") for cell in line.strip("|").split("|")]
        first = cells[0] = cells[0] or first
        yield " | ".join(cells) + links


def sentences(block: str) -> list[str]:
    return re.split(r"(?<=[.:;!?]) (?=[A-Z`\[(])", " ".join(block.replace("**", "").split()))


def targets(page: str, text: str) -> Iterator[str]:
    """Yield the links to measurements in `text` as "file#section"."""
    for _, target in LINK.findall(text):
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent / name
        for source in (MEASUREMENTS, NOTEBOOK):
            if name and path.resolve() == ROOT / source:
                yield f"{source}#{anchor}"


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


SOURCES = {source: places_of(source, text_of(source)) for source in (MEASUREMENTS, NOTEBOOK)}
WEIGHT = Counter(word for places in SOURCES.values() for place in places for word in place.words)


def has(place: Place, figure: str) -> bool:
    """Tell whether a number of `place` is `figure`, rounded as that is. 0.9926 and 99.26 are the same."""
    digits, value = len(figure.partition(".")[2]), float(figure.replace(",", ""))
    numbers = [float(number.replace(",", "")) for number in NUMBER.findall(without_code(place.text))]
    return any(round(each * factor, digits) == value for each in numbers for factor in (1, *factors(each)))


def factors(number: float) -> tuple[float, ...]:
    """What makes percent of a share, or a share of percent."""
    return (100,) if 0.1 < number < 1 else (0.01,) if 10 < number < 100 else ()


def likeness(place: Place, other: Place) -> float:
    """Return how much two places tell of the same thing: rare words count more."""
    return sum(1 / (1 + log(WEIGHT[word])) for word in place.words & other.words)


def under(link: str) -> list[Place]:
    """The places with figures below the heading that a link names, down to the next heading."""
    source, _, anchor = link.partition("#")
    return [place for place in SOURCES[source] if anchor == place.section and place.figures]


def wrong_figures(page: str, text: str) -> Iterator[str]:
    """Yield what is wrong with the figures of a page."""
    constants = CONSTANTS.get(page, set())
    places = places_of(page, text)
    chapter = CHAPTER_SECTIONS.get(Path(page).stem)
    for place in places:
        figures = [figure for figure in place.figures if figure not in constants]
        if not figures:
            continue
        near = frozenset().union(*(each.links for each in places if each.section == place.section))
        links = {f"{MEASUREMENTS}#{chapter}"} if chapter is not None else place.links or near
        sources = [source for link in links for source in under(link)]
        if not sources:
            yield f"{page}: no link to a measurement of {', '.join(figures)}: {place.text}"
            continue
        best = max(sources, key=lambda source: likeness(place, source))
        lacking = [figure for figure in figures if not has(best, figure)]
        if lacking:
            yield f"{page}: {place.text!r} tells of {best.text!r}, which lacks {', '.join(lacking)}"


def test_each_figure_is_in_the_row_that_tells_of_the_same_thing() -> None:
    """And a change of any of them is found."""
    for page in PAGES:
        text = text_of(page)
        assert list(wrong_figures(page, text)) == []
        figures = {figure for place in places_of(page, text) for figure in place.figures}
        for figure in figures - CONSTANTS.get(page, set()):
            other = figure[:-1] + str((int(figure[-1]) + 5) % 10)
            changed = re.sub(rf"(?<![\d.]){re.escape(figure)}(?!\d)", other, text)
            assert list(wrong_figures(page, changed)) != [], f"{page}: {other} in place of {figure}"


def test_pages_with_figures_have_a_command() -> None:
    for page in PAGES:
        figures = {figure for place in places_of(page, text_of(page)) for figure in place.figures}
        assert not figures - CONSTANTS.get(page, set()) or COMMAND.search(text_of(page)), page
    for row in re.findall(
        r"^\| .*$", text_of("README.md").split("## How well\n")[1].split("\n\n")[1], re.MULTILINE
    )[2:]:
        assert COMMAND.search(row), row


def test_whole_numbers_in_the_readme_s_table_stand_in_the_row_that_it_tells_of() -> None:
    found = []
    for place in places_of("README.md", text_of("README.md")):
        if place.section != "how-well" or not place.links or "|" not in place.text:
            continue
        best = max((each for link in place.links for each in under(link)), key=lambda each: likeness(place, each))
        numbers = re.findall(r"\d+,\d{3}|(?<= )\d+(?= seeds)", without_code(place.text))
        found += numbers
        assert [number for number in numbers if number not in NUMBER.findall(best.text)] == [], best.text
    assert len(found) >= 6


def test_whole_numbers_that_were_counted() -> None:
    (n_values,) = re.findall(r"^\| \*\*all\*\* \| \*\*(\d+)\*\*", text_of(MEASUREMENTS), re.MULTILINE)
    assert f"Of {int(n_values):,} values in made forms" in text_of("README.md")
    n_nuisances = len(NUISANCES) + len(BUSY_NUISANCES)
    for page in ("README.md", "docs/guides/photos.md", MEASUREMENTS):
        assert f"{n_nuisances} nuisances" in " ".join(text_of(page).split())
    reading = "`digit` reads one image in 0.093 ms on one thread, and 24,800 a second"
    assert reading in text_of("docs/background/speed.md")


def test_the_temperatures_of_chapter_8_are_those_of_the_cards() -> None:
    found = []
    for name in SHIPPED:
        card = text_of(f"src/digitscope/weights/{name}.md")
        found += (
            re.findall(r"^\| \d+ \(ships\) .* \| ([\d.]+) \|$", card, re.MULTILINE)
            if "temperature |" in card
            else []
        )
    assert f"from {min(found)} to {max(found)}" in " ".join(text_of(f"{CHAPTERS}/8-what-comes-next.md").split())
