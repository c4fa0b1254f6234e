"""Plates, notes, buttons and screens: parts of a picture with a ground of their own, and something written on it.

What is paper and what is ink differs on either side of a plate's edge, so a plate is read as a picture by itself,
and the rest as if it were not there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from digitscope.inference.ink import EVEN_SIDE
from digitscope.inference.morphology import extent

UInt8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]

COARSE_SIDE = 640
"""Pixels of the longer side of the picture in which plates are looked for: their edges are long and straight."""

STEP = 40
"""Levels of 255 by which a plate differs from what is around it, and from what is written on it."""

SHORTEST_SIDE = 16
"""Pixels of such a picture that a plate is wide and high at least."""

LARGEST = 0.6
"""Share of the picture that a plate has at most; what has more is the page."""

LEAST_FILLED = 0.88
"""Share that a plate has of the smallest rectangle around it, however that is turned: a round 0 has 0.79."""

LEAST_INKED = 0.35
"""Share of its upright box that a plate has without its writing, however it is turned."""

LEAST_WRITTEN, MOST_WRITTEN = 0.003, 0.4
"""Share of a plate that is written on."""

EDGE = 2
"""Pixels of such a picture on either side of a plate's edge that are of neither side: it may be blurred."""


@dataclass(frozen=True, eq=False)
class Region:
    """A part of a picture that is read by itself.

    Attributes:
        gray: uint8 (H, W), its brightness.
        left: where it begins in the picture, in columns.
        top: likewise, in rows.
    """

    gray: UInt8
    left: int
    top: int


def regions_of(gray: UInt8) -> list[Region]:
    """Return a picture, uint8 (H, W), with its plates painted over as what is around them, and then each plate.

    A plate may have plates itself.
    """
    coarse = _coarse(gray)
    plates = list(_plates(coarse)) if max(gray.shape) > EVEN_SIDE else []
    rest = gray.copy() if plates else gray
    found = [Region(rest, 0, 0)]
    for plate in plates:
        inside, outside = _grown(plate, -EDGE), ~_grown(plate, EDGE)
        (rows, columns), own = _enlarged(inside, gray.shape)
        parts = regions_of(np.where(own, gray[rows, columns], _ground(coarse, inside)))
        found.extend(Region(part.gray, columns.start + part.left, rows.start + part.top) for part in parts)
        place, covered = _enlarged(~outside, gray.shape)
        rest[place][covered] = _ground(coarse, outside)
    return found


def _coarse(gray: UInt8) -> UInt8:
    share = min(1.0, COARSE_SIDE / max(gray.shape))
    height, width = (max(1, round(share * side)) for side in gray.shape)
    return np.asarray(Image.fromarray(gray).resize((width, height), Image.Resampling.BOX))


def _plates(coarse: UInt8) -> Iterator[Mask]:
    """Yield the plates of a picture, each with what is written on it, as bool (H, W)."""
    away = coarse.astype(np.int16) - np.int16(np.median(coarse))
    for mask in (away < -STEP, away > STEP):
        labels, _ = ndimage.label(mask)
        for number, place in enumerate(ndimage.find_objects(labels), start=1):
            own = labels[place] == number
            if min(own.shape) < SHORTEST_SIDE or own.mean() < LEAST_INKED:
                continue
            filled = ndimage.binary_fill_holes(own)
            area = int(filled.sum())
            if area > LARGEST * coarse.size or own.sum() < (1 - MOST_WRITTEN) * area:
                continue
            if area < LEAST_FILLED * _area_around(filled):
                continue
            plate = np.zeros(coarse.shape, bool)
            plate[place] = filled
            if _is_written_on(coarse, plate) and _has_edge(coarse, plate):
                yield plate


def _area_around(filled: Mask) -> float:
    """Return the area of the smallest rectangle, of any direction, around the pixels of a mask (H, W)."""
    rows = np.flatnonzero(filled.any(axis=1))
    first, last = filled[rows].argmax(axis=1), filled.shape[1] - filled[rows, ::-1].argmax(axis=1)
    corners = np.stack([np.concatenate([first, last]), np.concatenate([rows, rows + 1])])
    angles = np.deg2rad(np.arange(0, 90, 3))
    along = np.cos(angles)[:, None] * corners[0] + np.sin(angles)[:, None] * corners[1]
    across = np.cos(angles)[:, None] * corners[1] - np.sin(angles)[:, None] * corners[0]
    return float((np.ptp(along, axis=1) * np.ptp(across, axis=1)).min())


def _is_written_on(coarse: UInt8, plate: Mask) -> bool:
    shades = coarse[_grown(plate, -EDGE)].astype(np.int16)
    if not len(shades):
        return False
    written = float((np.abs(shades - np.int16(np.median(shades))) > STEP).mean())
    return LEAST_WRITTEN <= written <= MOST_WRITTEN


def _has_edge(coarse: UInt8, plate: Mask) -> bool:
    """Tell whether a plate ends with a step, as one that only light or shadow makes does not."""
    inside, outside = _grown(plate, -EDGE), ~_grown(plate, EDGE)
    return bool(abs(_ground(coarse, inside) - _ground(coarse, outside)) >= STEP)


def _ground(coarse: UInt8, mask: Mask) -> int:
    """Return the median shade of what is in `mask`, not empty, along its edge."""
    along = mask & ~_grown(mask, -EDGE)
    return int(np.median(coarse[along]))


def _grown(mask: Mask, pixels: int) -> Mask:
    """Return `mask` with so many pixels more on all sides, or fewer; beyond the picture it goes on."""
    if pixels > 0:
        return np.asarray(ndimage.binary_dilation(mask, iterations=pixels), dtype=bool)
    return np.asarray(ndimage.binary_erosion(mask, iterations=-pixels, border_value=1), dtype=bool)


def _enlarged(mask: Mask, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], Mask]:
    """Return the box of a coarse `mask` in a picture of `shape`, and the mask there."""
    box = extent(mask)
    places = [
        slice(side.start * large // small, -(-side.stop * large // small))
        for side, large, small in zip(box, shape, mask.shape, strict=True)
    ]
    rows, columns = (
        np.arange(place.start, place.stop) * small // large
        for place, large, small in zip(places, shape, mask.shape, strict=True)
    )
    return (places[0], places[1]), mask[rows[:, None], columns]
