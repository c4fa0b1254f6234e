"""Where the labels of a drawing stand."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels of the drawing."""


def places_of(boxes: Float64, sizes: Sequence[tuple[float, float]], page: tuple[int, int]) -> Float64:
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


def overhang(places: Float64, page: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the pixels that the page lacks to the left, above, to the right and below."""
    margin = 3
    first, last = places[:, :2].min(axis=0) - margin, places[:, 2:].max(axis=0) + margin
    before, after = np.ceil(-first).clip(0).astype(int), np.ceil(last - page).clip(0).astype(int)
    return int(before[0]), int(before[1]), int(after[0]), int(after[1])
