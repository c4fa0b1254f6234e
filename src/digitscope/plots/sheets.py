"""Small pictures in a grid, each with a caption, at scale: every pixel of a picture is a square."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from digitscope.data.splits import MOST_OF_ITEM, Split, UInt8
from digitscope.errors import DataError, SettingError
from digitscope.metrics import N_CLASSES, Floats, intersection_over_union, log_softmax
from digitscope.plots.style import HAIRLINE, INK, MUTED, OKABE_ITO, TEXT_SIZE, TITLE_SIZE, WHITE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 8.0  # inches, as are the next
MARGIN = 0.1
ROW_NAME = 0.6  # from the left edge to the pictures
HEADER = 0.5
CAPTION_LINE = 0.19
PIXEL = 0.01  # a picture's pixel is a multiple of this: whole pixels of the file, at 200 an inch

WEIGHTS_IN_SCALE = 0.995
"""Share of the weights within the colours' scale: a few large ones would leave all others white."""

PIXEL_COLOURS = (WHITE, OKABE_ITO[0], OKABE_ITO[1], INK)
"""Colours of paper, the upper digit, the lower one and both; they differ in lightness too."""

RIGHT, WRONG, MISSED = OKABE_ITO[0], OKABE_ITO[1], OKABE_ITO[3]

MISREAD_COLUMNS = 6  # misread images side by side: their captions of two lines are wider than a label
SCENES_A_ROW = 3  # a pixel of a scene of 256 pixels is then two pixels of the figure's file


@dataclass(frozen=True)
class Shades:
    """A matplotlib colour map's name, and the numbers at its two ends."""

    colour_map: str
    lowest: float
    highest: float


INK_ON_PAPER, AS_IT_IS = Shades("gray_r", 0, 255), Shades("gray", 0, 255)


def contact_sheet(split: Split, n: int = 50, *, columns: int = 10, title: str = "Digits") -> "Figure":
    """Return a figure of the first `n` images of `split`, each over its label; a pair's label is upper/lower.

    Raises:
        SettingError: `n` or `columns` is below 1.
        DataError: the split is empty.
    """
    _check_counts(n, columns, "images")
    if not len(split):
        raise DataError("a contact sheet of an empty split: expected one image or more")
    shown = split[:n]
    captions = [_written(label) for label in shown.labels]
    note = f"{len(shown):,} of {len(split):,}{_notation(split)}"
    return draw_sheet(shown.images, captions, columns=columns, shades=INK_ON_PAPER, title=title, note=note)


def misread_sheet(split: Split, logits: Floats, n: int = 24) -> "Figure":
    """Return a figure of the `n` images of `split` misread most confidently, with truth and reading.

    `logits` has shape (N, 10), (N, 2, 10) for pairs, or (N, 43) for items. A pair is misread when either digit is,
    and its confidence is the product of the two. When nothing was misread, the figure says so.

    Raises:
        SettingError: `n` is below 1.
        DataError: the shapes do not belong together.
    """
    _check_counts(n, MISREAD_COLUMNS, "images")
    of_items = split.task == "item"
    n_classes = MOST_OF_ITEM + 1 if of_items else N_CLASSES
    if logits.shape != (*split.labels.shape, n_classes):
        raise DataError(
            f"logits of shape {logits.shape} for labels of shape {split.labels.shape}: "
            f"expected one row of {n_classes} for each label"
        )
    readings = logits.argmax(axis=-1)
    confidences = np.exp(log_softmax(logits).max(axis=-1).reshape(len(logits), -1).sum(axis=1))
    wrong = np.flatnonzero((split.labels != readings).reshape(len(logits), -1).any(axis=1))
    shown = wrong[np.argsort(-confidences[wrong], kind="stable")][:n]
    percents = np.floor(confidences * 1000) / 10  # rounded down: only what is certain is shown as 100
    name = _item if of_items else _written
    captions = [f"{name(split.labels[i])} read as {name(readings[i])}\n{percents[i]:.1f} % sure" for i in shown]
    title, note = "Nothing was misread", f"{len(split):,} images, all read right"
    if len(wrong):
        title = "The most confident errors"
        note = f"{len(shown):,} of {len(wrong):,} misread among {len(split):,} images{_notation(split)}"
    shades, columns = AS_IT_IS if of_items else INK_ON_PAPER, MISREAD_COLUMNS
    return draw_sheet(split.images[shown], captions, columns=columns, shades=shades, title=title, note=note)


