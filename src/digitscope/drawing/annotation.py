"""A copy of a page on which every digit and every sign has a box, with its label beside it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from digitscope.reading.result import UNSURE, Digit, Reading, Sign

UInt8 = NDArray[np.uint8]
Float64 = NDArray[np.float64]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour = tuple[int, int, int]
Mark = Digit | Sign

# Blue, vermilion and bluish green of Okabe and Ito's palette, which colour-blind people tell apart; for dark paper
# its sky blue and orange. The green stands out from dark paper too. jfly.uni-koeln.de/color
ACCEPTED, NOT_ACCEPTED, SIGN = (0, 114, 178), (213, 94, 0), (0, 158, 115)
ACCEPTED_ON_DARK, NOT_ACCEPTED_ON_DARK = (86, 180, 233), (230, 159, 0)
PRINT: Colour = (105, 105, 105)
PRINT_ON_DARK: Colour = (160, 160, 160)  # greys, which step back behind the colours of handwriting

LEGIBLE_DIGIT, LEGIBLE_FONT = 48, 18  # pages with lower digits or less room for labels, in pixels, are enlarged
MOST_PIXELS = 12_000_000  # of a page that is enlarged, at most; a larger page stays as it is
SMALLER = 0.6  # size of a label's second line, that of the first being 1, and of labels of print to others
LABEL_HEIGHT = 1.75  # height of a label with its gap, that of the font being 1


@dataclass(frozen=True)
class _Label:
    """The label of a mark: what it is in large type, its confidence in small type below."""

    texts: tuple[str, str]  # the lines
    fonts: tuple[Font, Font]  # the font of each line
    size: tuple[float, float]  # width and height, in pixels
    upper: float  # height of the first line


def colour_of(mark: Mark, *, on_dark: bool = False) -> Colour:
    """Return the colour of a mark on light or on dark paper: print is grey, signs green, digits blue or orange."""
    if mark.printed:
        return PRINT_ON_DARK if on_dark else PRINT
    if isinstance(mark, Sign):
        return SIGN
    if mark.accepted:
        return ACCEPTED_ON_DARK if on_dark else ACCEPTED
    return NOT_ACCEPTED_ON_DARK if on_dark else NOT_ACCEPTED


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
    # Handwriting comes first, so it gets the better places for its labels.
    everything: list[Mark] = [*reading.digits, *reading.signs]
    marks = sorted((mark for mark in everything if mark.page == page), key=lambda mark: mark.printed)
    if not marks:
        return drawing
    boxes = np.array([mark.box for mark in marks], dtype=np.float64) * (drawing.width / reading.sizes[page][0])
    boxes[:, 2:] += boxes[:, :2]
    # Sizes are taken from digits, and from written ones if there are any: signs are small, print has any size.
    ranks = np.array([2 * isinstance(mark, Sign) + mark.printed for mark in marks])
    main = boxes[ranks == ranks.min()]
    height = max(float(np.median(main[:, 3] - main[:, 1])), 1.0)
    font_size = min(height / 2, _room(main, boxes, height) / LABEL_HEIGHT)
    wanted = math.ceil(max(LEGIBLE_DIGIT / height, LEGIBLE_FONT / font_size))
    zoom = max(1, min(wanted, math.isqrt(MOST_PIXELS // (drawing.width * drawing.height))))
    if zoom > 1:
        drawing = drawing.resize((drawing.width * zoom, drawing.height * zoom), Image.Resampling.BICUBIC)
    font_size = min(max(font_size * zoom, LEGIBLE_FONT), max(min(drawing.size) / 4, LEGIBLE_FONT))
    width = max(2, round(min(height * zoom / 24, font_size / 6)))
    return _drawn(drawing, marks, boxes * zoom, width, font_size)


def _drawn(
    drawing: Image.Image, marks: Sequence[Mark], inks: Float64, width: int, font_size: float
) -> Image.Image:
    """Draw boxes around `inks` (N, 4) with lines of `width`, thinner for print, and a label beside each."""
    widths = [max(1, width // 2) if mark.printed else width for mark in marks]
    boxes = inks + (np.array(widths)[:, None] + 1) * np.array([-1, -1, 1, 1])  # drawn outside of the ink
    labels = _labels(marks, font_size)
    places = _places_of(boxes, [label.size for label in labels], drawing.size)
    left, top, right, bottom = _overhang(np.concatenate([places, boxes]), drawing.size)
    pixels = np.asarray(drawing)
    edges = np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]), axis=0)
    paper = int(edges[0]), int(edges[1]), int(edges[2])  # the usual colour along the edges
    on_dark = sum(paper) <= 3 * 110
    halo = (0, 0, 0) if on_dark else (255, 255, 255)
    colours = [colour_of(mark, on_dark=on_dark) for mark in marks]
    page = Image.new("RGB", (left + drawing.width + right, top + drawing.height + bottom), paper)
    page.paste(drawing, (left, top))
    brush = ImageDraw.Draw(page)
    moved = boxes + np.array([left, top, left, top])
    for mark, line, box, colour in zip(marks, widths, moved, colours, strict=True):
        _draw_box(brush, box, line, halo, colour, dashed=isinstance(mark, Digit) and not mark.accepted)
    for label, place, colour in zip(labels, places, colours, strict=True):
        _draw_label(brush, label, (place[0] + left, place[1] + top), halo, colour)
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


# Labels


def _labels(marks: Sequence[Mark], font_size: float) -> list[_Label]:
    sizes = (font_size, max(SMALLER * font_size, min(font_size, LEGIBLE_FONT)))
    written, printed = ((ImageFont.load_default(size), ImageFont.load_default(SMALLER * size)) for size in sizes)
    labels = []
    for mark in marks:
        large, small = printed if mark.printed else written
        text = f"{mark.label}{UNSURE}" if isinstance(mark, Digit) and not mark.accepted else str(mark.label)
        percent = f"{math.floor(100 * mark.confidence)}%"  # rounded down: 100% is for certainty alone
        names = [large.getbbox(layer) for layer in _layers(text)]
        width, upper = (max(name[side] for name in names) for side in (2, 3))
        _, _, other_width, lower = small.getbbox(percent)
        size = (max(width, other_width), upper + lower)
        labels.append(_Label((text, percent), (large, small), size, upper))
    return labels


def _layers(text: str) -> tuple[str, ...]:
    """Return what is written over each other for a text; Pillow's own font lacks two of the signs."""
    return {"\u00d7": ("x",), "\u00f7": (":", "-")}.get(text, (text,))


