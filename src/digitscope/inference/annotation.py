"""A copy of a page on which every digit has a box, and beside it what it is taken for."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from digitscope.inference.reading import UNSURE, Digit, Reading

UInt8 = NDArray[np.uint8]
Float64 = NDArray[np.float64]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels of the drawing."""

ACCEPTED: Colour = (0, 114, 178)
NOT_ACCEPTED: Colour = (213, 94, 0)
"""Blue and vermilion of Okabe and Ito's palette, which colour-blind people tell apart: jfly.uni-koeln.de/color."""

ACCEPTED_ON_DARK: Colour = (86, 180, 233)
NOT_ACCEPTED_ON_DARK: Colour = (230, 159, 0)
"""Sky blue and orange of the same palette."""

LEGIBLE_DIGIT, LEGIBLE_FONT = 48, 18
"""Pages with lower digits or less room for labels, in pixels, are enlarged, but not beyond MOST_PIXELS."""

MOST_PIXELS = 12_000_000

SMALLER = 0.6
"""Size of the second line of a label, that of the first being 1."""

LABEL_HEIGHT = 1.75
"""Height of a label with its gap, that of the font being 1."""


@dataclass(frozen=True)
class _Label:
    """What is written beside a digit: the digit in large type, its confidence in small type below.

    Attributes:
        texts: what is written.
        fonts: what it is written in.
        size: width and height, in pixels.
        upper: height of the first line.
    """

    texts: tuple[str, str]
    fonts: tuple[Font, Font]
    size: tuple[float, float]
    upper: float


@dataclass(frozen=True)
class _Pens:
    """The colours that stand out from a page: of what is accepted, of what is not, and of the halo around both."""

    accepted: Colour
    not_accepted: Colour
    halo: Colour

    @classmethod
    def for_paper(cls, paper: Colour) -> "_Pens":
        if sum(paper) > 3 * 110:
            return cls(ACCEPTED, NOT_ACCEPTED, (255, 255, 255))
        return cls(ACCEPTED_ON_DARK, NOT_ACCEPTED_ON_DARK, (0, 0, 0))

    def of(self, digit: Digit) -> Colour:
        return self.accepted if digit.accepted else self.not_accepted


def annotate(pixels: UInt8, reading: Reading, page: int = 0) -> Image.Image:
    """Return a page with boxes around its digits, their labels and their confidences.

    What is accepted has a solid blue box, what is not a dashed orange one and a "?". Labels stand where they cover
    the least: above, below or beside their digit. The copy is larger than the page where that makes it legible.

    Args:
        pixels: uint8 (H, W, 3), the page as it was opened, reduced or not.
        reading: of the picture.
        page: the number of the page, from 0.
    """
    drawing = Image.fromarray(np.ascontiguousarray(pixels))
    digits = [digit for digit in reading.digits if digit.page == page]
    if not digits:
        return drawing
    boxes = np.array([digit.box for digit in digits], dtype=np.float64) * (drawing.width / reading.sizes[page][0])
    boxes[:, 2:] += boxes[:, :2]
    height = max(float(np.median(boxes[:, 3] - boxes[:, 1])), 1.0)
    font_size = min(height / 2, _room(boxes, height) / LABEL_HEIGHT)
    zoom = _zoom(max(LEGIBLE_DIGIT / height, LEGIBLE_FONT / font_size), drawing)
    if zoom > 1:
        drawing = drawing.resize((drawing.width * zoom, drawing.height * zoom), Image.Resampling.BICUBIC)
    font_size = min(max(font_size * zoom, LEGIBLE_FONT), max(min(drawing.size) / 4, LEGIBLE_FONT))
    width = max(2, round(min(height * zoom / 24, font_size / 6)))
    around = boxes * zoom + (width + 1) * np.array([-1, -1, 1, 1])  # drawn outside of the ink
    return _drawn(drawing, digits, around, width, font_size)


