"""Where digits and signs are on a page: a coarse pass for size and direction, then a fine pass that finds them.

The page network sees the page small first, to tell how high the digits are and which way is up. Then it sees the
page at the scale at which their height suits it. The item network looks at each thing that is found.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image
from scipy import ndimage
from scipy.special import expit, softmax

from digitscope.detections import CHANNELS, INPUT, N_CHANNELS, OUTPUT, SIGNS, STRIDE, Detections, Float32, decode
from digitscope.errors import DataError
from digitscope.items import UInt8, identified, views_of
from digitscope.reading.recognizer import Recognizer, open_session

STEP = 32
"""Sides of what the network sees are multiples of so many pixels."""

BORDER = 16
"""Pixels of the rim's usual shade around a picture: ink that reaches the rim ends there."""

SMALL, COARSE = 128, 896
"""Pixels of the longer side, at most: of small pictures, which have weights of their own, and of coarse ones."""

HEIGHT, SPREAD = 30.0, 0.55
"""Pixels of a digit's height that suit the network best, and by how much others may differ, as a logarithm."""

MOST_FINE, LARGEST_SCALE = 5_000_000, 4.0
"""Pixels of the fine picture at most, and how much larger than the page it may be."""

TILE, MARGIN = 768, 64
"""Pixels of the squares in which a large picture goes through the network, and how much neighbours overlap."""

WRITTEN = 0.1
"""Probability of written digits at some place of a page, at least, where a fine pass is worth it."""

EMPTY = 0.99
"""Probability of empty paper above which a whole tile is passed over."""

LEAST_SCORE = 0.1
"""The item network looks at detections from this probability, and the digit network at digits from it."""

TURN_MARGIN = 1.0
"""A page is turned if that gives so much more certainty, see `Detections`: one whole digit, for a 6 may be a 9."""

WINDOW = 320
"""Pixels of the fine picture's part in which it is tried which way is up."""


@dataclass(frozen=True, eq=False)
class Found:
    """The items found on a page, in pixels of the turned page.

    Attributes:
        detections: digits and signs, the most probable first.
        ink: float32 (H, W), the probability of the ink of written digits and signs, at a scale of its own.
        ink_scale: pixels of `ink` for one of the page.
        turns: quarter turns, clockwise, that brought the page upright.
        writing: share of the page that shows any writing, and of that the share that shows written digits.
        on: "pages", or "small" pictures, which have room for no more than a number.
    """

    detections: Detections
    ink: Float32
    ink_scale: float
    turns: int = 0
    writing: tuple[float, float] = (0.0, 0.0)
    on: str = "pages"


