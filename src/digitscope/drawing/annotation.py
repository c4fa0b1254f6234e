"""A copy of a page on which every digit and every sign has a box, with its label beside it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from digitscope.drawing.label_places import overhang, places_of
from digitscope.inference.reading import UNSURE, Reading

UInt8 = NDArray[np.uint8]
Float64 = NDArray[np.float64]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour = tuple[int, int, int]

ACCEPTED: Colour = (0, 114, 178)
NOT_ACCEPTED: Colour = (213, 94, 0)
SIGN: Colour = (0, 158, 115)
"""Blue, vermilion and bluish green of Okabe and Ito's palette, which colour-blind people tell apart:
jfly.uni-koeln.de/color."""

ACCEPTED_ON_DARK: Colour = (86, 180, 233)
NOT_ACCEPTED_ON_DARK: Colour = (230, 159, 0)
"""Sky blue and orange of the same palette. Its green stands out from dark paper too."""

PRINT: Colour = (105, 105, 105)
PRINT_ON_DARK: Colour = (160, 160, 160)
"""Greys, which step back behind the colours of handwriting."""

LEGIBLE_DIGIT, LEGIBLE_FONT = 48, 18
"""Pages with lower digits or less room for labels, in pixels, are enlarged, but not beyond MOST_PIXELS."""

MOST_PIXELS = 12_000_000

SMALLER = 0.6
"""Size of a label's second line, that of the first being 1. Labels of print are smaller than others by as much."""

LABEL_HEIGHT = 1.75
"""Height of a label with its gap, that of the font being 1."""


@dataclass(frozen=True)
class _Mark:
    """A digit or a sign, as it is drawn.

    Attributes:
        name: what it is taken for.
        confidence: its probability, 0 to 1.
        box: left, top, width and height, in pixels of the source.
        accepted: whether it counts as read; else its box is dashed.
        is_print: whether it is print; then its box is thin and grey.
        is_sign: whether it is a sign.
    """

    name: str
    confidence: float
    box: tuple[int, int, int, int]
    accepted: bool
    is_print: bool
    is_sign: bool


@dataclass(frozen=True)
class _Label:
    """The label of a mark: its name in large type, its confidence in small type below.

    Attributes:
        texts: the lines.
        fonts: the font of each line.
        size: width and height, in pixels.
        upper: height of the first line.
    """

    texts: tuple[str, str]
    fonts: tuple[Font, Font]
    size: tuple[float, float]
    upper: float


@dataclass(frozen=True)
class _Pens:
    """The colours that stand out from a page, and the halo around all of them."""

    accepted: Colour
    not_accepted: Colour
    printed: Colour
    halo: Colour

    @classmethod
    def for_paper(cls, paper: Colour) -> "_Pens":
        if sum(paper) > 3 * 110:
            return cls(ACCEPTED, NOT_ACCEPTED, PRINT, (255, 255, 255))
        return cls(ACCEPTED_ON_DARK, NOT_ACCEPTED_ON_DARK, PRINT_ON_DARK, (0, 0, 0))

    def of(self, mark: _Mark) -> Colour:
        if mark.is_print:
            return self.printed
        if mark.is_sign:
            return SIGN
        return self.accepted if mark.accepted else self.not_accepted