def _drawn(
    drawing: Image.Image, digits: Sequence[Digit], boxes: Float64, width: int, font_size: float
) -> Image.Image:
    """Draw `boxes` (N, 4) with lines of `width`, and a label beside each."""
    labels = _labels(digits, font_size)
    places = _places(boxes, [label.size for label in labels], drawing.size)
    left, top, right, bottom = _overhang(np.concatenate([places, boxes]), drawing.size)
    paper = _paper(drawing)
    pens = _Pens.for_paper(paper)
    page = Image.new("RGB", (left + drawing.width + right, top + drawing.height + bottom), paper)
    page.paste(drawing, (left, top))
    brush = ImageDraw.Draw(page)
    for digit, box in zip(digits, boxes + np.array([left, top, left, top]), strict=True):
        _draw_box(brush, box, width, pens.halo, pens.of(digit), dashed=not digit.accepted)
    for digit, label, place in zip(digits, labels, places, strict=True):
        _draw_label(brush, label, (place[0] + left, place[1] + top), pens.halo, pens.of(digit))
    return page


def _room(boxes: Float64, height: float) -> float:
    """Return the pixels that most of `boxes` (N, 4) have free above or below them, at most a digit's height."""
    free = np.full(len(boxes), height)
    for number, box in enumerate(boxes):
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


def _labels(digits: Sequence[Digit], font_size: float) -> list[_Label]:
    large, small = ImageFont.load_default(font_size), ImageFont.load_default(SMALLER * font_size)
    return [_label(digit, large, small) for digit in digits]


def _label(
    digit: Digit,
    large: Font,
    small: Font,
) -> _Label:
    name = str(digit.label) if digit.accepted else f"{digit.label}{UNSURE}"
    percent = f"{math.floor(100 * digit.confidence)}%"  # rounded down: 100% is for certainty alone
    (_, _, width, upper), (_, _, other_width, lower) = large.getbbox(name), small.getbbox(percent)
    return _Label((name, percent), (large, small), (max(width, other_width), upper + lower), upper)


def _places(boxes: Float64, sizes: Sequence[tuple[float, float]], page: tuple[int, int]) -> Float64:
    """Return a place for every label (N, 4) where it covers the least of `boxes` (N, 4) and of other labels."""
    places = np.zeros_like(boxes)
    for number, (box, size) in enumerate(zip(boxes, sizes, strict=True)):
        taken = np.concatenate([boxes, places[:number]])
        choices = list(_beside(box, size))
        costs = [_covered(choice, taken) + _outside(choice, page) for choice in choices]
        reluctance = 0.03 * size[0] * size[1] * np.arange(len(costs))  # a touch is better than an odd place
        places[number] = choices[int(np.argmin(costs + reluctance))]
    return places


def _beside(box: Float64, size: tuple[float, float]) -> Iterator[Box]:
    """Yield the places for a label beside a box, the best first."""
    (left, top, right, bottom), (width, height) = box, size
    centre, middle, gap = (left + right - width) / 2, (top + bottom - height) / 2, 0.08 * height
    for x, y in (
        (centre, top - height - gap),
        (centre, bottom + gap),
        (right + gap, middle),
        (left - width - gap, middle),
        (right + gap, top - height - gap),
        (left - width - gap, bottom + gap),
    ):
        yield x, y, x + width, y + height


def _covered(place: Box, taken: Float64) -> float:
    """Return the area of `taken` (N, 4) that lies under `place`."""
    across = np.minimum(place[2], taken[:, 2]) - np.maximum(place[0], taken[:, 0])
    down = np.minimum(place[3], taken[:, 3]) - np.maximum(place[1], taken[:, 1])
    return float((across.clip(0) * down.clip(0)).sum())


def _outside(place: Box, page: tuple[int, int]) -> float:
    """Return how much of `place` is off the page: a third of its area, since the page can grow."""
    across = min(place[2], page[0]) - max(place[0], 0)
    down = min(place[3], page[1]) - max(place[1], 0)
    return ((place[2] - place[0]) * (place[3] - place[1]) - max(across, 0) * max(down, 0)) / 3


def _overhang(places: Float64, page: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the pixels that the page lacks to the left, above, to the right and below."""
    margin = 3
    first, last = places[:, :2].min(axis=0) - margin, places[:, 2:].max(axis=0) + margin
    before, after = np.ceil(-first).clip(0).astype(int), np.ceil(last - page).clip(0).astype(int)
    return int(before[0]), int(before[1]), int(after[0]), int(after[1])


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
    stroke = max(2, round(label.upper / 10))
    for text, font, down in zip(label.texts, label.fonts, (0.0, label.upper), strict=True):
        left = centre - font.getbbox(text)[2] / 2
        brush.text((left, y + down), text, fill=colour, font=font, stroke_width=stroke, stroke_fill=halo)
