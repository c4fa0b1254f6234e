"""Pictures of every mode and depth, and arrays, as opaque pictures of 8 bits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitscope.errors import DataError

UInt8 = NDArray[np.uint8]

MOST_PIXELS = 89_478_485
"""Of a page: above this many Pillow, too, warns of a decompression bomb."""

MOST_SIDE = 65_535
"""Pixels of a row or a column, as in JPEG: Pillow takes a dozen bytes for every row beside its pixels."""

TOO_LARGE = (
    f"too many pixels: expected at most {MOST_PIXELS:,} a page and {MOST_SIDE:,} along a side; make it smaller"
)

ROWS_AT_ONCE = 256
"""That are scaled at once: in float64 the whole of a large scan would take eight times its memory."""


def is_too_large(width: int, height: int) -> bool:
    """Tell whether a picture has more pixels than are read."""
    return width * height > MOST_PIXELS or max(width, height) > MOST_SIDE


def to_uint8(image: Image.Image, factor: int) -> Image.Image:
    """Return an image of mode L, RGB or RGBA, reduced by `factor`; 16 and 32 bits are scaled, not clipped."""
    if image.mode in {"I", "F", "LA"}:  # of which a copy in full size would be as large again
        image, factor = _reduced(image, factor), 1
    if image.mode.startswith("I") or image.mode == "F":
        return _reduced(image_of(np.asarray(image)), factor)
    return _reduced(_in_colours(image), factor)


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    return image.reduce(factor) if factor > 1 else image


def _in_colours(image: Image.Image) -> Image.Image:
    """Return an image of 8 bits in mode L, RGB or RGBA."""
    if image.mode == "La":
        image = image.convert("LA")  # the only mode that Pillow converts it to
    if image.mode == "RGBA":
        return image  # which `convert` would copy
    if image.mode in {"RGBa", "LA", "PA"} or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("L" if image.mode in {"1", "L"} else "RGB")


def opaque(image: Image.Image) -> Image.Image:
    """Return an image of mode L, RGB or RGBA in which what was transparent is paper."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
        paper = _paper(np.asarray(image.convert("L")), np.asarray(image.getchannel("A")) > 127)
        image = Image.alpha_composite(Image.new("RGBA", image.size, paper), image)
    return image


def _paper(grey: UInt8, drawn: NDArray[np.bool_]) -> str:
    """Return the colour of the paper below what is drawn, both (H, W).

    Ink alone lies on the opposite of its own colour; what brings its paper with it lies on more of that.
    """
    if not drawn.any():
        return "white"
    light = float((grey[drawn] > 127).mean())
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    frame = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    of_two_colours = 0.005 < light < 0.995
    brings_paper = (of_two_colours and frame.mean() > 0.5) or drawn.mean() > 0.9
    return "white" if (light > 0.5) == brings_paper else "black"


def image_of(array: NDArray[Any]) -> Image.Image:
    """Return a PIL image of mode L, RGB or RGBA.

    Raises:
        DataError: the array is of another shape or dtype, is empty, or holds numbers that are not finite.
    """
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[2] not in {3, 4}) or array.size == 0:
        raise DataError(
            f"an array of shape {array.shape} is no picture: expected (H, W), (H, W, 3) or (H, W, 4), not empty"
        )
    if is_too_large(array.shape[1], array.shape[0]):
        raise DataError(f"an array of shape {array.shape} has {TOO_LARGE}")
    return Image.fromarray(np.ascontiguousarray(_bytes_of(array)))


def _bytes_of(array: NDArray[Any]) -> UInt8:
    """Return `array` scaled to uint8."""
    if array.dtype.kind not in "buif":
        raise DataError(f"an array of {array.dtype} is no picture: expected bool, integers or floats")
    smallest, largest = float(array.min()), float(array.max())
    if array.dtype == np.uint8 and largest > 1:
        return array
    if not (smallest >= 0 and largest < float("inf")):  # a NaN anywhere makes both NaN
        raise DataError(
            f"an array with numbers from {smallest:g} to {largest:g} is no picture: expected finite ones from 0, "
            "as array - array.min() gives"
        )
    scale = 255 / _white(largest)
    scaled = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        scaled[rows] = np.round(array[rows].astype(np.float64) * scale)
    return scaled


def _white(largest: float) -> float:
    """Return the number that stands for white: masks have 1 bit, small scans 4, cameras and scanners 8 to 16."""
    bits = next((bits for bits in (1, 4, 8, 10, 12, 14, 16) if largest <= 2**bits), 0)
    return max(largest, 2.0**bits - 1)