def annotate(pixels: UInt8, reading: Reading, page: int = 0) -> Image.Image:
    """Return a page with boxes around its digits and signs, their labels and their confidences.

    Accepted digits have a solid blue box, rejected ones a dashed orange box and a "?". Signs are green. Print has
    thin grey boxes, digits and signs alike. Each label stands where it covers the least: above, below
    or beside its box. The copy is larger than the page where that makes it legible.

    Args:
        pixels: uint8 (H, W, 3), the page as it was opened, reduced or not.
        reading: of the picture.
        page: the number of the page, from 0.
    """
    drawing = Image.fromarray(np.ascontiguousarray(pixels))
    marks = _marks(reading, page)
    if not marks:
        return drawing
    boxes = np.array([mark.box for mark in marks], dtype=np.float64) * (drawing.width / reading.sizes[page][0])
    boxes[:, 2:] += boxes[:, :2]
    main = boxes[_main(marks)]
    height = max(float(np.median(main[:, 3] - main[:, 1])), 1.0)
    font_size = min(height / 2, _room(main, boxes, height) / LABEL_HEIGHT)
    zoom = _zoom(max(LEGIBLE_DIGIT / height, LEGIBLE_FONT / font_size), drawing)
    if zoom > 1:
        drawing = drawing.resize((drawing.width * zoom, drawing.height * zoom), Image.Resampling.BICUBIC)
    font_size = min(max(font_size * zoom, LEGIBLE_FONT), max(min(drawing.size) / 4, LEGIBLE_FONT))
    width = max(2, round(min(height * zoom / 24, font_size / 6)))
    return _drawn(drawing, marks, boxes * zoom, width, font_size)


def _marks(reading: Reading, page: int) -> list[_Mark]:
    """Return the marks of `page`. The first ones get the better places for their labels."""
    digits = (
        _Mark(
            str(digit.label) if digit.accepted else f"{digit.label}{UNSURE}",
            digit.confidence,
            digit.box,
            digit.accepted,
            is_print=digit.printed,
            is_sign=False,
        )
        for digit in reading.digits
        if digit.page == page
    )
    signs = (
        _Mark(sign.label, sign.confidence, sign.box, accepted=True, is_print=sign.printed, is_sign=True)
        for sign in reading.signs
        if sign.page == page
    )
    return sorted([*digits, *signs], key=lambda mark: mark.is_print)


def _main(marks: Sequence[_Mark]) -> NDArray[np.intp]:
    """Return the numbers of the marks that sizes are taken from: digits, and written ones if there are any.

    Signs are too small for that, and print may be of any size.
    """
    ranks = np.array([2 * mark.is_sign + mark.is_print for mark in marks])
    return np.flatnonzero(ranks == ranks.min())