def weight_pictures(weights: NDArray[np.floating], n: int = 50, *, columns: int = 10) -> "Figure":
    """Return a figure of the first `n` of `weights`, floats of shape (n_hidden, H, W), such as (128, 28, 28).

    Red raises a unit's answer where there is ink, blue lowers it, white is zero. One scale serves all
    pictures; the few weights beyond its ends have the ends' colours.

    Raises:
        SettingError: `n` or `columns` is below 1.
        DataError: the shape is another, or a weight is not finite.
    """
    _check_counts(n, columns, "pictures")
    if weights.ndim != 3 or not weights.size or not np.isfinite(weights).all():
        raise DataError(
            f"weights of shape {weights.shape}: expected finite numbers of shape (n_hidden, height, width); "
            "reshape a first layer's (n_hidden, 784) to (n_hidden, 28, 28)"
        )
    shown = weights[:n]
    end = float(np.quantile(np.abs(shown), WEIGHTS_IN_SCALE)) or float(np.abs(shown).max()) or 1.0
    names, title = list(map(str, range(len(shown)))), "First-layer weights"
    note = f"{len(shown):,} of {len(weights):,} units    blue -{end:.2g}, white 0, red +{end:.2g}"
    return draw_sheet(shown, names, columns=columns, shades=Shades("RdBu_r", -end, end), title=title, note=note)


def separation_sheet(split: Split, logits: Floats, n: int = 10, *, title: str = "Whose pixels") -> "Figure":
    """Return a figure of the first `n` pairs of `split`: as they are, what belongs to whom, and what was found.

    `split` has labels (N, 2, H, W), and `logits` the same shape. Captions are intersections over union: of the
    upper and of the lower digit.

    Raises:
        SettingError: `n` is below 1.
        DataError: the shapes do not belong together, or the split is empty.
    """
    if n < 1:
        raise SettingError(f"a sheet of {n} pairs: expected 1 or more")
    if split.task != "separation" or logits.shape != split.labels.shape or not len(split):
        raise DataError(
            f"logits of shape {logits.shape} for labels of shape {split.labels.shape}: expected (N, 2, H, W) twice"
        )
    shown, found = split[:n], logits[:n] > 0
    overlaps = intersection_over_union(found, shown.labels > 0)
    grey = np.repeat(255 - shown.images[..., np.newaxis], 3, axis=-1)
    palette = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in PIXEL_COLOURS], dtype=np.uint8)
    truth, answer = (palette[masks[:, 0] + 2 * masks[:, 1]] for masks in (shown.labels, found.astype(np.uint8)))
    pictures, rows = np.concatenate([grey, truth, answer]), ("pair", "truth", "found")
    captions = [*[""] * (2 * len(shown)), *(f"{upper:.2f} {lower:.2f}" for upper, lower in overlaps)]
    note = "upper digit blue, lower orange, both black; below, the IoU of each"
    return draw_sheet(pictures, captions, columns=len(shown), title=title, note=note, rows=rows)


def scene_sheet(
    split: Split, maps: NDArray[np.floating], captions: list[str], *, title: str = "Pages"
) -> "Figure":
    """Return a figure of all scenes of `split`, each over its caption, with boxes around handwritten digits.

    `split` has labels (N, 17, h, w), and `maps` (N, 42, h, w) are the network's.

    Raises:
        DataError: the shapes do not belong together, or the split is empty.
    """
    if split.task != "page" or len(maps) != len(split) or not len(split):
        raise DataError(f"{len(maps)} maps for {len(split)} examples of the task {split.task}: expected pages")
    pictures = np.stack([_boxed(*scene) for scene in zip(split.images, maps, split.labels, strict=True)])
    note = "boxes: right blue, wrong or no digit orange, missed pink"
    return draw_sheet(pictures, captions, columns=SCENES_A_ROW, title=title, note=note)


