"""A report as one HTML file that needs nothing else: no network, no script, no file beside it.

The page is `report.html` in this folder, with the styles of `report.css`.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from digitscope.errors import MissingExtraError, SettingError
from digitscope.files import write_text
from digitscope.plots.saving import figure_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Cell = str | int

WIDE = 6  # columns; more stand closer

SCREEN_DPI = 100  # a figure 8 inches wide is shown 800 pixels wide; its file has twice as many

_NUMBER = re.compile(r"[-+\N{MINUS SIGN}]?\d[\d.,]*( ?\N{PLUS-MINUS SIGN} ?[\d.,]+)?( ?[%a-zµ/]{1,5})?")
_ABSENT = {"", "-", "\N{EN DASH}", "\N{EM DASH}"}


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    kind: ClassVar = "paragraph"
    text: str


@dataclass(frozen=True)
class Code:
    """Text in a fixed-width face, line by line as it is: the command that made a number."""

    kind: ClassVar = "code"
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

    kind: ClassVar = "stats"
    stats: tuple[Stat, ...]


@dataclass(frozen=True)
class Table:
    """Rows under a header; the first cell of each names its row. A column of numbers is set right-aligned.

    Raises:
        SettingError: a row has not as many cells as the header.
    """

    kind: ClassVar = "table"
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

    @property
    def texts(self) -> list[list[str]]:
        """The cells as they are shown: whole numbers with commas."""
        return [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in self.rows]

    @property
    def numeric(self) -> list[bool]:
        """Tell for each column whether it has numbers alone, or nothing."""
        columns = [[row[place] for row in self.rows] for place in range(len(self.header))]
        return [all(map(_is_number, column)) for column in columns]


@dataclass(frozen=True)
class FigureBlock:
    """A figure over its caption; `alternative`, or else the caption, is what it says to who cannot see it."""

    kind: ClassVar = "figure"
    figure: "Figure"
    caption: str
    alternative: str = ""

    @property
    def png(self) -> str:
        """The figure as a PNG, in base64."""
        return base64.b64encode(figure_bytes(self.figure)).decode("ascii")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height that it is shown at, in pixels."""
        width, height = self.figure.get_size_inches()
        return round(SCREEN_DPI * width), round(SCREEN_DPI * height)


Block = Paragraph | Code | Stats | Table | FigureBlock


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


def write_report(path: Path, title: str, sections: Sequence[Section], lead: str = "") -> None:
    """Write the page that `render_report` returns to `path`, whole or not at all.

    Raises:
        MissingExtraError: matplotlib or Jinja2 is not installed.
        OSError: `path` cannot be written.
    """
    write_text(path, render_report(title, sections, lead))


def render_report(title: str, sections: Sequence[Section], lead: str = "") -> str:
    """Return an HTML page of `sections` under `title` and, when there is one, a `lead` sentence.

    Every text is escaped, every figure is in the page as a PNG, and the page forbids itself all requests.

    Raises:
        MissingExtraError: matplotlib or Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment
        from markupsafe import Markup
    except ModuleNotFoundError as error:
        raise MissingExtraError("jinja2", "train") from error

    folder = files("digitscope.plots")
    page = Environment(autoescape=True).from_string(folder.joinpath("report.html").read_text(encoding="utf-8"))
    style = Markup(folder.joinpath("report.css").read_text(encoding="utf-8"))  # noqa: S704 - ours
    return page.render(title=title, sections=sections, lead=lead, style=style, wide=WIDE)


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int) or cell in _ABSENT or _NUMBER.fullmatch(cell) is not None