def _drawn(
    drawing: Image.Image, marks: Sequence[_Mark], inks: Float64, width: int, font_size: float
) -> Image.Image:
    """Draw boxes around `inks` (N, 4) with lines of `width`, thinner for print, and a label beside each."""
    widths = [max(1, width // 2) if mark.is_print else width for mark in marks]
    boxes = inks + (np.array(widths)[:, None] + 1) * np.array([-1, -1, 1, 1])  # drawn outside of the ink
    labels = _labels(marks, font_size)
    places = places_of(boxes, [label.size for label in labels], drawing.size)
    left, top, right, bottom = overhang(np.concatenate([places, boxes]), drawing.size)
    paper = _paper(drawing)
    pens = _Pens.for_paper(paper)
    page = Image.new("RGB", (left + drawing.width + right, top + drawing.height + bottom), paper)
    page.paste(drawing, (left, top))
    brush = ImageDraw.Draw(page)
    for mark, line, box in zip(marks, widths, boxes + np.array([left, top, left, top]), strict=True):
        _draw_box(brush, box, line, pens.halo, pens.of(mark), dashed=not mark.accepted)
    for mark, label, place in zip(marks, labels, places, strict=True):
        _draw_label(brush, label, (place[0] + left, place[1] + top), pens.halo, pens.of(mark))
    return page


def _room(main: Float64, boxes: Float64, height: float) -> float:
    """Return the pixels free of `boxes` (N, 4) above or below most of `main`, at most a digit's height."""
    free = np.full(len(main), height)
    for number, box in enumerate(main):
        beneath = np.minimum(box[2], boxes[:, 2]) > np.maximum(box[0], boxes[:, 0])  # or above: in the same column
        gaps_above = (box[1] - boxes[:, 3])[beneath & (boxes[:, 3] <= box[1])]
        gaps_below = (boxes[:, 1] - box[3])[beneath & (boxes[:, 1] >= box[3])]
        free[number] = max(gaps_above.min(initial=height), gaps_below.min(initial=height))
    return max(float(np.quantile(free, 0.2)) - height / 6, height / 8)  # the lines around the boxes take a sixth


def _zoom(wanted: float, drawing: Image.Image) -> int:
    """Return how many times larger the drawing becomes: `wanted` or a little more, if that is not too large."""
    possible = math.isqrt(MOST_PIXELS // (drawing.width * drawing.height))
    return max(1, min(math.ceil(wanted), possible))


# Labels


def _labels(marks: Sequence[_Mark], font_size: float) -> list[_Label]:
    written = _fonts(font_size)
    printed = _fonts(max(SMALLER * font_size, min(font_size, LEGIBLE_FONT)))
    return [_label(mark, *(printed if mark.is_print else written)) for mark in marks]


def _fonts(size: float) -> tuple[Font, Font]:
    return ImageFont.load_default(size), ImageFont.load_default(SMALLER * size)


def _label(mark: _Mark, large: Font, small: Font) -> _Label:
    percent = f"{math.floor(100 * mark.confidence)}%"  # rounded down: 100% is for certainty alone
    names = [large.getbbox(layer) for layer in _layers(mark.name)]
    width, upper = (max(name[side] for name in names) for side in (2, 3))
    _, _, other_width, lower = small.getbbox(percent)
    return _Label((mark.name, percent), (large, small), (max(width, other_width), upper + lower), upper)


def _layers(text: str) -> tuple[str, ...]:
    """Return what is written over each other for a text; Pillow's own font lacks two of the signs."""
    return {"\u00d7": ("x",), "\u00f7": (":", "-")}.get(text, (text,))


def _paper(drawing: Image.Image) -> Colour:
    """Return the usual colour along the edges."""
    pixels = np.asarray(drawing)
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    red, green, blue = (int(value) for value in np.median(edges, axis=0))
    return red, green, blue


# Ink


def _draw_box(
    brush: ImageDraw.ImageDraw, box: Float64, width: int, halo: Colour, colour: Colour, *, dashed: bool
) -> None:
    left, top, right, bottom = (round(edge) for edge in box.tolist())
    brush.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=halo, width=width + 2)
    if not dashed:
        brush.rectangle((left, top, right, bottom), outline=colour, width=width)
        return
    for start, end in _dashes(left, right, width):
        brush.rectangle((start, top, end, top + width - 1), fill=colour)
        brush.rectangle((start, bottom - width + 1, end, bottom), fill=colour)
    for start, end in _dashes(top, bottom, width):
        brush.rectangle((left, start, left + width - 1, end), fill=colour)
        brush.rectangle((right - width + 1, start, right, end), fill=colour)


def _dashes(start: int, end: int, width: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the last pixel of each dash from `start` to `end`; there is one at either end."""
    n_dashes = max(2, round((end - start) / (5 * width)))
    pitch = (end - start) / (n_dashes - 0.4)
    for number in range(n_dashes):
        first = start + number * pitch
        yield round(first), min(round(first + 0.6 * pitch), end)


def _draw_label(
    brush: ImageDraw.ImageDraw, label: _Label, corner: tuple[float, float], halo: Colour, colour: Colour
) -> None:
    x, y = corner
    centre = x + label.size[0] / 2
    halo_width = max(2, round(label.upper / 10))
    for stroke, fill in ((halo_width, halo), (0, colour)):  # no layer's halo may cover another layer
        for text, font, down in zip(label.texts, label.fonts, (0.0, label.upper), strict=True):
            for layer in _layers(text):
                left = centre - font.getbbox(layer)[2] / 2
                brush.text((left, y + down), layer, fill=fill, font=font, stroke_width=stroke, stroke_fill=halo)
