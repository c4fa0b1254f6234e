"""Pages of handwritten digits, as a phone photographs or an office scans them, with the truth about every digit.

Digits of a split are written in lines of numbers. A page has one nuisance, which is what a reader of pages has to
cope with; the names are in `NUISANCES`. Digits touch only where that is the nuisance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks import paper
from benchmarks.handwriting import Ends, WriterSettings, write_numbers
from benchmarks.paper import Field, Sheet
from digitscope.data.splits import Float32, Split, UInt8
from digitscope.errors import DataError, SettingError

Box = tuple[int, int, int, int]
Pen = Callable[[np.random.Generator], NDArray[np.float64]]

CHALK = np.array([0.9, 0.9, 0.86])

EVERYDAY = WriterSettings()

DARK = 0.45
"""Brightness of a ground below which it is written on with chalk."""


@dataclass(frozen=True)
class PlacedDigit:
    """One digit of a page.

    Attributes:
        label: the digit, 0 to 9.
        box: left, top, width, height of its ink, in pixels of the page's image.
        line: the number of its line, from 0.
    """

    label: int
    box: Box
    line: int


@dataclass(frozen=True, eq=False)
class Page:
    """A page and what is written on it.

    Attributes:
        image: uint8 (H, W, 3), red, green, blue.
        digits: those written by hand, in reading order.
        lines: the text of each line, one space between two numbers.
        nuisance: a name in `NUISANCES` or `BUSY_NUISANCES`.
        printed: the printed digits.
    """

    image: UInt8
    digits: tuple[PlacedDigit, ...]
    lines: tuple[str, ...]
    nuisance: str
    printed: tuple[PlacedDigit, ...] = ()


def _dark_pen(generator: np.random.Generator) -> NDArray[np.float64]:
    return generator.uniform(0.05, 0.16) + np.array([0, 0.01, 0.08]) * generator.random()


def _coloured_pen(generator: np.random.Generator) -> NDArray[np.float64]:
    inks = np.array([[0.12, 0.22, 0.65], [0.76, 0.14, 0.17], [0.1, 0.45, 0.22]])
    return np.asarray(generator.choice(inks) + generator.uniform(-0.04, 0.04, 3))


def _pencil(generator: np.random.Generator) -> NDArray[np.float64]:
    return np.full(3, generator.uniform(0.35, 0.5))


@dataclass(frozen=True, kw_only=True)
class _Style:
    """The style of a page; pairs of numbers are the ends of uniform distributions.

    `sides` are in pixels. `noise` has the scale of brightness, 0 to 1. `turn` is in degrees, in either direction.
    `behind` is the strength of writing on the back. `grain` is how unevenly rough paper takes the ink. `table` is
    the visible margin of table on each side, as a share of the sheet's longer side.
    """

    what: str
    sides: tuple[int, int] = (1000, 700)
    hand: WriterSettings = EVERYDAY
    pen: Pen = _dark_pen
    opacity: Ends = (0.9, 1.0)
    grain: float = 0.05
    behind: Ends | None = None
    turn: Ends = (0, 0)
    table: Ends | None = None
    is_punched: bool = False
    ground: Callable[[Sheet, np.random.Generator], Float32] = paper.white_paper
    light: Callable[[Float32, float, np.random.Generator], Float32] = paper.plain
    noise: Ends = (0.004, 0.01)
    quality: tuple[int, int] | None = None


_STYLES = {
    "clean": _Style(what="white paper, a dark pen, a little noise"),
    "light": _Style(what="uneven light: a strong, smooth gradient", light=paper.uneven_light),
    "shadow": _Style(what="the edge of a hand's or a phone's shadow", light=paper.shadowed),
    "bleed-through": _Style(what="faint, mirrored writing from the other side", behind=(0.1, 0.25)),
    "ruled": _Style(what="horizontal rules, blue or grey, faint to dark", ground=paper.ruled_paper),
    "squared": _Style(what="squares of 5 mm", ground=paper.squared_paper),
    "coloured-pen": _Style(what="a blue, red or green pen", pen=_coloured_pen),
    "pencil": _Style(what="low contrast, grey and grainy", pen=_pencil, opacity=(0.6, 0.85), grain=0.35),
    "jpeg": _Style(what="strong JPEG compression", quality=(8, 20)),
    "edges": _Style(
        what="a punched page on a dark table, its edges in the picture",
        turn=(0, 2),
        table=(0.06, 0.1),
        is_punched=True,
    ),
    "note": _Style(
        what="a small sheet in the middle of a dark table", sides=(700, 500), table=(0.3, 0.6), turn=(0, 8)
    ),
    "thin": _Style(what="thin strokes", hand=WriterSettings(stroke=-1)),
    "thick": _Style(what="thick strokes", hand=WriterSettings(stroke=1)),
    "small": _Style(
        what="digits about 10 to 14 pixels high",
        sides=(640, 480),
        hand=WriterSettings(size=(10, 14), count=(50, 120)),
    ),
    "large": _Style(
        what="few digits, 200 to 400 high", sides=(1600, 1200), hand=WriterSettings(size=(200, 400), count=(4, 12))
    ),
    "rotated": _Style(what="the page turned by 1 to 4 degrees", turn=(1, 4)),
    "inverted": _Style(what="light chalk on a dark board", ground=paper.board, opacity=(0.75, 0.95), grain=0.25),
    "panel": _Style(what="light digits on a dark panel, dark ones beside it", ground=paper.panelled_paper),
    "blur": _Style(what="slightly out of focus", light=paper.out_of_focus),
    "noise": _Style(what="sensor noise", noise=(0.04, 0.09)),
    "touching": _Style(what="half of the digits touch the one before", hand=WriterSettings(touching=0.5)),
    "boxes": _Style(what="a form's boxes or combs, black, grey or blue", hand=WriterSettings(cell=(1.0, 1.4))),
    "two-sizes": _Style(
        what="lines 2 to 3 times as high as others", hand=WriterSettings(size=(40, 80), smaller=(0.33, 0.5))
    ),
}

NUISANCES: Mapping[str, str] = MappingProxyType({name: style.what for name, style in _STYLES.items()})
"""The effect of each nuisance, in words."""


def make_page(digits: Split, *, nuisance: str = "clean", generator: np.random.Generator) -> Page:
    """Return a page of digits drawn from `digits`, white on black, uint8 (N, 28, 28).

    About 1000 x 700 pixels, upright or across, with 30 to 60 digits of 30 to 60 pixels, where the nuisance does
    not say otherwise. Equal states of the generator give equal pages.

    Raises:
        SettingError: there is no such nuisance.
        DataError: `digits` is empty, not of single digits of 28x28 pixels, or a digit drawn from it is blank.
    """
    if nuisance not in _STYLES:
        raise SettingError(f"no nuisance called {nuisance!r}: expected one of {', '.join(NUISANCES)}")
    if len(digits) == 0 or digits.images.shape[1:] != (28, 28) or digits.labels.ndim != 1:
        raise DataError(
            f"a page cannot be made of images of shape {digits.images.shape} and labels of shape "
            f"{digits.labels.shape}: expected (N, 28, 28) and (N,), N at least 1"
        )
    style = _STYLES[nuisance]
    height, width = generator.permutation(style.sides) * generator.uniform(0.95, 1.05)
    shape = (round(height), round(width))
    writing = write_numbers(digits, style.hand, shape, generator)
    sheet = _placed(writing.sheet, style, generator)
    picture = _painted(sheet, style, generator)
    if style.behind:
        other_side = write_numbers(digits, style.hand, shape, generator).sheet.coverage
        picture *= 1 - generator.uniform(*style.behind) * paper.from_behind(other_side)[..., np.newaxis]
    picture = style.light(picture, sheet.size, generator)
    image = paper.as_bytes(paper.with_noise(picture, generator.uniform(*style.noise), generator))
    if style.quality:
        image = paper.through_jpeg(image, int(generator.integers(*style.quality, endpoint=True)))
    lines = tuple(" ".join(numbers) for numbers in writing.lines)
    return Page(image, _truth(lines, sheet), lines, nuisance)


def _placed(sheet: Sheet, style: _Style, generator: np.random.Generator) -> Sheet:
    """Return the sheet as it lies before the camera."""
    keystone = (0.0, 0.0)
    if style.table:
        border = round(generator.uniform(*style.table) * max(sheet.shape))
        sheet = paper.laid_on_table(paper.punched(sheet) if style.is_punched else sheet, border)
        down, across = generator.uniform(-0.04, 0.04, 2)
        keystone = (float(down), float(across))
    if style.turn[1] == 0:
        return sheet
    degrees = generator.choice([-1, 1]) * generator.uniform(*style.turn)
    return paper.turned(sheet, degrees, keystone=keystone)


def _painted(sheet: Sheet, style: _Style, generator: np.random.Generator) -> Float32:
    """Return the ground with the ink on it: the pen's on a light ground, chalk on a dark one."""
    ground = style.ground(sheet, generator)
    dark = ground.mean(axis=2, keepdims=True) < DARK
    colour = np.where(dark, CHALK, style.pen(generator)).astype(np.float32)
    hollows = np.clip(0.5 + 0.5 * paper.smooth_noise(sheet.shape, 1.5, generator), 0, 1)
    taken = generator.uniform(*style.opacity) * sheet.coverage * (1 - style.grain * hollows)
    picture = ground + taken[..., np.newaxis] * (colour - ground)
    if sheet.fields:
        picture = _with_fields(picture, sheet, generator)
    if style.table:
        picture = paper.table_around(picture, sheet, generator)
    return np.asarray(picture, dtype=np.float32)


