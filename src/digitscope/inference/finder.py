"""Where digits and signs are on a page: a coarse pass for size and direction, then a fine pass that finds them.

The network (`digitscope.models.page`) sees the page twice at most: small, to tell how high the digits are and
which way is up; then at the scale at which their height suits it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image

from digitscope.detections import ABOUT, CHANNELS, INPUT, N_CHANNELS, OUTPUT, STRIDE, Detections, decode, sigmoid
from digitscope.errors import DataError
from digitscope.inference.recognizer import open_session

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

STEP = 32
"""Sides of what the network sees are multiples of so many pixels."""

COARSE = (128, 896)
"""Pixels of the longer side of the coarse picture, which is half of the page's in between."""

HEIGHT, SPREAD = 24.0, 0.55
"""Pixels of a digit's height that suit the network best, and by how much others may differ, as a logarithm."""

MOST_FINE, LARGEST_SCALE = 5_000_000, 4.0
"""Pixels of the fine picture at most, and how much larger than the page it may be."""

TILE, MARGIN = 768, 64
"""Pixels of the squares in which a large picture goes through the network, and how much neighbours overlap."""

WRITTEN = 0.1
"""Probability of written digits at some place of a page, at least, where a fine pass is worth it."""

EMPTY = 0.99
"""Probability of empty paper above which a whole tile is passed over."""

LEAST_SCORE = 0.15
"""Probability of a detection that is looked at; less is not even a "?"."""

TURN_MARGIN, TURN_PLACES = 0.5, 12.0
"""A page is turned if its writing fills so many places, surer of another direction by so many nats."""


@dataclass(frozen=True, eq=False)
class Found:
    """What is on a page, in pixels of the page as it was turned.

    Attributes:
        detections: digits and signs, the most probable first.
        ink: float32 (H, W), the probability of the ink of written digits and signs, at a scale of its own.
        ink_scale: pixels of `ink` for one of the page.
        turns: quarter turns, clockwise, that brought the page upright.
        writing: share of the page that shows any writing, and of that the share that shows written digits.
    """

    detections: Detections
    ink: Float32
    ink_scale: float
    turns: int = 0
    writing: tuple[float, float] = (0.0, 0.0)


