"""Turns UNIPEN's public release into the files of pen strokes that training reads.

The format is UNIPEN 1.0 (Guyon et al. 1994): a line that begins with a dot and a keyword starts a statement, which
ends before the next one. `data/CATEGORY/**/*.dat` has the labels, files below `include` have the strokes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitscope.data.local_files import expanded, is_folder, refuse_existing
from digitscope.data.pens import Points
from digitscope.errors import DataError
from digitscope.files import replacing

# Units of a sample's longer side, and the least distance of two points of a stroke, its last one aside.
SIDE, STEP = 1000, 18

# Files that include each other; more are a circle.
DEEPEST = 8

RELEASE = "UNIPEN's train_r01_v07 (Zenodo 10.5281/zenodo.1195803)"

STATEMENT = re.compile(r"^\.([A-Z_]+)", re.MULTILINE)
SEGMENT = re.compile(r'\s*(\w+)\s+([\d:,-]+)\s[^"]*"((?:[^"\\]|\\.)*)"', re.DOTALL)
PART = re.compile(r"(\d+)(?::(\d+))?(?:-(\d+)(?::(\d+))?)?")


class Category(NamedTuple):
    """The source of one file: folders of `data`, and patterns of segments and labels."""

    folders: tuple[str, ...]
    segment: str
    label: str


# The files, by the names of `digitscope.data.pens.CATEGORIES`.
SOURCES: Mapping[str, Category] = MappingProxyType(
    {
        "digits": Category(("1a",), "CHARACTER", "[0-9]"),
        "upper": Category(("1b",), "CHARACTER", "[A-Z]"),
        "lower": Category(("1c",), "CHARACTER", "[a-z]"),
        "symbols": Category(("1d",), "CHARACTER", "[!-/:-@\\[-`{-~]"),
        "words": Category(("6", "7"), "WORD", "[!-~]{2,12}"),
    }
)


class Sample(NamedTuple):
    """A character or a word: its label, `donor/writer`, and its strokes, int16 (n, 2) each."""

    label: str
    writer: str
    strokes: tuple[NDArray[np.int16], ...]


class _UnreadableError(Exception):
    """A file is not as the format says."""


class _Component(NamedTuple):
    points: Points
    is_down: bool
    writer: str


def convert_unipen(
    release: Path | str, into: Path | str, *, report: Callable[[str], None] = lambda _: None
) -> dict[str, int]:
    """Write `pens/CATEGORY.npz` below `into`, all of them or none, and return the samples of each category.

    Args:
        release: the folder of the release, which holds `data` and `include`.
        into: a folder of data, as DIGITSCOPE_DATA names it.
        report: told, in one line, how many files could not be read; these are left out.

    Raises:
        DataError: the folder is not the release, a category has no samples, or the files are there already or
            cannot be written.
    """
    root, folder = _root(expanded(release)), expanded(into) / "pens"
    paths = {name: folder / f"{name}.npz" for name in SOURCES}
    try:
        refuse_existing(paths.values())
        found = {name: _samples(root, name, report) for name in SOURCES}
        for name, samples in found.items():
            with replacing(paths[name]) as temporary:
                np.savez_compressed(temporary, allow_pickle=False, **as_arrays(samples))
    except OSError as error:
        where = error.filename or folder
        raise DataError(f"{where}: {error.strerror or error}: expected folders to read and to write") from None
    return {name: len(samples) for name, samples in found.items()}


def _root(folder: Path) -> Path:
    """Return the folder of `data` and `include`: `folder`, or its subfolder `train_r01_v07`."""
    for root in (folder, folder / "train_r01_v07"):
        if is_folder(root / "data") and is_folder(root / "include"):
            return root
    raise DataError(f"{folder}: no folders data and include: expected {RELEASE}, unpacked")


def _samples(root: Path, name: str, report: Callable[[str], None]) -> list[Sample]:
    folders = SOURCES[name].folders
    paths = [path for part in folders for path in sorted((root / "data" / part).rglob("*.dat"))]
    samples: list[Sample] = []
    n_unreadable = 0
    for path in paths:
        try:
            samples += read_samples(path, root, SOURCES[name])
        except _UnreadableError:
            n_unreadable += 1
    if n_unreadable:
        report(f"{name}: {n_unreadable:,} of {len(paths):,} files could not be read and are left out")
    if not samples:
        parts = " or ".join(f"data/{part}" for part in folders)
        raise DataError(f"{root}: no samples in {parts}: expected {RELEASE}, unpacked")
    return samples


def read_samples(path: Path, root: Path, category: Category) -> Iterator[Sample]:
    """Yield the samples of `category` that a file of labels describes."""
    _, donor, *_ = path.relative_to(root / "data").parts
    writer, columns = path.stem, ["X", "Y"]
    components: list[_Component] = []
    segments: list[str] = []
    for keyword, text in _statements(path, root / "include"):
        if keyword == "COORD":
            columns = text.split()
        elif keyword == "WRITER_ID":
            writer = "_".join(text.split()) or writer
        elif keyword == "SEGMENT":
            segments.append(text)
        elif keyword in ("PEN_DOWN", "PEN_UP") and text.split():
            components.append(_Component(_points(text, columns), keyword == "PEN_DOWN", writer))
    for segment in segments:
        found = SEGMENT.match(segment)
        if found is None or found[1] != category.segment:
            continue
        label = re.sub(r'\\(["\\])', r"\1", found[3]).strip()
        chosen = list(_chosen(components, found[2]))
        if chosen and re.fullmatch(category.label, label):
            strokes = normalised([component.points for component in chosen])
            yield Sample(label, f"{donor}/{chosen[0].writer}", strokes)


def _statements(path: Path, include: Path, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield keyword and text of each statement of a file; an INCLUDE is replaced by those of the included file."""
    if depth > DEEPEST or not path.is_file():
        raise _UnreadableError
    _, *parts = STATEMENT.split(path.read_text(encoding="latin-1"))
    for keyword, text in zip(parts[::2], parts[1::2], strict=True):
        if keyword != "INCLUDE":
            yield keyword, text
            continue
        included = (include / text.strip()).resolve()
        if not included.is_relative_to(include.resolve()):
            raise _UnreadableError
        yield from _statements(included, include, depth + 1)


