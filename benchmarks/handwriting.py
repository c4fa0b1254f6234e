"""Lines of handwritten numbers on an empty sheet: digits of 28x28 pixels drawn large, with smooth strokes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from benchmarks.paper import Field, Shape, Sheet
from digitscope.data.splits import Float32, Split, UInt8
from digitscope.errors import DataError

Ends = tuple[float, float]
Line = list[str]

INK_HEIGHT = 20
"""Pixels: an MNIST digit fills a box of 20x20, in the middle of its 28x28."""

EDGE = 0.4
"""Brightness, from 0 to 1, at the edge of a stroke: one pixel wide, it often is below one half in MNIST."""

SEEN = 0.3
"""Coverage from which a pixel belongs to a digit and to its box."""

LONGEST_NUMBER, MOST_LINES = 6, 120
CROSS = ndimage.generate_binary_structure(2, 1)

_SIDE = (np.array([[0, 0, 0], [0, 1, 0], [1, 1, 1]]), np.array([[1, 1, 1], [0, 0, 0], [0, 0, 0]]))
_CORNER = (np.array([[0, 0, 0], [1, 1, 0], [0, 1, 0]]), np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]]))
THINNING = tuple(
    (np.rot90(ink, turns), np.rot90(none, turns)) for turns in range(4) for ink, none in (_SIDE, _CORNER)
)
"""Where a pixel of ink can go without a break: what around it must be ink, and what must not.

Source: Golay's alphabet, letter L, as in Gonzalez and Woods, Digital Image Processing, section 9.5.
"""


@dataclass(frozen=True, kw_only=True)
class WriterSettings:
    """How somebody writes; a pair of numbers is the ends of what is drawn evenly for each page.

    Attributes:
        size: pixels, the height of a digit.
        count: digits on a page, fewer if it is full before.
        stroke: -1 for strokes thinner than the digits' own, 1 for thicker ones, 0 for as they are.
        touching: the share of digits that touch the one before them in their number.
        smaller: about half of the lines are written in so much of the height; None for one size.
        cell: the width of a form's cells, in heights of a digit; None where no form is filled in.
    """

    size: Ends = (30, 60)
    count: tuple[int, int] = (30, 60)
    stroke: int = 0
    touching: float = 0
    smaller: Ends | None = None
    cell: Ends | None = None


@dataclass(frozen=True, eq=False)
class WrittenSheet:
    """A sheet and what is written on it.

    Attributes:
        sheet: where its ink is, the digits numbered from 1 in reading order.
        lines: the numbers of each line, as text.
    """

    sheet: Sheet
    lines: tuple[Line, ...]


def write_numbers(
    digits: Split, hand: WriterSettings, shape: Shape, generator: np.random.Generator
) -> WrittenSheet:
    """Return a sheet of `shape` with lines of numbers of 1 to 6 digits, drawn from `digits`, (N, 28, 28).

    The ink of two digits is apart by a tenth of their height, at least by 2 pixels, or the hand's digits touch.

    Raises:
        DataError: a digit that is drawn is blank.
    """
    height, width = shape
    margin = 0.1 * min(shape)
    writer = _Writer(digits, hand, shape, generator)
    pitch = writer.size * generator.uniform(1.65, 2.7)
    slope = generator.uniform(-0.006, 0.006)
    left_to_write = int(generator.integers(*hand.count, endpoint=True))
    sizes = writer.size * _relative_heights(hand, generator)
    baselines: list[float] = []
    lines: list[Line] = []
    while left_to_write and len(lines) < MOST_LINES and (not lines or baselines[-1] + pitch < height - margin):
        baselines.append(baselines[-1] + pitch if lines else margin + 1.1 * writer.size)
        tilt = slope + generator.uniform(-0.04, 0.04) * writer.size / width
        start = margin + generator.uniform(0, 0.04) * width
        end = width - margin - generator.uniform(0, 0.3) * width
        writer.size = sizes[len(lines)]
        lines.append(writer.line((start, end), baselines[-1], tilt, left_to_write))
        left_to_write -= len("".join(lines[-1]))
    page = np.ones(shape, dtype=np.float32)
    fields = tuple(writer.fields)
    sheet = Sheet(writer.coverage, writer.owner, page, float(sizes.max()), pitch, tuple(baselines), fields)
    return WrittenSheet(sheet, tuple(lines))


def _relative_heights(hand: WriterSettings, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return the heights of the lines, of which the higher ones are 1: either size is one of the first two."""
    heights = np.ones(MOST_LINES)
    if hand.smaller:
        both = np.array([1.0, generator.uniform(*hand.smaller)])
        heights = np.concatenate([generator.permutation(both), generator.choice(both, MOST_LINES - 2)])
    return heights


