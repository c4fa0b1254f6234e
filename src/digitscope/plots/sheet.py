"""Small pictures in a grid, each with a caption: at scale, so that every pixel of a picture is a square."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from digitscope.plots.style import HAIRLINE, INK, MUTED, TEXT_SIZE, TITLE_SIZE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 8.0
MARGIN = 0.1  # inches, as are all of these
ROW_NAME = 0.6  # from the left edge to the pictures
HEADER = 0.5
CAPTION_LINE = 0.19
PIXEL = 0.01  # a picture's pixel is a multiple of this: whole pixels of the file, at 200 an inch


@dataclass(frozen=True)
class Shades:
    """How numbers become shades: a matplotlib colour map's name, and the values at its two ends."""

    map_name: str
    lowest: float
    highest: float


@dataclass(frozen=True)
class _Grid:
    """Where the pictures go, in inches from the figure's upper left corner."""

    n: int
    columns: int
    scale: float  # inches for each of a picture's pixels
    picture: tuple[float, float]  # width, height
    caption: float
    left: float

    @property
    def rows(self) -> int:
        return math.ceil(self.n / self.columns)

    @property
    def pitch(self) -> tuple[float, float]:
        return (WIDTH - self.left - MARGIN) / self.columns, self.picture[1] + self.caption + 0.16

    @property
    def height(self) -> float:
        return HEADER + self.rows * self.pitch[1] + MARGIN

    def corner(self, position: int) -> tuple[float, float]:
        row, column = divmod(position, self.columns)
        spare = self.pitch[0] - self.picture[0]
        return self.left + column * self.pitch[0] + spare / 2, HEADER + row * self.pitch[1]


def draw_sheet(
    pictures: NDArray[np.generic],
    captions: Sequence[str],
    *,
    columns: int,
    shades: Shades | None = None,
    title: str,
    note: str = "",
    rows: Sequence[str] = (),
) -> "Figure":
    """Return a figure of `pictures`, `columns` a row, each over its caption; `rows` name the rows, if given.

    They are any numbers of shape (N, H, W), which `shades` turns into shades, or without it colours, uint8
    (N, H, W, 3).

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    lines = max((text.count("\n") + 1 for text in captions), default=0)
    grid = _grid(pictures.shape[:3], columns, lines, left=ROW_NAME if rows else MARGIN)
    figure = new_figure(WIDTH, grid.height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for position, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        _draw_picture(axes, grid, position, picture, shades)
        _write_caption(axes, grid, position, caption)
    for row, name in enumerate(rows):
        _, top = grid.corner(row * columns)
        middle = top + grid.picture[1] / 2
        axes.text(MARGIN, middle, name, color=MUTED, fontsize=TEXT_SIZE, va="center")
    _write_header(axes, title, note)
    axes.set(xlim=(0, WIDTH), ylim=(grid.height, 0), aspect="auto")
    return figure


def _grid(shape: tuple[int, ...], columns: int, lines: int, left: float) -> _Grid:
    n, height, width = shape
    room = 0.84 * (WIDTH - left - MARGIN) / columns
    scale = PIXEL * max(1, math.floor(room / width / PIXEL))
    return _Grid(n, columns, scale, (width * scale, height * scale), lines * CAPTION_LINE, left)


def _draw_picture(
    axes: "Axes", grid: _Grid, position: int, picture: NDArray[np.generic], shades: Shades | None
) -> None:
    left, top = grid.corner(position)
    width, height = grid.picture
    image = axes.imshow(
        picture,
        cmap=shades.map_name if shades else None,
        vmin=shades.lowest if shades else None,
        vmax=shades.highest if shades else None,
        interpolation="nearest",
        extent=(left, left + width, top + height, top),
    )
    image.set_gid(f"picture-{position}")


def _write_caption(axes: "Axes", grid: _Grid, position: int, caption: str) -> None:
    left, top = grid.corner(position)
    middle, below = left + grid.picture[0] / 2, top + grid.picture[1] + 0.04
    axes.text(middle, below, caption, color=INK, fontsize=TEXT_SIZE, ha="center", va="top", linespacing=1.25)


def _write_header(axes: "Axes", title: str, note: str) -> None:
    left, right = MARGIN, WIDTH - MARGIN
    axes.text(left, 0.22, title, color=INK, fontsize=TITLE_SIZE, fontweight="bold", va="center", parse_math=False)
    axes.text(right, 0.22, note, color=MUTED, fontsize=TEXT_SIZE, ha="right", va="center")
    axes.plot([left, right], [0.38, 0.38], color=HAIRLINE, linewidth=0.8)
