"""Two digits over each other, and which pixels are whose: in the truth, and as a network found them."""

from typing import TYPE_CHECKING

import numpy as np

from digitscope.data.splits import Split, UInt8
from digitscope.errors import DataError, SettingError
from digitscope.metrics import Floats, intersection_over_union
from digitscope.plots.sheet import draw_sheet
from digitscope.plots.style import INK, OKABE_ITO, WHITE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = (WHITE, OKABE_ITO[0], OKABE_ITO[1], INK)
"""Of paper, the upper digit, the lower one and both; their lightness differs too, for who sees no colours."""


def separation_sheet(split: Split, logits: Floats, n: int = 10, *, title: str = "Whose pixels") -> "Figure":
    """Return a figure of the first `n` pairs of `split`: as they are, what belongs to whom, and what was found.

    `split` has labels (N, 2, H, W), and `logits` the same shape. Captions are intersections over union: of the
    upper and of the lower digit.

    Raises:
        SettingError: `n` is below 1.
        DataError: the shapes do not belong together, or the split is empty.
        MissingExtraError: matplotlib is not installed.
    """
    if n < 1:
        raise SettingError(f"a sheet of {n} pairs: expected 1 or more")
    if split.task != "separation" or logits.shape != split.labels.shape or not len(split):
        raise DataError(
            f"logits of shape {logits.shape} for labels of shape {split.labels.shape}: expected (N, 2, H, W) twice"
        )
    shown, found = split[:n], logits[:n] > 0
    overlaps = intersection_over_union(found, shown.labels > 0)
    grey = np.repeat(255 - shown.images[..., np.newaxis], 3, axis=-1)
    captions = ["" for _ in range(len(shown))]
    return draw_sheet(
        np.concatenate([grey, coloured(shown.labels), coloured(found.astype(np.uint8))]),
        [*captions, *captions, *(f"{upper:.2f} {lower:.2f}" for upper, lower in overlaps)],
        columns=len(shown),
        title=title,
        note="upper digit blue, lower orange, both black; below, the IoU of each",
        rows=("pair", "truth", "found"),
    )


def coloured(masks: UInt8) -> UInt8:
    """Return masks (N, 2, H, W) of 0 and 1 as colours, (N, H, W, 3)."""
    palette = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in COLOURS], dtype=np.uint8)
    return np.asarray(palette[masks[:, 0] + 2 * masks[:, 1]])
