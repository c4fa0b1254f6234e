"""Ink framed as MNIST's digits are: 20 pixels along the longer side, its centre of mass in the middle of 28x28.

LeCun, Bottou, Bengio and Haffner (1998), section III.A, describe it so.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

SIDE, BOX = 28, 20
PAIR_HEIGHT, PAIR_INK = 42, 34
"""Of two digits over each other, the lower one 14 rows below: 20 + 14 rows of ink."""

PAIR_LOWER = 1
"""Rows below the middle that the middle of two digits' ink lies at; the mean over MNIST's digits is 0.7."""

WORK_SIDE = 160
"""Pixels of the longer side at which strokes are made bolder or finer; larger ink is reduced to it first."""

FINEST, BOLDEST = 0.09, 0.2
"""Widths of strokes, as a share of the longer side of the ink, to which finer and bolder ones are brought.

Of MNIST's digits 7 in 100 are finer and 3 bolder; the middle is 0.125.
"""


def frame(ink: Float32) -> UInt8:
    """Return ink (H, W), 0 to 1, tightly cropped, as uint8 (28, 28)."""
    return _centred(_fitted(_usual_stroke(_reduced(ink)), BOX, BOX), SIDE)


def frame_pair(ink: Float32) -> UInt8:
    """Return the ink (H, W), 0 to 1, of two digits over each other as uint8 (42, 28).

    The middle of its box is a little below the middle, as in pairs of MNIST's digits: these have their centres of
    mass at fixed places, and reach farther down from them than up.
    """
    fitted = _fitted(_usual_stroke(_reduced(ink), share=BOX / PAIR_INK), PAIR_INK, BOX)
    return _centred(fitted, PAIR_HEIGHT, middle=len(fitted) / 2 - PAIR_LOWER)


def stroke_share(ink: Float32) -> float:
    """Return the width of strokes as a share of the longer side: area over half of the outline."""
    inside = np.pad(ink > 0.5, 1)
    area = int(inside.sum())
    if area == 0:
        return 0.0
    outline = int((inside[1:] != inside[:-1]).sum() + (inside[:, 1:] != inside[:, :-1]).sum())
    return float(2.5 * area / outline / max(ink.shape))  # an outline counted along pixels is about 1.25 too long


def _reduced(ink: Float32) -> Float32:
    """Return ink that is at most `WORK_SIDE` long; what covers little of a pixel then, a hairline, stays ink."""
    share = WORK_SIDE / max(ink.shape)
    if share >= 1:
        return ink
    reduced = _resized(ink, share)
    return reduced / max(float(reduced.max()), 1e-6)


def _usual_stroke(ink: Float32, share: float = 1.0) -> Float32:
    """Return `ink` with its strokes about as bold as MNIST's; a digit takes a `share` of the longer side."""
    width = stroke_share(ink) / share
    if width == 0:
        return ink
    change = (np.clip(width, FINEST, BOLDEST) - width) * max(ink.shape) * share / 2  # on each side of a stroke
    reach = round(abs(change))
    if reach == 0:
        return ink
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    around = np.asarray(x * x + y * y <= reach * reach + reach)  # a disk
    if change > 0:
        return np.asarray(ndimage.grey_dilation(np.pad(ink, reach), footprint=around), dtype=np.float32)
    thinner = np.asarray(ndimage.grey_erosion(ink, footprint=around, mode="constant"), dtype=np.float32)
    thinner = thinner[reach:-reach, reach:-reach]  # where ink reached the rim, none is left
    return thinner if thinner.size and thinner.max() > 0.5 else ink


def _fitted(ink: Float32, height: int, width: int) -> Float32:
    """Return `ink` scaled, its proportions kept, to just fit into `height` x `width`."""
    return _resized(ink, min(height / ink.shape[0], width / ink.shape[1]))


def _resized(ink: Float32, share: float) -> Float32:
    rows, columns = (max(1, round(length * share)) for length in ink.shape)
    image = Image.fromarray(np.asarray(ink, dtype=np.float32))
    resized = np.asarray(image.resize((columns, rows), Image.Resampling.BICUBIC), dtype=np.float32)
    return np.asarray(np.clip(resized, 0, 1))


def _centred(ink: Float32, height: int, middle: float | None = None) -> UInt8:
    """Return `ink` in `height` x 28 pixels, its centre of mass, or the row `middle`, in the middle, nearly."""
    field = np.zeros((height, SIDE), np.float32)
    rows, columns = ink.shape
    total = float(ink.sum())
    y = float(ink.sum(axis=1) @ np.arange(rows)) / total if total and middle is None else middle or rows / 2
    x = float(ink.sum(axis=0) @ np.arange(columns)) / total if total else columns / 2
    top = int(np.clip(round(height / 2 - y), 0, height - rows))
    left = int(np.clip(round(SIDE / 2 - x), 0, SIDE - columns))
    field[top : top + rows, left : left + columns] = ink
    return np.round(255 * field).astype(np.uint8)
