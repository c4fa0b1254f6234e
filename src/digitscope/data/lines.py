"""Straight lines on images: what strokes that are added to a digit are made of."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def distances_from_line(shape: tuple[int, int], start: ArrayLike, end: ArrayLike) -> NDArray[np.float64]:
    """Return how far each pixel of `shape` (H, W) is from the line between two points, each a row and a column."""
    first, away = np.asarray(start, np.float64), np.subtract(end, start, dtype=np.float64)
    pixels = np.moveaxis(np.indices(shape, dtype=np.float64), 0, -1)
    along = np.clip((pixels - first) @ away / max(float(away @ away), 1e-9), 0, 1)
    return np.asarray(np.hypot(*np.moveaxis(pixels - first - along[..., None] * away, -1, 0)))