def _with_fields(picture: Float32, sheet: Sheet, generator: np.random.Generator) -> Float32:
    """Return the picture with the sheet's fields printed: all as tables, all as single boxes, or all as combs.

    The lines are black, grey or blue. Their width is 1 pixel to a fourteenth of a digit. A comb has no upper line;
    the teeth between its cells have 0.3 to 1 times its height.
    """
    kind, tooth = generator.choice(["table", "boxes", "comb"]), generator.uniform(0.3, 1)
    width = generator.uniform(1, max(1.5, sheet.size / 14))
    colour = np.array([0.2, 0.3, 0.7]) if generator.random() < 0.2 else np.full(3, generator.uniform(0, 0.5))
    y, x = np.ogrid[: sheet.shape[0], : sheet.shape[1]]
    mask = np.zeros(sheet.shape, np.float32)
    for field in sheet.fields:
        for left, top, right, bottom in _printed_lines(field, kind, tooth):
            away = np.maximum(np.maximum(left - x, x - right), np.maximum(top - y, y - bottom))
            np.maximum(mask, np.clip(width / 2 + 0.5 - away, 0, 1), out=mask)
    return paper.printed(picture, mask, colour, 1.0)


def _printed_lines(field: Field, kind: str, tooth: float) -> list[tuple[float, float, float, float]]:
    """Return a field's lines: left, top, right and bottom."""
    left, top, right, bottom, cells = field
    edges = np.linspace(left, right, cells + 1)
    if kind == "comb":
        teeth = [top, *[bottom - tooth * (bottom - top)] * (cells - 1), top]
        return [(left, bottom, right, bottom), *((x, y, x, bottom) for x, y in zip(edges, teeth, strict=True))]
    apart = 0.05 * (edges[1] - edges[0]) if kind == "boxes" else 0.0
    boxes = [(first + apart, second - apart) for first, second in pairwise(edges)]
    across = [(*ends, y) for ends in boxes for y in (top, bottom)]
    return [
        *((first, y, second, y) for first, second, y in across),
        *((x, top, x, bottom) for ends in boxes for x in ends),
    ]


def _truth(lines: tuple[str, ...], sheet: Sheet) -> tuple[PlacedDigit, ...]:
    """Return the digits of `lines`, which own the ink of `sheet` in this order."""
    written_digits = ((int(digit), line) for line, text in enumerate(lines) for digit in text.replace(" ", ""))
    places = ndimage.find_objects(sheet.owner)
    return tuple(
        PlacedDigit(
            label,
            (columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start),
            line,
        )
        for (label, line), (rows, columns) in zip(written_digits, places, strict=True)
    )
