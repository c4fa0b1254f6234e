"""Draws the figures of the background pages, `reading.png` and `framing.png` in `docs/images`.

Usage: DIGITSCOPE_DATA=DIR python -m scripts.draw_background

`reading.png` is what `digitscope.read` does with `docs/images/form.jpg`, step by step. `framing.png` has digits of
`benchmarks.framing`, framed in all of its ways. Both are to be drawn again when a network that ships changes.
"""

import textwrap
from pathlib import Path

import numpy as np
from benchmarks.pens import drawing
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from benchmarks import framing
from digitscope import Reader
from digitscope.data.pen_digits import load_pen_digits
from digitscope.plots.saving import save_in_few_colours

IMAGES = Path(__file__).parent.parent / "docs" / "images"

BLUE, ORANGE = "#0072b2", "#d55e00"
"""Of accepted digits and of others, as in annotated copies."""

ROWS, COLUMNS = 4, 7
"""The sheet of framed digits has so many rows and columns."""

LABELS = (1, 4, 7)
"""The labels whose framing is shown: of each, the first digit that its framing decides."""


def reading_figure() -> Figure:
    """Return the steps from the picture of a form to its digits."""
    reader = Reader.load()
    gray = np.asarray(Image.open(IMAGES / "form.jpg").convert("L"))
    _, kinds, _ = reader.finder._overview(gray)
    ink = reader.finder.find(gray).ink
    digits = [digit for digit in reader.read(gray).digits if digit.line is not None]
    figure = Figure(figsize=(7.4, 5.4), layout="constrained")
    given, overview, fine, framed = figure.subplots(2, 2).flat
    extent = (0, gray.shape[1], gray.shape[0], 0)
    _show(given, gray, "1  The picture, upright and grey")
    overview.imshow(1 - kinds[1], cmap="Blues_r", vmin=0, vmax=1, extent=extent)
    _show(overview, None, "2  First pass, small: where digits are")
    fine.imshow(1 - ink, cmap="gray", vmin=0, vmax=1, extent=extent)
    for digit in digits:
        left, top, width, height = digit.box
        colour = BLUE if digit.accepted else ORANGE
        fine.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=colour, linewidth=0.8))
    _show(fine, None, "3  Second pass, digits 30 pixels high: boxes, ink")
    sheet = np.zeros((ROWS * 40, COLUMNS * 30), np.uint8)
    for number, digit in enumerate(digits[: ROWS * COLUMNS]):
        top, left = 40 * (number // COLUMNS), 30 * (number % COLUMNS)
        sheet[top : top + 28, left : left + 28] = digit.image
        label = str(digit.label) if digit.accepted else f"{digit.label}?"
        colour = "white" if digit.accepted else "#e69f00"
        framed.text(left + 14, top + 37, label, color=colour, ha="center", fontsize=7)
    _show(framed, sheet, "4  Each digit cut out, framed, and read")
    return figure


def framing_figure() -> Figure:
    """Return digits with thin pens in all ways of framing, with what a network makes of each."""
    digits = load_pen_digits(held_back=True)
    read = framing.readers(0)["scratch-128"]
    ways = framing.WAYS.values()
    figure = Figure(figsize=(4, 5.6), layout="constrained")
    axes = figure.subplots(len(ways), len(LABELS))
    for label, line in zip(LABELS, axes.T, strict=True):
        for row in np.flatnonzero(digits.labels == label):
            ink = 255 - drawing(digits, int(row), framing.HEIGHT, framing.PENS["thin"])
            images = np.stack([way(ink) for way in ways])
            labels = read(images)
            if labels[-1] == label and (labels == label).sum() <= 2:
                break
        for image, found, axis in zip(images, labels, line, strict=True):
            axis.imshow(image, cmap="gray", vmin=0, vmax=255)
            axis.set_xlabel(f"read as {found}", color=BLUE if found == label else ORANGE, fontsize=10)
            axis.set(xticks=[], yticks=[])
    for name, axis in zip(framing.WAYS, axes[:, 0], strict=True):
        way = textwrap.fill(name, 15)
        axis.set_ylabel(way, fontsize=10, rotation=0, ha="left", va="center", labelpad=98)
    return figure


def _show(axis: Axes, image: np.ndarray | None, title: str) -> None:
    if image is not None:
        axis.imshow(image, cmap="gray")
    axis.set_title(title, fontsize=8, loc="left")
    axis.set(xticks=[], yticks=[])


def main() -> None:
    """Write both figures."""
    save_in_few_colours(reading_figure(), IMAGES / "reading.png")
    save_in_few_colours(framing_figure(), IMAGES / "framing.png")


if __name__ == "__main__":
    main()