# Places of labels


def _places_of(boxes: Float64, sizes: Sequence[tuple[float, float]], page: tuple[int, int]) -> Float64:
    """Return a place for every label (N, 4) where it covers the least of `boxes` (N, 4) and of other labels."""
    places = np.zeros_like(boxes)
    for number, ((left, top, right, bottom), (width, height)) in enumerate(zip(boxes, sizes, strict=True)):
        centre, middle, gap = (left + right - width) / 2, (top + bottom - height) / 2, 0.08 * height
        above, below, before, after = top - height - gap, bottom + gap, left - width - gap, right + gap
        corners = np.array(
            [(centre, above), (centre, below), (after, middle), (before, middle), (after, above), (before, below)]
        )
        choices = np.hstack([corners, corners + np.array([width, height])])
        covered = _shared(choices[:, None], np.concatenate([boxes, places[:number]])).sum(axis=1)
        outside = (width * height - _shared(choices, np.array([0, 0, *page]))) / 3  # since the page can grow
        reluctance = 0.03 * width * height * np.arange(len(choices))  # a touch is better than an odd place
        places[number] = choices[int(np.argmin(covered + outside + reluctance))]
    return places


def _shared(boxes: Float64, others: Float64) -> Float64:
    """Return the areas that boxes (..., 4) share with others."""
    sides = np.minimum(boxes[..., 2:], others[..., 2:]) - np.maximum(boxes[..., :2], others[..., :2])
    return np.asarray(sides.clip(0).prod(axis=-1))


def _overhang(places: Float64, page: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the pixels that the page lacks to the left, above, to the right and below."""
    margin = 3
    first, last = places[:, :2].min(axis=0) - margin, places[:, 2:].max(axis=0) + margin
    before, after = np.ceil(-first).clip(0).astype(int), np.ceil(last - page).clip(0).astype(int)
    return int(before[0]), int(before[1]), int(after[0]), int(after[1])


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
