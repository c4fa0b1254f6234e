"""Plates, notes, buttons and screens: parts of a picture with a ground of their own, and something written on it.

What is paper and what is ink differs on either side of a plate's edge, so a plate is read as a picture by itself,
and the rest as if it were not there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.inference.ink import COARSE_SIDE, EVEN_SIDE, coarsened
from digitscope.inference.morphology import extent

UInt8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Place = tuple[slice, slice]

STEP = 40
"""Levels of 255 by which a plate differs from what is around it, and from what is written on it."""

SHORTEST_SIDE = 16
"""Pixels of the picture, COARSE_SIDE along its longer side, that a plate is wide and high at least."""

LEAST_FILLED = 0.92
"""Share that a plate has of the smallest rectangle around it, of any direction: a 0 has 0.79, a bold 8 0.9."""

LEAST_WRITTEN, MOST_WRITTEN = 0.003, 0.4
"""Share of a plate that is written on."""

EDGE = 2
"""Pixels of such a picture on either side of a plate's edge that are of neither side: it may be blurred."""

AROUND = 3 * EDGE
"""Pixels of such a picture that are looked at around a plate."""


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


@dataclass(frozen=True, eq=False)
class _Plate:
    """A plate in a reduced picture, with what is written on it.

    Attributes:
        place: rows and columns of a box around it, with some of what is around it.
        mask: bool, where it is in that box.
    """

    place: Place
    mask: Mask

    @property
    def inside(self) -> Mask:
        """It, without its edge."""
        return np.asarray(ndimage.binary_erosion(self.mask, iterations=EDGE, border_value=1), dtype=bool)

    @property
    def covered(self) -> Mask:
        """It, and its edge."""
        return np.asarray(ndimage.binary_dilation(self.mask, iterations=EDGE), dtype=bool)


def regions_of(gray: UInt8) -> list[Region]:
    """Return a picture, uint8 (H, W), with its plates painted over as what is around them, and then each plate.

    A plate may have plates itself.
    """
    coarse = coarsened(gray, COARSE_SIDE)
    plates = _outermost(_plates(coarse), coarse.shape) if max(gray.shape) > EVEN_SIDE else []
    rest = gray.copy() if plates else gray
    found = [Region(rest, 0, 0)]
    for plate in plates:
        shades, inside, covered = coarse[plate.place], plate.inside, plate.covered
        (rows, columns), own = _enlarged(inside, plate.place, coarse.shape, gray.shape)
        parts = regions_of(np.where(own, gray[rows, columns], _shade_along(shades, inside)))
        found.extend(Region(part.gray, columns.start + part.left, rows.start + part.top) for part in parts)
        place, own = _enlarged(covered, plate.place, coarse.shape, gray.shape)
        rest[place][own] = _shade_along(shades, ~covered)
    return found


def _plates(coarse: UInt8) -> Iterator[_Plate]:
    """Yield what is a plate on the ground of a picture, which most of it is."""
    away = coarse.astype(np.int16) - np.int16(np.median(coarse))
    for mask in (away < -STEP, away > STEP):
        labels, _ = ndimage.label(mask)
        for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
            if min(rows.stop - rows.start, columns.stop - columns.start) < SHORTEST_SIDE:
                continue
            place = _widened(rows), _widened(columns)
            plate = _Plate(place, ndimage.binary_fill_holes(labels[place] == number))
            shades = coarse[place]
            if _is_rectangle(plate.mask) and _is_plate(plate, mask[place], shades):
                yield plate


def _widened(side: slice) -> slice:
    return slice(max(0, side.start - AROUND), side.stop + AROUND)


def _is_rectangle(mask: Mask) -> bool:
    return int(mask.sum()) >= LEAST_FILLED * _area_around(mask)


def _is_plate(plate: _Plate, mask: Mask, shades: UInt8) -> bool:
    """Tell whether a rectangle has a shade of its own, ends with a step, and has something on it of another shade.

    Light or shadow alone ends without a step; the ground in a frame is the one around it.
    """
    inside, outside = plate.inside, ~plate.covered
    if not inside.any() or not outside.any() or mask[plate.mask].mean() < 1 - MOST_WRITTEN:
        return False
    levels = shades[inside].astype(np.int16)
    written = float((np.abs(levels - np.int16(np.median(levels))) > STEP).mean())
    step = abs(_shade_along(shades, inside) - _shade_along(shades, outside))
    return LEAST_WRITTEN <= written <= MOST_WRITTEN and step >= STEP


def _outermost(plates: Iterator[_Plate], shape: tuple[int, ...]) -> list[_Plate]:
    """Return the plates that lie on no other one."""
    taken = np.zeros(shape, bool)
    found = []
    for plate in sorted(plates, key=lambda plate: -int(plate.mask.sum())):
        if not taken[plate.place][plate.mask].any():
            taken[plate.place] |= plate.mask
            found.append(plate)
    return found


def _shade_along(shades: UInt8, mask: Mask) -> int:
    """Return the median shade of what is in `mask`, along its edge."""
    along = mask & ~ndimage.binary_erosion(mask, iterations=EDGE, border_value=1)
    return int(np.median(shades[along]))


def _area_around(filled: Mask) -> float:
    """Return the area of the smallest rectangle, of any direction, around the pixels of a mask (H, W)."""
    rows = np.flatnonzero(filled.any(axis=1))
    first, last = filled[rows].argmax(axis=1), filled.shape[1] - filled[rows, ::-1].argmax(axis=1)
    corners = np.stack([np.concatenate([first, last]), np.concatenate([rows, rows + 1])])
    angles = np.deg2rad(np.arange(0, 90, 3))
    along = np.cos(angles)[:, None] * corners[0] + np.sin(angles)[:, None] * corners[1]
    across = np.cos(angles)[:, None] * corners[1] - np.sin(angles)[:, None] * corners[0]
    return float((np.ptp(along, axis=1) * np.ptp(across, axis=1)).min())


def _enlarged(mask: Mask, place: Place, small: tuple[int, ...], large: tuple[int, ...]) -> tuple[Place, Mask]:
    """Return the box of a `mask`, which lies at `place` in a `small` picture, in a `large` one, and it there."""
    ranges, nearest = [], []
    for box, side, n, n_large in zip(extent(mask), place, small, large, strict=True):
        start, stop = side.start + box.start, side.start + box.stop
        pixels = slice(start * n_large // n, -(-stop * n_large // n))
        ranges.append(pixels)
        nearest.append(np.arange(pixels.start, pixels.stop) * n // n_large - side.start)
    return (ranges[0], ranges[1]), mask[nearest[0][:, None], nearest[1]]
