"""Maps of the page network and planes of its targets, written by hand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitscope.data.page_targets import PLANE
from digitscope.data.splits import UInt8
from digitscope.detections import CHANNELS, CLASSES, N_CHANNELS


@dataclass(frozen=True)
class Peak:
    """An item at the place `row`, `column`: box in pixels, offsets in places, and the logit of its heat."""

    row: int
    column: int
    label: str
    width: float = 16.0
    height: float = 16.0
    kind: int = 0
    right: float = 0.0
    below: float = 0.0
    heat: float = 3.0


def maps_of(peaks: Sequence[Peak], shape: tuple[int, int] = (16, 16)) -> NDArray[np.float32]:
    """Return maps (42, h, w) that say nothing but these peaks."""
    maps = np.zeros((N_CHANNELS, *shape), np.float32)
    maps[CHANNELS["heat"]] = -10
    for peak in peaks:
        place = maps[:, peak.row, peak.column]
        place[CHANNELS["heat"]][peak.kind] = peak.heat
        place[CHANNELS["classes"]][CLASSES.index(peak.label)] = 8
        place[CHANNELS["geometry"]] = [np.log(peak.width), np.log(peak.height), peak.right, peak.below]
    return maps


def planes_of_peaks(peaks: Sequence[Peak], shape: tuple[int, int] = (16, 16)) -> UInt8:
    """Return planes (17, h, w) whose truth is these items; sizes that are powers of two are not rounded."""
    planes = np.zeros((len(PLANE), *shape), np.uint8)
    planes[PLANE["class"]] = 255
    planes[PLANE["turns"]] = 255
    for peak in peaks:
        values = {
            "class": CLASSES.index(peak.label),
            "width": 32 * np.log2(peak.width),
            "height": 32 * np.log2(peak.height),
            "right": 32 * (4 + peak.right),
            "below": 32 * (4 + peak.below),
        }
        planes[peak.kind, peak.row, peak.column] = 255
        for name, value in values.items():
            planes[PLANE[name], peak.row, peak.column] = round(float(value))
    return planes