class _Writer:
    """A hand that draws digits, and the ink that it has left so far."""

    def __init__(self, digits: Split, hand: WriterSettings, shape: Shape, generator: np.random.Generator) -> None:
        self.digits, self.hand, self.generator = digits, hand, generator
        self.coverage = np.zeros(shape, dtype=np.float32)
        self.owner = np.zeros(shape, dtype=np.int32)
        self.size = generator.uniform(*hand.size)
        self.cell = generator.uniform(*hand.cell) if hand.cell else None
        self.fields: list[Field] = []
        self.n = 0

    @property
    def apart(self) -> int:
        """Pixels between two digits that do not touch."""
        return max(2, round(0.1 * self.size))

    def line(self, ends: Ends, baseline: float, tilt: float, limit: int) -> Line:
        """Write numbers, at least one digit, until the next does not fit or there are `limit` digits."""
        x, end = ends
        numbers: Line = []
        while limit:
            count = min(limit, int(self.generator.integers(1, LONGEST_NUMBER, endpoint=True)))
            rows = self.generator.integers(len(self.digits), size=count)
            strokes = [self.stroke(self.digits.images[row]) for row in rows]
            gaps = self.size * self.generator.uniform(-0.05, 0.3, count)
            if self.cell:
                widths = np.full(count, self.cell * self.size)
            else:
                widths = np.array([stroke.shape[1] for stroke in strokes]) + np.maximum(gaps, self.apart + 1)
            fitting = int((x + np.cumsum(widths) <= end).sum())
            if numbers and fitting < count:
                break
            rows, strokes = rows[: max(1, fitting)], strokes[: max(1, fitting)]
            write = self.in_cells if self.cell else self.freely
            x = write(strokes, gaps, x, baseline, tilt) + self.size * self.generator.uniform(0.8, 1.4)
            numbers.append("".join(str(label) for label in self.digits.labels[rows]))
            limit -= len(rows)
        return numbers

    def freely(
        self, strokes: list[Float32], gaps: NDArray[np.float64], x: float, baseline: float, tilt: float
    ) -> float:
        """Write a number from column `x` on; return where it ends."""
        for number, (stroke, gap) in enumerate(zip(strokes, gaps, strict=False)):
            touches = number > 0 and self.hand.touching > 0 and self.generator.random() < self.hand.touching
            x = gap + self.stamp(stroke, x, baseline + tilt * x, touches=touches)
        return x

    def in_cells(
        self, strokes: list[Float32], gaps: NDArray[np.float64], x: float, baseline: float, tilt: float
    ) -> float:
        """Write a number into the cells of a form, which begins at column `x`; return where the form ends."""
        width = self.size * (self.cell or 1.0)
        bottom = baseline + tilt * x
        for number, (stroke, gap) in enumerate(zip(strokes, gaps, strict=False)):
            middle = x + (number + 0.5) * width + 0.3 * (gap - 0.125 * self.size)
            self.stamp(stroke, middle - stroke.shape[1] / 2, bottom)
        below, above = (
            self.size * self.generator.uniform(0.06, 0.25),
            self.size * self.generator.uniform(1.12, 1.35),
        )
        end = x + len(strokes) * width
        self.fields.append((x, bottom - above, end, bottom + below, len(strokes)))
        return end

    def stroke(self, image: UInt8) -> Float32:
        """Return a digit as a mask of its ink, cut out, in a height of its own that is near the hand's."""
        return stroke_mask(image, self.size / INK_HEIGHT * self.generator.uniform(0.92, 1.08), self.hand.stroke)

    def stamp(self, stroke: Float32, x: float, bottom: float, *, touches: bool = False) -> int:
        """Draw a digit from column `x` on, further to the right where ink is near; return its right end.

        One that `touches` goes back from there until its ink meets other ink, and on by up to a twentieth of its
        height.
        """
        height, width = stroke.shape
        left, around = round(x), self.apart
        top = round(bottom + self.size * self.generator.uniform(-0.06, 0.06)) - height
        halo = ndimage.distance_transform_edt(np.pad(stroke == 0, around, constant_values=True)) <= around
        rows = slice(top - around, top + height + around)
        while (self.coverage[rows, left - around : left + width + around][halo] > 0).any():
            left += 1
        if touches:
            left = self._touching(stroke, left, top) - round(self.size * self.generator.uniform(0, 0.05))
        target = (slice(top, top + height), slice(left, left + width))
        np.maximum(self.coverage[target], stroke, out=self.coverage[target])
        self.n += 1
        self.owner[target][stroke >= SEEN] = self.n
        return int(left + width)

    def _touching(self, stroke: Float32, left: int, top: int) -> int:
        """Return the column, from `left` on to the left, at which the ink meets other ink; `left` if none does."""
        height, width = stroke.shape
        dark = stroke > 0.5
        for column in range(left, left - width, -1):
            if (self.coverage[top : top + height, column : column + width][dark] > 0.5).any():
                return column
        return left


