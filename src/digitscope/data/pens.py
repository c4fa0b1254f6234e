"""Characters written with a pen, as strokes: they can be drawn at any size, with any width of pen.

The files hold UNIPEN's public release (Guyon et al. 1994, CC BY 4.0). `digitscope data pens` makes them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitscope.data.local_files import find_data_directory
from digitscope.data.splits import UInt8
from digitscope.errors import DataError

Points = NDArray[np.float64]

# The files, one a category: `digits.npz` and so on.
CATEGORIES = ("digits", "lower", "upper", "symbols", "words")
ARRAYS = ("points", "stroke_starts", "sample_starts", "labels", "writers", "writer_names")

# One writer in so many is kept out of training; validation and test figures use that writer.
HELD_BACK = 10

# Strokes are drawn this many times larger and then reduced, so that their edges are smooth.
FINE = 4

# Pixels of the enlarged drawing; longer words are refused.
LARGEST_CANVAS = 4_000_000

HOW = "`digitscope data pens --unipen DIR` makes it of UNIPEN's train_r01_v07 (Zenodo 10.5281/zenodo.1195803)"


@dataclass(frozen=True, eq=False)
class Pens:
    """Samples of one category."""

    points: NDArray[np.int16]  # (P, 2), x to the right and y down, 0 to 1000 along a sample's longer side
    stroke_starts: NDArray[np.int32]  # (S + 1,), where each stroke begins in `points`, and their number
    sample_starts: NDArray[np.int32]  # (N + 1,), where each begins in `stroke_starts`, and the number of strokes
    labels: NDArray[np.str_]  # (N,), the character or the word
    writers: NDArray[np.str_]  # (N,), the donor and the writer of each sample

    def __len__(self) -> int:
        return len(self.labels)

    def strokes(self, sample: int) -> list[Points]:
        """Return the strokes of a sample, each float64 (n, 2)."""
        first, last = self.sample_starts[sample], self.sample_starts[sample + 1]
        ends = pairwise(self.stroke_starts[first : last + 1])
        return [self.points[start:end].astype(np.float64) for start, end in ends]

    def rows_of(self, *, held_back: bool) -> NDArray[np.int64]:
        """Return the samples of the writers who are held back, or of all others."""
        names = np.unique(self.writers)
        kept = names[HELD_BACK // 2 :: HELD_BACK]
        return np.flatnonzero(np.isin(self.writers, kept) == held_back)

    def sha256(self) -> str:
        """Return the hash of every point, label and writer, in hexadecimal."""
        digest = hashlib.sha256()
        for array in (self.points, self.stroke_starts, self.sample_starts):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        for names in (self.labels, self.writers):
            digest.update("\n".join([*names, ""]).encode())
        return digest.hexdigest()


def has_pens(directory: Path | str | None = None) -> bool:
    """Tell whether the pen files are in `directory`, or below DIGITSCOPE_DATA."""
    folder = _pens_folder(directory)
    return folder is not None and all((folder / f"{name}.npz").is_file() for name in CATEGORIES)


def load_pens(category: str, directory: Path | str | None = None) -> Pens:
    """Return the samples of a category, one of `CATEGORIES`.

    Raises:
        DataError: the file is missing or damaged.
    """
    folder = _pens_folder(directory)
    if folder is None:
        raise DataError(
            f"no pen strokes: name the folder of pens/{category}.npz by --data or DIGITSCOPE_DATA; {HOW}"
        )
    path = folder / f"{category}.npz"
    if not path.is_file():
        raise DataError(f"{path}: no such file: {HOW}")
    try:
        with np.load(path, allow_pickle=False) as file:
            points, strokes, samples, labels, writers, names = (file[name] for name in ARRAYS)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{path}: no pen strokes ({error}): expected a file that digitscope data pens wrote"
        ) from None
    stroke_starts = np.append(strokes, len(points)).astype(np.int32)
    sample_starts = np.append(samples, len(strokes)).astype(np.int32)
    return Pens(points, stroke_starts, sample_starts, labels, names[writers])


def _pens_folder(directory: Path | str | None) -> Path | None:
    """Return the folder of the pen files: the one that is named, or its subfolder `pens`."""
    folder = find_data_directory(directory)
    return folder / "pens" if folder is not None and (folder / "pens").is_dir() else folder


def draw_strokes(strokes: Sequence[Points], width: float) -> UInt8:
    """Return the coverage of `strokes`, drawn with a round pen of `width` pixels: uint8 (H, W), cropped.

    The points are in pixels. A pen thinner than a quarter of a pixel is drawn paler instead. The result is empty,
    (0, 0), where the drawing would be too large.
    """
    from PIL import Image, ImageDraw  # only who draws waits for it

    points = np.concatenate(strokes)
    low = points.min(axis=0) - width / 2 - 1
    columns, rows = (int(np.ceil(length)) + 1 for length in points.max(axis=0) + width / 2 + 1 - low)
    if rows * columns * FINE**2 > LARGEST_CANVAS:
        return np.zeros((0, 0), np.uint8)
    drawing = Image.new("L", (columns * FINE, rows * FINE))
    brush, line, radius = ImageDraw.Draw(drawing), max(1, round(width * FINE)), max(0.5, width * FINE / 2)
    for stroke in strokes:
        placed = [tuple(point) for point in ((stroke - low) * FINE).tolist()]
        brush.line(placed, fill=255, width=line, joint="curve")
        for x, y in placed[0], placed[-1]:  # round ends, and points that are a stroke of their own
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return cropped((np.asarray(drawing.reduce(FINE)) * min(1.0, width * FINE)).astype(np.uint8))


def cropped(coverage: UInt8) -> UInt8:
    """Return coverage (H, W) without the empty rows and columns around it; (0, 0) where all is empty."""
    rows, columns = np.flatnonzero(coverage.any(axis=1)), np.flatnonzero(coverage.any(axis=0))
    if not len(rows):
        return np.zeros((0, 0), np.uint8)
    return coverage[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
