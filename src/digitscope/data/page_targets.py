"""The labels of a scene for the page network: planes of bytes, one value for each place.

A place is a square of 4x4 pixels. The planes of a scene are uint8 (17, H / 4, W / 4); `PLANE` has their numbers.
"""

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.data.scenes import READABLE, Scene, contrast_of
from digitscope.data.splits import PAGE_PLANES, Float32, Float64, UInt8
from digitscope.detections import STRIDE

NAMES = (
    *("written digit", "printed digit", "written sign", "printed sign"),  # heat, 255 at the middle of each item
    *("class", "width", "height", "right", "below"),  # of the item whose middle is near; class 255: no item is
    "ignored",  # 255 where the heat is not judged
    *("ink 0", "ink 1", "ink 2", "ink 3"),  # coverage by written digits, in each of 2x2 parts
    *("kind", "size", "turns"),  # of the writing around: paper to print, the height of digits, quarter turns
)
PLANE = MappingProxyType({name: number for number, name in enumerate(NAMES)})

# Values of the plane "kind".
PAPER, DIGITS, WRITING, PRINT = range(4)

# Value of a class, a kind or turns at places that are not judged.
NOTHING = 255

# Lengths are kept as 32 times the binary logarithm of their pixels.
OCTAVE = 32.0

# Offsets from a place's middle, in places, are kept as 32 times the sum of the offset and 4.
OFFSET, PARTS = 4.0, 32.0

# Heat from which a place has the class and the box of an item.
NEAR = 0.5

# A peak's deviation is a sixth of the item's width and height, and at least 0.6 places (after Zhou et al.).
SHARPNESS, SHARPEST = 6.0, 0.6

# Items up to this factor smaller or larger than readable ones are not judged; those beyond are background.
UNCLEAR = 1.44

# Coverage of 255 from which ink around a place decides its kind.
DARK = 40

# Share of an item's width and height that must lie in the picture; items with less are not judged.
VISIBLE = 0.75


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
    ink = np.clip(parts, 0, 255).transpose(1, 3, 0, 2).reshape(4, rows, columns)
    planes[PLANE["ink 0"] : PLANE["ink 3"] + 1] = ink
    if scene.turns:
        planes[PLANE["ignored"]] = NOTHING
    return planes


def _set_item(planes: UInt8, scene: Scene, row: int, strongest: Float32) -> None:
    """Set the planes of one item; `strongest` (h, w) is the highest heat so far, and is updated."""
    truth = scene.truth
    box, size, (smallest, largest) = truth.boxes[row] / STRIDE, truth.sizes[row], READABLE
    shape = box[2:] - box[:2]
    seen = np.minimum(box[2:], strongest.shape[::-1]) - np.maximum(box[:2], 0)
    if (seen < VISIBLE * shape).any() or not smallest <= size <= largest:
        if smallest / UNCLEAR <= size <= largest * UNCLEAR:
            planes[PLANE["ignored"]][_places(box)] = NOTHING
        return
    window, across, down, heat = _peak(box, strongest.shape)
    plane = planes[2 * int(truth.classes[row] >= 10) + int(truth.printed[row])][window]
    np.maximum(plane, np.rint(255 * heat).astype(np.uint8), out=plane)
    mine = (heat >= NEAR) & (heat > strongest[window])
    strongest[window][mine] = heat[mine]
    sides = OCTAVE * np.log2(STRIDE * shape)
    values = (truth.classes[row], *sides, (OFFSET - across) * PARTS, (OFFSET - down) * PARTS)
    for name, value in zip(("class", "width", "height", "right", "below"), values, strict=True):
        value_at = np.broadcast_to(value, heat.shape)[mine]
        planes[PLANE[name]][window][mine] = np.clip(np.rint(value_at), 0, 254)


def _peak(
    box: Float64, shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], Float64, Float64, NDArray[np.floating]]:
    """Return the places around an item's middle and its heat there.

    `box` is in places, and `shape` is that of the maps. The places lie `across` (w,) to the right of the item's
    middle and `down` (h, 1) below it. Their heat (h, w) is 1 at the place that holds the item's middle.
    """
    rows, columns = shape
    x, y = (box[:2] + box[2:]) / 2
    deviation = np.maximum((box[2:] - box[:2]) / SHARPNESS, SHARPEST)
    reach = 3 * deviation + 1
    first = np.maximum((x, y) - reach, 0).astype(int)
    last = np.minimum((x, y) + reach + 1, (columns, rows)).astype(int)
    across, down = np.arange(first[0], last[0]) + 0.5 - x, (np.arange(first[1], last[1]) + 0.5 - y)[:, None]
    middle = min(max(int(y), 0), rows - 1) - first[1], min(max(int(x), 0), columns - 1) - first[0]
    heat = np.exp(
        -((across - across[middle[1]]) ** 2) / (2 * deviation[0] ** 2)
        - (down - down[middle[0]]) ** 2 / (2 * deviation[1] ** 2)
    )
    return (slice(first[1], last[1]), slice(first[0], last[0])), across, down, heat


def _places(box: Float64) -> tuple[slice, slice]:
    """Return the rows and the columns of places that `box`, in places, touches."""
    left, top, right, bottom = np.maximum((*np.floor(box[:2]), *np.ceil(box[2:])), 0).astype(int).tolist()
    return slice(top, bottom), slice(left, right)


def _set_kinds(planes: UInt8, scene: Scene) -> None:
    kind = np.zeros(planes.shape[1:], np.uint8)
    for layer, code in (("print", PRINT), ("writing", WRITING)):
        kind[_dark_around(scene.ink[layer])] = code
    size = planes[PLANE["size"]]
    for box, of_item, printed in zip(scene.truth.boxes, scene.truth.sizes, scene.truth.printed, strict=True):
        if not printed:
            kind[_places(box / STRIDE)] = DIGITS
            size[_places(box / STRIDE)] = int(np.clip(np.rint(OCTAVE * np.log2(of_item)), 0, 254))
    planes[PLANE["kind"]] = kind
    planes[PLANE["turns"]] = np.where(kind == PAPER, NOTHING, scene.turns)


def _dark_around(layer: UInt8) -> NDArray[np.bool_]:
    """Tell for each place whether it or one of its four neighbours has dark pixels."""
    rows, columns = (length // STRIDE for length in layer.shape)
    dark = layer.reshape(rows, STRIDE, columns, STRIDE).max(axis=(1, 3)) > DARK
    return np.asarray(ndimage.binary_dilation(dark))
