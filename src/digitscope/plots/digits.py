"""Digits to look at: what is in a split, and what a reader got wrong. Ink is dark, paper is white."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from digitscope.data.splits import Split, UInt8
from digitscope.errors import DataError, SettingError
from digitscope.metrics import N_CLASSES, Floats, log_softmax
from digitscope.plots.sheet import Shades, draw_sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK_ON_PAPER = Shades("gray_r", 0, 255)


def contact_sheet(split: Split, n: int = 50, *, columns: int = 10, title: str = "Digits") -> "Figure":
    """Return a figure of the first `n` images of `split`, each over its label; a pair's label is upper/lower.

    Raises:
        SettingError: `n` or `columns` is below 1.
        DataError: the split is empty.
        MissingExtraError: matplotlib is not installed.
    """
    _check_counts(n, columns)
    if not len(split):
        raise DataError("a contact sheet of an empty split: expected one image or more")
    shown = split[:n]
    return draw_sheet(
        shown.images,
        [written(label) for label in shown.labels],
        columns=columns,
        shades=INK_ON_PAPER,
        title=title,
        note=f"{len(shown):,} of {len(split):,}{_notation(split)}",
    )


def misread_sheet(split: Split, logits: Floats, n: int = 24, *, columns: int = 6) -> "Figure":
    """Return a figure of the `n` images of `split` misread most confidently, with truth and reading.

    `logits` has shape (N, 10), or (N, 2, 10) for pairs. A pair is misread when either digit is, and its
    confidence is the product of the two. When nothing was misread, the figure says so.

    Raises:
        SettingError: `n` or `columns` is below 1.
        DataError: the shapes do not belong together.
        MissingExtraError: matplotlib is not installed.
    """
    _check_counts(n, columns)
    if logits.shape != (*split.labels.shape, N_CLASSES):
        raise DataError(
            f"logits of shape {logits.shape} for labels of shape {split.labels.shape}: "
            "expected one row of 10 for each label"
        )
    readings, confidences = _readings(logits)
    wrong = _most_confident_errors(split.labels, readings, confidences)
    shown = wrong[:n]
    captions = [
        f"{written(split.labels[i])} read as {written(readings[i])}\n{percent(confidences[i])} sure" for i in shown
    ]
    return draw_sheet(
        split.images[shown],
        captions,
        columns=columns,
        shades=INK_ON_PAPER,
        title="The most confident errors" if len(wrong) else "Nothing was misread",
        note=_tally(len(shown), len(wrong), split),
    )


def written(label: NDArray[np.integer] | np.integer) -> str:
    """Return a label of shape () as its digit, one of shape (2,) as upper/lower."""
    return "/".join(str(digit) for digit in np.atleast_1d(label))


def percent(share: float) -> str:
    """Return `share` in percent to a tenth, rounded down: what is not certain is never shown as 100."""
    return f"{np.floor(share * 1000) / 10:.1f} %"


def _check_counts(n: int, columns: int) -> None:
    if n < 1 or columns < 1:
        raise SettingError(f"a sheet of {n} images in {columns} columns: expected 1 or more of each")


def _readings(logits: Floats) -> tuple[UInt8, NDArray[np.float64]]:
    log_probabilities = log_softmax(logits)
    per_image = log_probabilities.max(axis=-1).reshape(len(logits), -1).sum(axis=1)
    return logits.argmax(axis=-1).astype(np.uint8), np.exp(per_image)


def _most_confident_errors(labels: UInt8, readings: UInt8, confidences: NDArray[np.float64]) -> NDArray[np.intp]:
    wrong = np.flatnonzero((labels != readings).reshape(len(labels), -1).any(axis=1))
    return wrong[np.argsort(-confidences[wrong], kind="stable")]


def _tally(shown: int, wrong: int, split: Split) -> str:
    if not wrong:
        return f"{len(split):,} images, all read right"
    return f"{shown:,} of {wrong:,} misread among {len(split):,} images{_notation(split)}"


def _notation(split: Split) -> str:
    return ", written upper/lower" if split.labels.ndim > 1 else ""
