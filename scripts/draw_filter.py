"""Draws chapter 6's animation: a filter scans a digit, and its feature map fills.

Usage: python -m scripts.draw_filter
"""

from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle
from PIL import Image

from digitscope.data import load_sample
from digitscope.files import replacing
from digitscope.plots.style import INK, MUTED, OKABE_ITO, new_figure

PICTURE = Path(__file__).parent.parent / "src/digitscope/course/chapters/images/filter.webp"
DIGIT = 15
FILTER = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]])
WIDTH, HEIGHT, DPI = 7.2, 2.7, 100  # inches, and pixels an inch
COLOURS, SHADES = 48, 11  # of the file, and of each colour map: few make the file small
FRAME, LAST = 80, 4000  # milliseconds
REPEATS = 2  # then the full map stays: endless motion disturbs readers of the text beside it
GRAY, RED_AND_BLUE = colormaps["gray_r"].resampled(SHADES), colormaps["RdBu_r"].resampled(SHADES)
END = 3.0  # of the map's colours: the largest sum that three pixels of ink can give


def main() -> None:
    """Draw one frame for each position of the filter, and write them as an animation."""
    rows = load_sample().train.images[DIGIT].reshape(14, 2, 14, 2)
    digit = rows.mean(axis=(1, 3)) / 255  # half the resolution: 144 positions, and not 676
    windows = np.lib.stride_tricks.sliding_window_view(digit, FILTER.shape)
    filled = np.full(windows.shape[:2], np.nan)
    frames = []
    for row, column in np.ndindex(filled.shape):
        filled[row, column] = (windows[row, column] * FILTER).sum()
        frames.append(frame(digit, filled, row, column))
    palette = Image.fromarray(np.concatenate(frames[60::20])).quantize(COLOURS, dither=Image.Dither.NONE)
    small = [each.quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB") for each in frames]
    durations = [FRAME] * (len(small) - 1) + [LAST]
    with replacing(PICTURE) as temporary:
        rest = {"append_images": small[1:], "duration": durations, "loop": REPEATS}
        small[0].save(temporary, "WEBP", save_all=True, lossless=True, method=4, **rest)


def frame(digit: np.ndarray, filled: np.ndarray, row: int, column: int) -> Image.Image:
    """Return a frame: the digit with the filter's place, the products there, and the map so far."""
    figure = new_figure(WIDTH, HEIGHT)
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    left, middle, right = (figure.add_axes((x, 0.04, 0.31, 0.8)) for x in (0.01, 0.345, 0.68))
    left.imshow(digit, cmap=GRAY, vmin=0, vmax=1)
    left.add_patch(Rectangle((column - 0.5, row - 0.5), 3, 3, fill=False, edgecolor=OKABE_ITO[1], linewidth=2.5))
    patch = digit[row : row + 3, column : column + 3]
    write_products(middle, patch, filled[row, column])
    right.imshow(filled, cmap=RED_AND_BLUE, vmin=-END, vmax=END)
    right.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=OKABE_ITO[1], linewidth=2.5))
    for axes, title in ((left, "digit"), (middle, "pixels × filter"), (right, "feature map")):
        axes.set_title(title, color=INK, fontsize=12)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color(MUTED)
    middle.spines[:].set_visible(False)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def write_products(axes: Axes, patch: np.ndarray, total: float) -> None:
    """Write each pixel and its weight into a square, and their sum below."""
    axes.imshow(patch, cmap=GRAY, vmin=0, vmax=1)
    for (row, column), weight in np.ndenumerate(FILTER):
        pixel = patch[row, column]
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=MUTED))
        color = "white" if pixel > 0.5 else INK
        axes.text(column, row, with_minus(f"{pixel:.1f}\n× {weight}"), ha="center", va="center", color=color)
    axes.text(1, 2.85, with_minus(f"sum {total:.1f}"), ha="center", va="center", color=INK, fontsize=12)
    axes.set(xlim=(-0.55, 2.55), ylim=(3.1, -0.55))


def with_minus(number: str) -> str:
    """Return text with the sign that is as wide as a plus."""
    return number.replace("-0.0", "0.0").replace("-", "\N{MINUS SIGN}")


if __name__ == "__main__":
    main()