def stroke_mask(image: UInt8, scale: float, stroke: int = 0) -> Float32:
    """Return a digit as a mask of its ink, cut out, `scale` times as large as in `image`, uint8 (28, 28).

    The image is enlarged smoothly and its brightness made so steep that a stroke ends within about a pixel.

    Raises:
        DataError: the image is blank.
    """
    if not image.any():
        raise DataError("a digit that was drawn for the page is blank: expected ink, brighter than 0")
    grey = np.pad(image, 4).astype(np.float32) / image.max()
    if stroke > 0:
        grey = ndimage.grey_dilation(grey, footprint=CROSS)
    size = round(len(grey) * scale)
    smooth = _thinned(grey) if stroke < 0 else ndimage.gaussian_filter(grey, 0.65)
    enlarged = np.asarray(Image.fromarray(smooth).resize((size, size), Image.Resampling.BICUBIC))
    steepness = max(1.5, scale)
    mask = np.clip(0.5 + steepness * (enlarged / enlarged.max() - EDGE), 0, 1)
    (place,) = ndimage.find_objects((mask > 0).astype(np.int8))
    return np.asarray(mask[place], dtype=np.float32)


def _thinned(grey: Float32) -> Float32:
    """Return a digit (H, W) as (3 H, 3 W) with two thirds of a pixel taken from both sides of its strokes.

    The remaining strokes are at least one pixel of `grey` wide, and stay connected.
    """
    finer = np.asarray(Image.fromarray(grey).resize(np.multiply(grey.shape, 3).tolist(), Image.Resampling.BICUBIC))
    smooth = ndimage.gaussian_filter(finer, 1.8)
    ink = smooth > EDGE * smooth.max()
    for _ in range(3):
        for corner, side in THINNING:
            ink &= ~ndimage.binary_hit_or_miss(ink, corner, side)
    ink = ndimage.binary_dilation(ink, CROSS)
    return np.asarray(ndimage.gaussian_filter(ink.astype(np.float32), 1.5))
