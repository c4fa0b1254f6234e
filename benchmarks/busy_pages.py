"""Pages of handwritten numbers with more difficult nuisances than `pages` has.

Some have print, words, boxes, tables, rings or signs beside the numbers. Others have hairline pens, folds, dark
surroundings, screens or quarter turns. The names are in `BUSY_NUISANCES`. Print is drawn with this machine's
fonts, so other fonts give other pages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from PIL import Image

from benchmarks import busy_layouts as layouts
from benchmarks import paper
from benchmarks.busy_drafts import BusyDraft
from benchmarks.paper import Sheet
from benchmarks.plain_pages import Page, PlacedDigit
from digitscope.data.drafts import LAYERS
from digitscope.data.hands import Material
from digitscope.data.splits import Float32, Float64, UInt8
from digitscope.errors import SettingError

SIDES, SIZES, MARGIN = (1000, 700), (30.0, 50.0), 0.05
"""Pixels of a page's sides and of a digit's height, and the margin as a share of the sides."""


def as_it_is(_shape: tuple[int, int], _generator: np.random.Generator) -> Float64:
    """Return the matrix (3, 3) that leaves a page as it is."""
    return np.eye(3)


def slanted(shape: tuple[int, int], generator: np.random.Generator) -> Float64:
    """Return the matrix (3, 3) that turns a page (H, W) about its middle by 14 to 16 degrees, either way."""
    angle = np.deg2rad(generator.choice([-1, 1]) * generator.uniform(14, 16))
    height, width = shape
    middle = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1]])
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return np.asarray(middle @ turn @ np.linalg.inv(middle))


def aslant(shape: tuple[int, int], generator: np.random.Generator) -> Float64:
    """Return the matrix (3, 3) that moves the corners of a page (H, W) inwards by 3 to 14 % of its sides."""
    height, width = shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    inwards = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * (width, height)
    seen = corners + inwards * generator.uniform(0.03, 0.14, (4, 2))
    rows, targets = [], []
    for (x, y), (u, v) in zip(corners, seen, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        targets += [u, v]
    return np.append(np.linalg.solve(np.array(rows), np.array(targets)), 1).reshape(3, 3)


def folded(picture: Float32, _size: float, generator: np.random.Generator) -> Float32:
    """Return the picture with a fold down and one across: each parts lighter from darker paper by a crease."""
    for axis in (0, 1):
        length, other = picture.shape[axis], picture.shape[1 - axis]
        along = np.arange(other) - other / 2
        crease = generator.uniform(0.3, 0.7) * length + generator.uniform(-0.03, 0.03) * along
        away = np.expand_dims(np.arange(length), 1) - crease
        light = 1 - generator.uniform(0.06, 0.2) * (away > 0) * np.exp(-away.clip(0) / (0.5 * length))
        light -= generator.uniform(0.15, 0.4) * np.exp(-((away / generator.uniform(0.8, 2)) ** 2))
        picture = picture * (light if axis == 0 else light.T)[..., np.newaxis]
    return np.asarray(picture, dtype=np.float32)


def on_screen(picture: Float32, _size: float, generator: np.random.Generator) -> Float32:
    """Return the picture as a photo of a screen: a grid of pixels in three colours, 2.2 to 4 wide."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle, period = generator.normal(0, 0.02), generator.uniform(2.2, 4)
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    stripes = np.cos(2 * np.pi * (along[..., np.newaxis] / period + np.arange(3) / 3))
    rows = np.cos(2 * np.pi * across / period)[..., np.newaxis]
    strength = generator.uniform(0.05, 0.12)
    glow = np.array([0.9, 0.93, 1.0]) * generator.uniform(0.85, 0.95)
    return np.asarray(picture * glow * (1 + strength * (stripes + 0.7 * rows)), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class _Style:
    """How a page is made; `rules` are the colours of its lines, None for the pen's, and `margin` is a share."""

    what: str
    lay_out: Callable[[BusyDraft], None] = layouts.numbers
    rules: tuple[float, float] | None = (0.1, 0.45)
    sizes: tuple[float, float] = SIZES
    margin: float = MARGIN
    view: Callable[[tuple[int, int], np.random.Generator], Float64] = as_it_is
    light: Callable[[Float32, float, np.random.Generator], Float32] = paper.plain
    is_turned: bool = False


_STYLES = {
    "print-around": _Style(what="printed words and sentences around the numbers", lay_out=layouts.print_around),
    "words-around": _Style(what="words in joined letters around the numbers", lay_out=layouts.words_around),
    "letters-around": _Style(what="words in separate letters around them", lay_out=layouts.letters_around),
    "form": _Style(what="printed labels with fields that are filled in", lay_out=layouts.form),
    "combs": _Style(what="rows of joined cells, or combs", lay_out=layouts.combs),
    "thin-boxes": _Style(what="a box of thin lines around each digit", lay_out=layouts.thin_boxes),
    "thick-boxes": _Style(what="a box of thick lines around each digit", lay_out=layouts.thick_boxes),
    "rounded-boxes": _Style(what="a box with round corners around each digit", lay_out=layouts.rounded_boxes),
    "dashed-boxes": _Style(what="a box of dashed lines around each digit", lay_out=layouts.dashed_boxes),
    "dark-squares": _Style(what="squared paper with dark lines", lay_out=layouts.squares, rules=(0.35, 0.6)),
    "rings": _Style(what="rings, frames and arrows", lay_out=layouts.rings_and_arrows, rules=None),
    "crossed-out": _Style(what="a third of the numbers crossed out", lay_out=layouts.crossed_out, rules=None),
    "table": _Style(what="a table of written and printed numbers", lay_out=layouts.table),
    "sums": _Style(what="sums and equations", lay_out=layouts.sums),
    "hairline": _Style(what="a pen about a pixel wide", lay_out=layouts.hairlines),
    "fold": _Style(what="paper that was folded twice", light=folded),
    "perspective": _Style(what="a page on a dark table, seen at a slant", view=aslant, sizes=(40, 58)),
    "screen": _Style(what="a photo of a screen, its pixels in sight", light=on_screen),
    "quarter-turns": _Style(what="the page turned by 90, 180 or 270 degrees", is_turned=True),
    "slanting": _Style(what="lines that slant by 15 degrees", view=slanted, margin=0.17),
    "touching-rows": _Style(what="lines so close that they touch", lay_out=layouts.touching_rows),
}

BUSY_NUISANCES: Mapping[str, str] = MappingProxyType({name: style.what for name, style in _STYLES.items()})
"""The effect of each nuisance, in words."""


def make_busy_page(material: Material, *, nuisance: str, generator: np.random.Generator) -> Page:
    """Return a page of numbers written with `material`.

    About 1000 x 700 pixels, upright or across, its handwritten digits 20 to 60 pixels high. `Page.printed` has the
    printed digits. Equal states of the generator give equal pages.

    Raises:
        SettingError: there is no such nuisance.
        DataError: the pen samples are degenerate.
    """
    if nuisance not in _STYLES:
        raise SettingError(f"no nuisance called {nuisance!r}: expected one of {', '.join(BUSY_NUISANCES)}")
    style = _STYLES[nuisance]
    height, width = generator.permutation(SIDES) * generator.uniform(0.95, 1.05)
    shape = (round(height), round(width))
    draft = BusyDraft(material, generator.uniform(*style.sizes), shape, generator, style.margin)
    style.lay_out(draft)
    matrix = style.view(shape, generator)
    picture = style.light(_painted(draft, style, matrix, generator), draft.size, generator)
    image = paper.as_bytes(paper.with_noise(picture, generator.uniform(0.004, 0.01), generator))
    written, printed = _truth(draft, matrix)
    lines = tuple(" ".join(numbers) for numbers in draft.texts if numbers)
    page = Page(image, written, lines, nuisance, printed)
    return turned(page, int(generator.integers(1, 4))) if style.is_turned else page


def _painted(draft: BusyDraft, style: _Style, matrix: Float64, generator: np.random.Generator) -> Float32:
    """Return the page with all ink on it; beyond its edges lies a dark table if they are in sight."""
    document, shape = draft.finished(), draft.shape
    seen = {name: _seen(document.layers[name], matrix) for name in LAYERS}
    hand, is_askew = np.maximum(seen["digits"], seen["writing"]), style.view is aslant
    page = _seen(np.full(shape, 255, np.uint8), matrix) if is_askew else np.ones(shape, np.float32)
    sheet = Sheet(hand, np.zeros(shape, np.int32), page, draft.size, draft.size, ())
    pen = generator.uniform(0.05, 0.25) + np.array([0, 0.01, 0.12]) * generator.random()
    picture = paper.white_paper(sheet, generator)
    colour = pen if style.rules is None else np.full(3, generator.uniform(*style.rules))
    picture = paper.printed(picture, seen["rules"], colour, 1.0)
    picture = paper.printed(picture, seen["print"], np.full(3, generator.uniform(0, 0.35)), 1.0)
    hollows = np.clip(0.5 + 0.5 * paper.smooth_noise(shape, 1.5, generator), 0, 1)
    taken = generator.uniform(0.9, 1) * hand * (1 - 0.05 * hollows)
    picture = picture + taken[..., np.newaxis] * (np.minimum(pen, picture) - picture)
    return paper.table_around(picture.astype(np.float32), sheet, generator) if is_askew else picture


def _seen(layer: UInt8, matrix: Float64) -> Float32:
    """Return a layer of the page as it lies in the picture, from 0 to 1."""
    back = np.linalg.inv(matrix)
    image = Image.fromarray(layer)
    if not np.array_equal(matrix, np.eye(3)):
        coefficients = (back / back[2, 2]).ravel()[:8].tolist()
        image = image.transform(image.size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def _truth(draft: BusyDraft, matrix: Float64) -> tuple[tuple[PlacedDigit, ...], tuple[PlacedDigit, ...]]:
    """Return the written and the printed digits of the page as they lie in the picture."""
    filled = [number for number, text in enumerate(draft.texts) if text]
    places: tuple[list[PlacedDigit], list[PlacedDigit]] = [], []
    for item, line in zip(draft.items, draft.line_of, strict=True):
        if item.mark.label.isdecimal():
            ends = np.append(item.mark.outline, np.ones((len(item.mark.outline), 1)), axis=1) @ matrix.T
            ends = ends[:, :2] / ends[:, 2:]
            left, top = np.floor(ends.min(axis=0) + 0.01).astype(int).tolist()
            right, bottom = np.ceil(ends.max(axis=0) - 0.01).astype(int).tolist()
            box = (left, top, right - left, bottom - top)
            number = sum(each < line for each in filled)  # lines without handwritten numbers do not count
            places[item.printed].append(PlacedDigit(int(item.mark.label), box, number))
    return tuple(places[0]), tuple(places[1])


def turned(page: Page, quarters: int) -> Page:
    """Return the page as a picture that a reader has to turn by `quarters`, clockwise."""
    height, width = page.image.shape[:2]
    written, printed = page.digits, page.printed
    for _ in range(quarters):
        written, printed = (tuple(_anticlockwise(each, width) for each in digits) for digits in (written, printed))
        height, width = width, height
    image = np.ascontiguousarray(np.rot90(page.image, quarters))
    return replace(page, image=image, digits=written, printed=printed)


def _anticlockwise(digit: PlacedDigit, page_width: int) -> PlacedDigit:
    left, top, width, height = digit.box
    return replace(digit, box=(top, page_width - left - width, height, width))