class PageNetwork:
    """The page network in an ONNX file. It may serve several threads."""

    def __init__(self, path: Path, *, threads: int, content: bytes | None = None) -> None:
        self.path, self._threads, self._content = path, threads, content

    @cached_property
    def _session(self) -> ort.InferenceSession:
        try:
            return open_session(self._content or self.path.read_bytes(), self._threads)
        except (DataError, OSError) as error:
            raise DataError(f"{self.path}: {error}") from None

    def maps(self, picture: UInt8, empty: Float32 | None = None) -> Float32:
        """Return the maps of a picture, float32 (42, h, w); tiles that are `empty` (h', w') have nothing."""
        height, width = picture.shape
        rows, columns = (-(-(length + 2 * BORDER) // STEP) * STEP for length in picture.shape)
        rim = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        padded = np.full((rows, columns), np.median(rim), np.uint8)
        padded[BORDER : BORDER + height, BORDER : BORDER + width] = picture
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
        first = BORDER // STRIDE
        return maps[:, first : first - (-height // STRIDE), first : first - (-width // STRIDE)]


class Finder:
    """Finds items with the page network and looks at each once more with the item network."""

    def __init__(self, network: PageNetwork, items: Recognizer) -> None:
        self.network, self.items = network, items

    @cached_property
    def combinations(self) -> Mapping[str, Mapping[str, Mapping[str, float]]]:
        """On "pages" and in "small" pictures: weights of "kinds" and "classes" by `identified`, of "digits"."""
        return dict(self.items.about["combinations"])

    def find(self, gray: UInt8, *, turns: int | None = None, signs: str = SIGNS) -> Found:
        """Return what is on a page, uint8 (H, W), turned by `turns` or as it seems; see `items.identified`."""
        coarse, kinds, scale = self._overview(gray)
        empty, written = kinds[:2]
        shown = float((empty < 0.5).mean()), float(written.sum() / max((1 - empty).sum(), 1e-6))
        on = "small" if max(gray.shape) <= SMALL else "pages"
        if written.max() < WRITTEN and on == "pages":
            nothing = decode(np.full((N_CHANNELS, 1, 1), -100, np.float32), 1)
            return Found(nothing, np.zeros((1, 1), np.float32), 0.0, turns or 0, shown)
        if turns is None:
            part = _densest(gray, written, min(1.0, WINDOW / scale / max(gray.shape)))
            turns, found = self._upright(part, scale, on, signs, lies_down=_lies_down(coarse, kinds))
            if part.shape == gray.shape:
                return replace(found, turns=turns, writing=shown)
        found = self.fine(np.rot90(gray, -turns), scale, on, np.rot90(empty, -turns), signs)
        return replace(found, turns=turns, writing=shown)

    def _overview(self, gray: UInt8) -> tuple[Float32, Float32, float]:
        """Return the maps of a coarse picture, the probabilities of each kind, and the scale of the fine one.

        It is enlarged if digits are low or none, and halved if they are so high that strokes look like digits.
        """
        longer = max(gray.shape)
        least = SMALL if longer <= SMALL else SMALL / 2
        most = max(SMALL, min(longer / 2, COARSE) // STEP * STEP)
        side = max(least, most / 2 // STEP * STEP) if longer < COARSE else COARSE / 2
        while True:
            coarse_scale = side / longer
            small = _scaled(gray, coarse_scale)
            coarse = self.network.maps(small)[:, ::2, ::2]
            kinds = softmax(coarse[CHANNELS["kinds"]], axis=0)
            scale = _best_scale(coarse, kinds[1], _contrast(small), coarse_scale, gray)
            too_high = np.log(coarse_scale / scale)
            if side < most and (too_high < -SPREAD or kinds[1].max() < WRITTEN):
                side = most
            elif side > least and too_high > SPREAD:
                side = most = max(side / 2, least)
            else:
                return coarse, kinds, scale

    def _upright(self, part: UInt8, scale: float, on: str, signs: str, *, lies_down: bool) -> tuple[int, Found]:
        """Return the quarter turns after which most is read in a part of a page, see `TURN_MARGIN`, and that."""
        turns, found = 0, self.fine(part, scale, on, None, signs)
        n, least = len(found.detections), found.detections.certainty + TURN_MARGIN
        is_sure = least > max(n, n / 2 + TURN_MARGIN)  # each thing counts 1 at most: to win takes finding more
        for way in () if is_sure else (1, 3) if lies_down else (2,):
            turned = self.fine(np.rot90(part, -way), scale, on, None, signs)
            if turned.detections.certainty >= least:
                turns, found, least = way, turned, turned.detections.certainty
        return turns, found

    def fine(self, gray: UInt8, scale: float, on: str, empty: Float32 | None = None, signs: str = SIGNS) -> Found:
        """Return what is on a page that is upright, looked at with `scale` times its pixels along each axis.

        `empty` (h, w) is the probability that nothing is written: where it is high, nothing is looked at.
        """
        picture = _scaled(gray, scale)
        maps = self.network.maps(picture, empty)
        seen = decode(maps, LEAST_SCORE)
        seen = identified(seen, self.items.logits(views_of(picture, seen.boxes)), self.combinations[on], signs)
        detections = replace(seen, boxes=np.asarray(seen.boxes / scale, dtype=np.float32))
        return Found(detections, _mask_of(maps), scale / 2, on=on)


def _tiles(rows: int, columns: int) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Yield squares that cover a picture, and these with their surroundings, which the network sees with them."""
    for top in range(0, rows, TILE):
        for left in range(0, columns, TILE):
            inner = slice(top, min(top + TILE, rows)), slice(left, min(left + TILE, columns))
            outer = (
                slice(max(0, top - MARGIN), min(inner[0].stop + MARGIN, rows)),
                slice(max(0, left - MARGIN), min(inner[1].stop + MARGIN, columns)),
            )
            yield inner, outer


def _part(image: Float32, place: tuple[slice, slice], shape: tuple[int, int]) -> Float32:
    """Return the part of a small `image` that lies where `place` does in a picture of `shape`, and a rim."""
    rows, columns = (
        slice(max(0, int(part.start * length / side) - 1), int(part.stop * length / side) + 2)
        for part, length, side in zip(place, image.shape, shape, strict=True)
    )
    return image[rows, columns]


def _scaled(gray: UInt8, scale: float) -> UInt8:
    """Return a picture with `scale` times as many pixels along each axis."""
    height, width = gray.shape
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = Image.fromarray(np.ascontiguousarray(gray))
    return np.asarray(image.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC))


def _lies_down(coarse: Float32, kinds: Float32) -> bool:
    """Tell whether the writing runs up or down, by what the network says of all places that have any."""
    of_writing = (softmax(coarse[CHANNELS["turns"]], axis=0) * (1 - kinds[0])).sum(axis=(1, 2))
    return bool(of_writing[1] + of_writing[3] > of_writing[0] + of_writing[2])


def _densest(gray: UInt8, written: Float32, share: float) -> UInt8:
    """Return the part of a page with most digits, whose sides are at most a `share` of the page's longer one."""
    side = max(1, round(share * max(written.shape)))
    dense = ndimage.uniform_filter(written, side, mode="constant")
    middle = np.array(np.unravel_index(dense.argmax(), dense.shape)) / written.shape * gray.shape
    reach = share * max(gray.shape) / 2
    middle = np.clip(middle, reach, np.maximum(np.array(gray.shape) - reach, reach))
    top, left = np.maximum(middle - reach, 0).astype(int)
    bottom, right = np.ceil(middle + reach).astype(int)
    return gray[top:bottom, left:right]


def _contrast(small: UInt8) -> UInt8:
    """Return the range of brightness around each place of 8x8 pixels of a picture, uint8."""
    window = {"size": 4 * STRIDE, "origin": -STRIDE}
    ranges = ndimage.maximum_filter(small, **window) - ndimage.minimum_filter(small, **window)
    return np.asarray(ranges[:: 2 * STRIDE, :: 2 * STRIDE])


def _best_scale(coarse: Float32, written: Float32, contrast: UInt8, coarse_scale: float, gray: UInt8) -> float:
    """Return the scale at which most written digits, or else the page, have a height that suits the network.

    A place counts the more the higher its `contrast` is: the grain of paper looks like small, faint digits.
    """
    if written.max() < WRITTEN:
        return float(HEIGHT / gray.shape[0])
    logs = coarse[CHANNELS["height"]][0] - np.log(coarse_scale)  # of heights in pixels of the page
    highest = min(LARGEST_SCALE, (MOST_FINE / gray.size) ** 0.5)
    chosen = written > min(0.5, float(written.max()) / 2)
    heights = logs[chosen]
    weights = written[chosen] * contrast[chosen] / np.exp(heights)  # between number and area of digits
    scales = np.minimum(HEIGHT / np.exp(np.quantile(heights, np.linspace(0, 1, 41))), highest)
    off = (heights[None] + np.log(scales)[:, None] - np.log(HEIGHT)) / SPREAD
    best = float(scales[(np.exp(-(off**2) / 2) * weights).sum(axis=1).argmax()])
    side = best * max(gray.shape)  # of a small picture, up to an eighth less may save the network a whole `STEP`
    return best * (1 - side % STEP / side) if 8 * (side % STEP) < side < WINDOW else best


def _mask_of(maps: Float32) -> Float32:
    """Return the ink, float32 (2 h, 2 w), of maps (42, h, w)."""
    parts = expit(maps[CHANNELS["mask"]])
    _, rows, columns = parts.shape
    return np.asarray(parts.reshape(2, 2, rows, columns).transpose(2, 0, 3, 1).reshape(2 * rows, 2 * columns))
