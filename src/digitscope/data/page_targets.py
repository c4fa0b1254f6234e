"""What the page network is to say of a scene, place by place, as planes of bytes: labels for the training loop.

A place is a square of 4x4 pixels. The planes of a scene are uint8 (17, H / 4, W / 4); `PLANE` has their numbers.
"""

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from digitscope.data.pens import UInt8
from digitscope.data.scenes import READABLE, Scene, contrast_of
from digitscope.data.splits import PAGE_PLANES
from digitscope.detections import STRIDE

NAMES = (
    *("written digit", "printed digit", "written sign", "printed sign"),  # heat: 255 at the middles of these
    *("class", "width", "height", "right", "below"),  # of the item whose middle is near; 255 of class: none is
    "ignored",  # 255 where the heat is not judged
    *("ink 0", "ink 1", "ink 2", "ink 3"),  # coverage by written digits, in each of 2x2 parts
    *("kind", "size", "turns"),  # of the writing around: `KINDS`, the height of its digits, its quarter turns
)
PLANE = MappingProxyType({name: number for number, name in enumerate(NAMES)})

PAPER, DIGITS, WRITING, PRINT = range(4)
"""What plane "kind" tells apart."""

NOTHING = 255
"""Of a class, a kind or turns: not judged there."""

OCTAVE = 32.0
"""Steps of lengths: they are kept as 32 times the binary logarithm of pixels."""

OFFSET, PARTS = 4.0, 32.0
"""Offsets from a place's middle, in places, are kept as 32 times themselves and 4."""

NEAR = 0.5
"""Heat from which a place tells the class and the box of an item."""

SHARPNESS, SHARPEST = 6.0, 0.6
"""A peak's deviation is this part of the item's width and height, and so many places at least (after Zhou et al.)."""

UNCLEAR = 1.2
"""Factor by which digits may be smaller or larger than readable ones where they are not judged."""

DARK = 40
"""Coverage of 255 from which ink around a place decides its kind."""

VISIBLE = 0.75
"""Share of an item's width and height that lies in the picture, at least, where it is to be found."""


def planes_of(scene: Scene) -> UInt8:
    """Return the planes of a scene, uint8 (17, H / 4, W / 4)."""
    rows, columns = (length // STRIDE for length in scene.image.shape)
    planes = np.zeros((PAGE_PLANES, rows, columns), np.uint8)
    planes[PLANE["class"]] = NOTHING
    _set_kinds(planes, scene)
    strongest = np.zeros((rows, columns), np.float32)
    for row in range(len(scene.truth.classes)):
        _set_item(planes, scene, row, strongest)
    covered = scene.ink["digits"].astype(np.float32) / max(contrast_of(scene.ink), 0.04)
    parts = covered.reshape(rows, 2, STRIDE // 2, columns, 2, STRIDE // 2).mean(axis=(2, 5))
    planes[PLANE["ink 0"] : PLANE["ink 3"] + 1] = (
        np.clip(parts, 0, 255).transpose(1, 3, 0, 2).reshape(4, rows, columns)
    )
    if scene.turns:
        planes[PLANE["ignored"]] = NOTHING
    return planes


def _set_item(planes: UInt8, scene: Scene, row: int, strongest: NDArray[np.float32]) -> None:
    """Set the planes of one item; `strongest` is the heat of the item that a place tells of, and is kept up."""
    truth = scene.truth
    left, top, right, bottom = truth.boxes[row] / STRIDE
    rows, columns = strongest.shape
    shape = np.array([right - left, bottom - top])
    seen = np.minimum((right, bottom), (columns, rows)) - np.maximum((left, top), 0)
    size = truth.sizes[row]
    smallest, largest = READABLE
    box = tuple(
        slice(max(0, int(low)), max(0, int(np.ceil(high)))) for low, high in ((top, bottom), (left, right))
    )
    if (seen < VISIBLE * shape).any() or not smallest / UNCLEAR <= size <= largest * UNCLEAR:
        if smallest / UNCLEAR**2 <= size <= largest * UNCLEAR**2:
            planes[PLANE["ignored"]][box] = NOTHING
        return
    if not smallest <= size <= largest:
        planes[PLANE["ignored"]][box] = NOTHING
        return
    x, y = (left + right) / 2, (top + bottom) / 2
    deviation = np.maximum(shape / SHARPNESS, SHARPEST)
    reach = 3 * deviation + 1
    first, last = (
        np.maximum((x, y) - reach, 0).astype(int),
        np.minimum((x, y) + reach + 1, (columns, rows)).astype(int),
    )
    across, down = np.arange(first[0], last[0]) + 0.5 - x, (np.arange(first[1], last[1]) + 0.5 - y)[:, None]
    middle = min(max(int(y), 0), rows - 1) - first[1], min(max(int(x), 0), columns - 1) - first[0]
    heat = np.exp(
        -((across - across[middle[1]]) ** 2) / (2 * deviation[0] ** 2)
        - (down - down[middle[0]]) ** 2 / (2 * deviation[1] ** 2)
    )
    window = (slice(first[1], last[1]), slice(first[0], last[0]))
    is_sign = truth.classes[row] >= 10
    plane = planes[2 * int(is_sign) + int(truth.printed[row])][window]
    np.maximum(plane, np.rint(255 * heat).astype(np.uint8), out=plane)
    mine = (heat >= NEAR) & (heat > strongest[window])
    strongest[window][mine] = heat[mine]
    values = {
        "class": np.full(heat.shape, truth.classes[row]),
        "width": np.full(heat.shape, OCTAVE * np.log2(STRIDE * shape[0])),
        "height": np.full(heat.shape, OCTAVE * np.log2(STRIDE * shape[1])),
        "right": np.broadcast_to((OFFSET - across) * PARTS, heat.shape),
        "below": np.broadcast_to((OFFSET - down) * PARTS, heat.shape),
    }
    for name, value in values.items():
        planes[PLANE[name]][window][mine] = np.clip(np.rint(value[mine]), 0, 254)


def _set_kinds(planes: UInt8, scene: Scene) -> None:
    """Set what is written around each place, how large, and which way up."""
    rows, columns = planes.shape[1:]
    kind = np.zeros((rows, columns), np.uint8)
    for layer, code in (("print", PRINT), ("writing", WRITING)):
        kind[_dark_around(scene.ink[layer])] = code
    size = planes[PLANE["size"]]
    for box, of_item, printed in zip(scene.truth.boxes, scene.truth.sizes, scene.truth.printed, strict=True):
        left, top, right, bottom = box / STRIDE
        place = (
            slice(max(0, int(top)), max(0, int(np.ceil(bottom)))),
            slice(max(0, int(left)), max(0, int(np.ceil(right)))),
        )
        if not printed:
            kind[place] = DIGITS
            size[place] = int(np.clip(np.rint(OCTAVE * np.log2(of_item)), 0, 254))
    planes[PLANE["kind"]] = kind
    planes[PLANE["turns"]] = np.where(kind == PAPER, NOTHING, scene.turns)


def _dark_around(layer: UInt8) -> NDArray[np.bool_]:
    """Tell for each place whether it or a neighbour has dark pixels."""
    rows, columns = (length // STRIDE for length in layer.shape)
    dark = np.pad(layer.reshape(rows, STRIDE, columns, STRIDE).max(axis=(1, 3)) > DARK, 1)
    return np.asarray(
        dark[1:-1, 1:-1] | dark[:-2, 1:-1] | dark[2:, 1:-1] | dark[1:-1, :-2] | dark[1:-1, 2:], dtype=bool
    )
