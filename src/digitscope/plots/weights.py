"""The first-layer weights of a fully connected network as pictures."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from digitscope.errors import DataError, SettingError
from digitscope.plots.sheet import Shades, draw_sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MOST = 0.995  # of the weights are within the scale: a few large ones would leave all others white


def weight_pictures(weights: NDArray[np.floating], n: int = 50, *, columns: int = 10) -> "Figure":
    """Return a figure of the first `n` of `weights`, floats of shape (n_hidden, H, W), such as (128, 28, 28).

    Red raises a unit's answer where there is ink, blue lowers it, white is zero. One scale serves all
    pictures; the few weights beyond its ends have the ends' colours.

    Raises:
        SettingError: `n` or `columns` is below 1.
        DataError: the shape is another, or a weight is not finite.
        MissingExtraError: matplotlib is not installed.
    """
    if n < 1 or columns < 1:
        raise SettingError(f"a sheet of {n} pictures in {columns} columns: expected 1 or more of each")
    if weights.ndim != 3 or not weights.size or not np.isfinite(weights).all():
        raise DataError(
            f"weights of shape {weights.shape}: expected finite numbers of shape (n_hidden, height, width); "
            "reshape a first layer's (n_hidden, 784) to (n_hidden, 28, 28)"
        )
    shown = weights[:n]
    end = float(np.quantile(np.abs(shown), MOST)) or float(np.abs(shown).max()) or 1.0
    return draw_sheet(
        shown,
        [f"{unit}" for unit in range(len(shown))],
        columns=columns,
        shades=Shades("RdBu_r", -end, end),
        title="First-layer weights",
        note=f"{len(shown):,} of {len(weights):,} units    blue -{end:.2g}, white 0, red +{end:.2g}",
    )