def _boxed(image: UInt8, maps: NDArray[np.floating], planes: UInt8) -> UInt8:
    """Return a scene in colours, uint8 (H, W, 3), with a box around each digit and over it the digit read."""
    from PIL import Image, ImageDraw

    from digitscope.data.page_scores import SURE, matched_scene, truth_of
    from digitscope.detections import CLASSES, KINDS, decode

    written = KINDS.index("written digit")
    picture = Image.fromarray(image).convert("RGB")
    brush = ImageDraw.Draw(picture)
    found = decode(np.asarray(maps, dtype=np.float32), SURE)
    scene, (true, classes, kinds) = matched_scene(found, planes), truth_of(planes)
    missed = kinds == written
    for number in np.flatnonzero((found.kinds == written) & ~scene.is_ignored):
        row, label = scene.rows[number], found.labels[number]
        is_right = row >= 0 and kinds[row] == written and classes[row] == label
        left, top, right, bottom = found.boxes[number].tolist()
        colour = RIGHT if is_right else WRONG
        brush.rectangle((left, top, max(left, right), max(top, bottom)), outline=colour)
        brush.text((left, top - 10), CLASSES[label], fill=colour)
        if row >= 0:
            missed[row] = False
    for box in true[missed].tolist():
        brush.rectangle(box, outline=MISSED)
    return np.asarray(picture)


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

    They are colours, uint8 (N, H, W, 3), or any numbers of shape (N, H, W), which `shades` turns into shades.
    """
    n, height, width = pictures.shape[:3]
    left = ROW_NAME if rows else MARGIN
    column_width = (WIDTH - left - MARGIN) / columns
    scale = PIXEL * max(1, math.floor(0.84 * (WIDTH - left - MARGIN) / columns / width / PIXEL))
    wide, high = width * scale, height * scale
    caption_lines = max((text.count("\n") + 1 for text in captions), default=0)
    row_height = high + caption_lines * CAPTION_LINE + 0.16
    bottom, right = HEADER + math.ceil(n / columns) * row_height + MARGIN, WIDTH - MARGIN
    figure = new_figure(WIDTH, bottom)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for position, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        row, column = divmod(position, columns)
        x, y = left + column * column_width + (column_width - wide) / 2, HEADER + row * row_height
        image = axes.imshow(
            picture,
            cmap=shades.colour_map if shades else None,
            vmin=shades.lowest if shades else None,
            vmax=shades.highest if shades else None,
            interpolation="nearest",
            extent=(x, x + wide, y + high, y),
        )
        image.set_gid(f"picture-{position}")
        axes.text(
            x + wide / 2,
            y + high + 0.04,
            caption,
            color=INK,
            fontsize=TEXT_SIZE,
            ha="center",
            va="top",
            linespacing=1.25,
        )
    for row, name in enumerate(rows):
        axes.text(MARGIN, HEADER + row * row_height + high / 2, name, color=MUTED, fontsize=TEXT_SIZE, va="center")
    axes.text(
        MARGIN, 0.22, title, color=INK, fontsize=TITLE_SIZE, fontweight="bold", va="center", parse_math=False
    )
    axes.text(right, 0.22, note, color=MUTED, fontsize=TEXT_SIZE, ha="right", va="center")
    axes.plot([MARGIN, right], [0.38, 0.38], color=HAIRLINE, linewidth=0.8)
    axes.set(xlim=(0, WIDTH), ylim=(bottom, 0), aspect="auto")
    return figure


def _written(label: NDArray[np.integer] | np.integer) -> str:
    """Return a label of shape () as its digit, one of shape (2,) as upper/lower."""
    return "/".join(str(digit) for digit in np.atleast_1d(label))


def _item(label: np.integer) -> str:
    from digitscope.items import name_of

    return name_of(int(label))


def _notation(split: Split) -> str:
    return ", written upper/lower" if split.labels.ndim > 1 else ""


def _check_counts(n: int, columns: int, things: str) -> None:
    if n < 1 or columns < 1:
        raise SettingError(f"a sheet of {n} {things} in {columns} columns: expected 1 or more of each")
