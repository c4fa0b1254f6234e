"""Scenes with boxes around their handwritten digits: as the page network found them, and as they are."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from digitscope.data.splits import Split, UInt8
from digitscope.errors import DataError
from digitscope.plots.sheet import draw_sheet
from digitscope.plots.style import OKABE_ITO

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RIGHT, WRONG, MISSED = OKABE_ITO[0], OKABE_ITO[1], OKABE_ITO[3]

COLUMNS = 3
"""Scenes a row: a pixel of a scene of 256 pixels is then two pixels of the figure's file."""

WRITTEN = 0
"""Kind of handwritten digits."""


def scene_sheet(
    split: Split, maps: NDArray[np.floating], captions: list[str], *, title: str = "Pages"
) -> "Figure":
    """Return a figure of all scenes of `split`, each over its caption, with boxes around handwritten digits.

    `split` has labels (N, 17, h, w), and `maps` (N, 42, h, w) are the network's.

    Raises:
        DataError: the shapes do not belong together, or the split is empty.
        MissingExtraError: matplotlib is not installed.
    """
    if split.task != "page" or len(maps) != len(split) or not len(split):
        raise DataError(f"{len(maps)} maps for {len(split)} examples of the task {split.task}: expected pages")
    pictures = [_boxed(*scene) for scene in zip(split.images, maps, split.labels, strict=True)]
    return draw_sheet(
        np.stack(pictures),
        captions,
        columns=COLUMNS,
        title=title,
        note="boxes: right blue, wrong or no digit orange, missed pink",
    )


def _boxed(image: UInt8, maps: NDArray[np.floating], planes: UInt8) -> UInt8:
    """Return a scene in colours, uint8 (H, W, 3), with a box around each digit and over it the digit read."""
    from PIL import Image, ImageDraw

    from digitscope.data.page_scores import SURE, matched_scene, truth_of
    from digitscope.detections import CLASSES, decode

    picture = Image.fromarray(image).convert("RGB")
    brush = ImageDraw.Draw(picture)
    found = decode(np.asarray(maps, dtype=np.float32), SURE)
    scene, (true, classes, kinds) = matched_scene(found, planes), truth_of(planes)
    missed = kinds == WRITTEN
    for number in np.flatnonzero((found.kinds == WRITTEN) & ~scene.is_ignored):
        row, label = scene.rows[number], found.labels[number]
        is_right = row >= 0 and kinds[row] == WRITTEN and classes[row] == label
        left, top, right, bottom = found.boxes[number].tolist()
        colour = RIGHT if is_right else WRONG
        brush.rectangle((left, top, max(left, right), max(top, bottom)), outline=colour)
        brush.text((left, top - 10), CLASSES[label], fill=colour)
        if row >= 0:
            missed[row] = False
    for box in true[missed].tolist():
        brush.rectangle(box, outline=MISSED)
    return np.asarray(picture)