def _points(text: str, columns: list[str]) -> Points:
    """Return the coordinates, float64 (n, 2), y down as in pictures; a tablet's y points up."""
    try:
        table = np.array(text.split(), np.float64).reshape(-1, len(columns))
        return table[:, [columns.index("X"), columns.index("Y")]] * (1, -1)
    except (ValueError, ZeroDivisionError):
        raise _UnreadableError from None


def _chosen(components: list[_Component], delineation: str) -> Iterator[_Component]:
    """Yield the ink that a delineation names, such as "4-5", "4,7" or "4:10-5:20": components and their points.

    It yields none where a component is missing.
    """
    for part in delineation.split(","):
        found = PART.fullmatch(part)
        if found is None or int(found[3] or found[1]) >= len(components):
            return
        first, last = int(found[1]), int(found[3] or found[1])
        for number in range(first, last + 1):
            start = int(found[2] or 0) if number == first else 0
            end = int(found[4]) + 1 if found[4] and number == last else None
            points = components[number].points[start:end]
            if components[number].is_down and len(points):
                yield components[number]._replace(points=points)


def normalised(strokes: list[Points]) -> tuple[NDArray[np.int16], ...]:
    """Return `strokes` moved to (0, 0), scaled, so that the longer side is `SIDE`, and thinned."""
    points = np.concatenate(strokes)
    low = points.min(axis=0)
    scale = SIDE / max(float(np.ptp(points, axis=0).max()), 1e-9)
    return tuple(np.round(_thinned((stroke - low) * scale)).astype(np.int16) for stroke in strokes)


def _thinned(stroke: Points) -> Points:
    """Return the first point, each that is `STEP` or more from the one before, and the last."""
    kept = [0]
    for row in range(1, len(stroke)):
        if row == len(stroke) - 1 or np.hypot(*(stroke[row] - stroke[kept[-1]])) >= STEP:
            kept.append(row)
    return stroke[kept]


def as_arrays(samples: list[Sample]) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of a file, as `digitscope.data.pens.load_pens` reads them."""
    strokes = [stroke for sample in samples for stroke in sample.strokes]
    names, writers = np.unique([sample.writer for sample in samples], return_inverse=True)
    stroke_ends = np.cumsum([len(stroke) for stroke in strokes])
    sample_ends = np.cumsum([len(sample.strokes) for sample in samples])
    return {
        "points": np.concatenate(strokes),
        "stroke_starts": np.append(0, stroke_ends[:-1]).astype(np.int32),
        "sample_starts": np.append(0, sample_ends[:-1]).astype(np.int32),
        "labels": np.array([sample.label for sample in samples]),
        "writers": writers.astype(np.int16),
        "writer_names": names,
    }
