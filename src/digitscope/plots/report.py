"""A report as one HTML file that needs nothing else: no network, no script, no file beside it."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from digitscope.errors import SettingError
from digitscope.files import write_text
from digitscope.plots.saving import figure_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Cell = str | int

WIDE = 6  # columns; more stand closer

SCREEN_DPI = 100  # a figure 8 inches wide is shown 800 pixels wide; its file has twice as many

_NUMBER = re.compile(r"[-+\N{MINUS SIGN}]?\d[\d.,]*( ?\N{PLUS-MINUS SIGN} ?[\d.,]+)?( ?[%a-zµ/]{1,5})?")
_ABSENT = {"", "-", "\N{EN DASH}", "\N{EM DASH}"}

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
<header>
<p class="maker">digitscope</p>
<h1>{title}</h1>
{lead}</header>
{sections}
</main>
</body>
</html>
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Code:
    """Text in a fixed-width face, line by line as it is: the command that made a number."""

    text: str


@dataclass(frozen=True)
class Stat:
    """A number to be seen first: what it is, the number as it is to be read, and what it rests on."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Stats:
    """Numbers side by side."""

    stats: tuple[Stat, ...]


@dataclass(frozen=True)
class Table:
    """Rows under a header; the first cell of each names its row. A column of numbers is set right-aligned.

    Raises:
        SettingError: a row has not as many cells as the header.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""

    def __post_init__(self) -> None:
        expected = len(self.header)
        for number, row in enumerate(self.rows, start=1):
            if len(row) != expected:
                raise SettingError(
                    f"row {number} of a table has {len(row)} cells: expected {expected}, like its header"
                )


@dataclass(frozen=True)
class FigureBlock:
    """A figure over its caption; `alternative`, or else the caption, is what it says to who cannot see it."""

    figure: "Figure"
    caption: str
    alternative: str = ""


Block = Paragraph | Code | Stats | Table | FigureBlock


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


def write_report(path: Path, title: str, sections: Sequence[Section], lead: str = "") -> None:
    """Write the page that `render_report` returns to `path`, whole or not at all.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    write_text(path, render_report(title, sections, lead))


def render_report(title: str, sections: Sequence[Section], lead: str = "") -> str:
    """Return an HTML page of `sections` under `title` and, when there is one, a `lead` sentence.

    Every text is escaped, every figure is in the page as a PNG, and the page forbids itself all requests.
    """
    return _PAGE.format(
        policy=_POLICY,
        title=escape(title),
        style=files("digitscope.plots").joinpath("report.css").read_text(encoding="utf-8"),
        lead=f'<p class="lead">{escape(lead)}</p>\n' if lead else "",
        sections="\n".join(_section(section) for section in sections),
    )


def _section(section: Section) -> str:
    blocks = "\n".join(_block(block) for block in section.blocks)
    return f"<section>\n<h2>{escape(section.title)}</h2>\n{blocks}\n</section>"


def _block(block: Block) -> str:
    match block:
        case Paragraph(text):
            return f"<p>{escape(text)}</p>"
        case Code(text):
            return f'<pre tabindex="0"><code>{escape(text)}</code></pre>'
        case Stats(stats):
            return f'<dl class="stats">\n{"".join(_stat(stat) for stat in stats)}</dl>'
        case Table():
            return _table(block)
        case FigureBlock():
            return _figure(block)
        case _:
            assert_never(block)


def _stat(stat: Stat) -> str:
    note = f'<dd class="note">{escape(stat.note)}</dd>' if stat.note else ""
    return f'<div><dt>{escape(stat.label)}</dt><dd class="value">{escape(stat.value)}</dd>{note}</div>\n'


def _figure(block: FigureBlock) -> str:
    content = base64.b64encode(figure_bytes(block.figure)).decode("ascii")
    width, height = (round(SCREEN_DPI * inches) for inches in block.figure.get_size_inches())
    name = escape(block.alternative or block.caption)
    return (
        '<figure>\n<div class="picture" tabindex="0" role="group" aria-label="figure">'
        f'<img src="data:image/png;base64,{content}" alt="{name}" width="{width}" height="{height}"></div>\n'
        f"<figcaption>{escape(block.caption)}</figcaption>\n</figure>"
    )


def _table(table: Table) -> str:
    numeric = [all(_is_number(row[column]) for row in table.rows) for column in range(len(table.header))]
    caption = f"<caption>{escape(table.caption)}</caption>\n" if table.caption else ""
    header = "".join(
        f'<th scope="col"{_class(is_number)}>{escape(name)}</th>'
        for name, is_number in zip(table.header, numeric, strict=True)
    )
    body = "".join(_row(row, numeric) for row in table.rows)
    kind = "table wide" if len(table.header) > WIDE else "table"
    return (
        f'<div class="{kind}" tabindex="0" role="group" aria-label="table"><table>\n'
        f"{caption}<thead><tr>{header}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>"
    )


def _row(row: Sequence[Cell], numeric: Sequence[bool]) -> str:
    texts = [f"{cell:,}" if isinstance(cell, int) else cell for cell in row]
    kinds = ['th scope="row"'] + ["td"] * (len(row) - 1)
    cells = (
        f"<{kind}{_class(is_number)}>{escape(text)}</{kind[:2]}>"
        for kind, text, is_number in zip(kinds, texts, numeric, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>\n"


def _class(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int) or cell in _ABSENT or _NUMBER.fullmatch(cell) is not None