class PageNetwork:
    """The network in an ONNX file, and what it finds on pages. One may serve several threads at once."""

    def __init__(self, path: Path, *, threads: int) -> None:
        self.path, self._threads = path, threads

    @cached_property
    def _session(self) -> ort.InferenceSession:
        try:
            session = open_session(self.path.read_bytes(), self._threads)
        except (DataError, OSError) as error:
            raise DataError(f"{self.path}: {error}") from None
        if [node.name for node in session.get_outputs()] != [OUTPUT]:
            raise DataError(f"{self.path}: no network that finds digits on pages: expected the output {OUTPUT}")
        return session

    @cached_property
    def combination(self) -> Mapping[str, float]:
        """The numbers by which what both networks say is combined, fitted on validation pages.

        Raises:
            DataError: the file has none.
        """
        about = self._session.get_modelmeta().custom_metadata_map.get(ABOUT, "{}")
        found = json.loads(about).get("combination")
        if not found:
            raise DataError(f"{self.path}: lacks the numbers by which two networks are combined: ship it anew")
        return dict(found)

    def find(self, gray: UInt8, *, turns: int | None = None) -> Found:
        """Return what is on a page, uint8 (H, W); it is turned by `turns`, or by as many as the network says."""
        coarse_scale = float(np.clip(max(gray.shape) / 2, *COARSE)) / max(gray.shape)
        coarse = self._maps(_scaled(gray, coarse_scale))[:, ::2, ::2]
        kinds = _softmax(coarse[CHANNELS["kinds"]])
        if turns is None:
            turns = _turns_of(coarse, kinds)
        written = kinds[1]
        shown = float((1 - kinds[0]).mean()), float(written.sum() / max((1 - kinds[0]).sum(), 1e-6))
        if written.max() < WRITTEN:
            nothing = decode(np.full((N_CHANNELS, 1, 1), -100, np.float32), 1)
            return Found(nothing, np.zeros((1, 1), np.float32), 0.0, turns, shown)
        scale = _best_scale(coarse, written, coarse_scale, gray.size)
        return replace(
            self.fine(np.rot90(gray, -turns), scale, np.rot90(kinds[0], -turns)), turns=turns, writing=shown
        )

    def fine(self, gray: UInt8, scale: float, empty: Float32 | None = None) -> Found:
        """Return what is on a page that is upright, looked at with `scale` times its pixels along each axis.

        `empty` (h, w) is the probability that nothing is written: where it is high, nothing is looked at.
        """
        maps = self._maps(_scaled(gray, scale), empty)
        seen = decode(maps, LEAST_SCORE)
        detections = replace(seen, boxes=np.asarray(seen.boxes / scale, dtype=np.float32))
        return Found(detections, _mask_of(maps), scale / 2)

    def _maps(self, picture: UInt8, empty: Float32 | None = None) -> Float32:
        """Return the maps of a picture, float32 (42, h, w); tiles that are `empty` (h', w') have nothing."""
        height, width = picture.shape
        rows, columns = -(-height // STEP) * STEP, -(-width // STEP) * STEP
        padded = np.pad(picture, ((0, rows - height), (0, columns - width)), mode="edge")
        maps = np.full((N_CHANNELS, rows // STRIDE, columns // STRIDE), -20, np.float32)
        for inner, outer in _tiles(rows, columns):
            if empty is not None and _part(empty, inner, (rows, columns)).min(initial=1) > EMPTY:
                continue
            (tile,) = self._session.run([OUTPUT], {INPUT: padded[None, outer[0], outer[1]]})
            own = tuple(
                slice((i.start - o.start) // STRIDE, (i.stop - o.start) // STRIDE)
                for i, o in zip(inner, outer, strict=True)
            )
            target = tuple(slice(i.start // STRIDE, i.stop // STRIDE) for i in inner)
            maps[:, target[0], target[1]] = np.asarray(tile)[0][:, own[0], own[1]]
        return maps[:, : -(-height // STRIDE), : -(-width // STRIDE)]


Slices = tuple[slice, slice]


def _tiles(rows: int, columns: int) -> Iterator[tuple[Slices, Slices]]:
    """Yield squares that cover a picture, and these with their surroundings, which the network sees with them."""
    for top in range(0, rows, TILE):
        for left in range(0, columns, TILE):
            inner = slice(top, min(top + TILE, rows)), slice(left, min(left + TILE, columns))
            outer = (
                slice(max(0, top - MARGIN), min(inner[0].stop + MARGIN, rows)),
                slice(max(0, left - MARGIN), min(inner[1].stop + MARGIN, columns)),
            )
            yield inner, outer


def _part(image: Float32, place: Slices, shape: tuple[int, int]) -> Float32:
    """Return the part of a small `image` that lies where `place` does in a picture of `shape`, and a rim."""
    parts = []
    for axis in range(2):
        ratio = image.shape[axis] / shape[axis]
        parts.append(slice(max(0, int(place[axis].start * ratio) - 1), int(place[axis].stop * ratio) + 2))
    return image[parts[0], parts[1]]


def _scaled(gray: UInt8, scale: float) -> UInt8:
    """Return a picture with `scale` times as many pixels along each axis."""
    height, width = gray.shape
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = Image.fromarray(np.ascontiguousarray(gray))
    return np.asarray(image.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC))


def _softmax(logits: Float32) -> Float32:
    shifted = np.exp(logits - logits.max(axis=0))
    return np.asarray(shifted / shifted.sum(axis=0))


def _turns_of(coarse: Float32, kinds: Float32) -> int:
    """Return the quarter turns, clockwise, that bring a page upright; 0 unless its writing is sure of another."""
    logits = coarse[CHANNELS["turns"]]
    log_probabilities = logits - logits.max(axis=0)
    log_probabilities = log_probabilities - np.log(np.exp(log_probabilities).sum(axis=0))
    weights = 1 - kinds[0]
    total = float(weights.sum())
    votes = (log_probabilities * weights).sum(axis=(1, 2)) / max(total, 1e-6)
    best = int(votes.argmax())
    return best if total >= TURN_PLACES and votes[best] - votes[0] >= TURN_MARGIN else 0


def _best_scale(coarse: Float32, written: Float32, coarse_scale: float, pixels: int) -> float:
    """Return the scale at which most of the written digits have a height that suits the network."""
    logs = coarse[CHANNELS["height"]][0] - np.log(coarse_scale)  # of heights in pixels of the page
    highest = min(LARGEST_SCALE, (MOST_FINE / pixels) ** 0.5)
    scales = np.exp(np.arange(np.log(0.01), np.log(highest) + 0.05, 0.05))
    chosen = written > min(0.5, float(written.max()) / 2)
    heights, weights = logs[chosen], written[chosen] / np.exp(logs[chosen])  # between number and area of digits
    off = (heights[None] + np.log(scales)[:, None] - np.log(HEIGHT)) / SPREAD
    return float(scales[(np.exp(-(off**2) / 2) * weights).sum(axis=1).argmax()])


def _mask_of(maps: Float32) -> Float32:
    """Return the ink, float32 (2 h, 2 w), of maps (42, h, w)."""
    parts = sigmoid(maps[CHANNELS["mask"]])
    _, rows, columns = parts.shape
    return np.asarray(parts.reshape(2, 2, rows, columns).transpose(2, 0, 3, 1).reshape(2 * rows, 2 * columns))
