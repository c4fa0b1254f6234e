"""Digits that touch and digits over each other, told apart with the help of their nearest neighbours.

What divides ink must not depend on how well the shipped network knows what is no digit, so most tests read with
the nearest of the sample's 4,000 training digits: slow, but it knows how far away it is.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from digitscope.data import Dataset, Split, overlap
from digitscope.data.handwriting import stroke_mask
from digitscope.inference import Prediction, Recognizer
from digitscope.inference.blobs import SegmentedPage, find_blobs
from digitscope.inference.candidates import Candidate, Part, read_blobs, read_parts
from digitscope.inference.ink import Ink

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
SCALE = 3


@dataclass(frozen=True)
class Nearest:
    """Reads a digit as the one that is nearest, and tells the distance as a network does: 1 is the 99th in 100."""

    known: Split
    others: UInt8

    @cached_property
    def farthest(self) -> float:
        return float(np.quantile(self._nearest(self.others)[1], 0.99))

    def predict(self, images: UInt8) -> Prediction:
        rows, far = self._nearest(images)
        labels = self.known.labels[rows]
        probabilities = np.full((len(images), 10), 0.003, np.float32)
        probabilities[np.arange(len(images)), labels] = 0.973
        return Prediction(labels, probabilities, ((far / self.farthest) ** 4).astype(np.float32))

    def _nearest(self, images: UInt8) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        known, asked = (self._blurred(each) for each in (self.known.images, images))
        squares = (asked**2).sum(axis=1)[:, None] + (known**2).sum(axis=1) - 2 * asked @ known.T
        return squares.argmin(axis=1), np.sqrt(np.maximum(squares.min(axis=1), 0))

    @staticmethod
    def _blurred(images: UInt8) -> Float32:
        blurred = ndimage.gaussian_filter(images.astype(np.float32) / 255, (0, 1, 1))
        return np.asarray(blurred.reshape(len(images), -1))


@dataclass(frozen=True)
class Strange:
    """Finds everything unlike any digit."""

    digits: Recognizer

    def predict(self, images: UInt8) -> Prediction:
        prediction = self.digits.predict(images)
        return Prediction(prediction.labels, prediction.probabilities, np.full(len(images), 3, np.float32))


@pytest.fixture(scope="module")
def nearest(sample: Dataset) -> Recognizer:
    return Nearest(sample.train, sample.validation.images)  # type: ignore[return-value]


@pytest.fixture(scope="module")
def digits() -> Recognizer:
    return Recognizer.load("digit", threads=1)


@pytest.fixture(scope="module")
def pairs() -> Recognizer:
    return Recognizer.load("two-digit", threads=1)


@pytest.fixture(scope="module")
def ruler(sample: Dataset) -> Float32:
    """Three digits that tell the usual height, to stand beside what is asked for."""
    strokes = [stroke_mask(sample.train.images[row], SCALE) for row in range(3)]
    line = np.zeros((62, 330), np.float32)
    for number, stroke in enumerate(strokes):
        line[: stroke.shape[0], 110 * number : 110 * number + stroke.shape[1]] = stroke[:62]
    return line


def page_of(ink: Float32, ruler: Float32) -> SegmentedPage:
    """Return a page with `ink` at (30, 30) and the ruler below it."""
    page = np.zeros((ink.shape[0] + 170, max(ink.shape[1], ruler.shape[1]) + 60), np.float32)
    page[30 : 30 + ink.shape[0], 30 : 30 + ink.shape[1]] = ink
    page[-90 : -90 + len(ruler), 30 : 30 + ruler.shape[1]] = ruler
    return find_blobs(Ink((255 - 255 * page).astype(np.uint8), page, page > 0.38, 2.5 * SCALE))


def read_first(ink: Float32, ruler: Float32, digits: Recognizer, pairs: Recognizer) -> list[Candidate]:
    """Return what is read in `ink`."""
    page = page_of(ink, ruler)
    above = [blob for blob in page.blobs if blob.top < 30 + ink.shape[0]]
    return read_blobs(page, above, digits, pairs)


def side_by_side(one: Float32, other: Float32, gap: int) -> Float32:
    rows = max(len(one), len(other))
    ink = np.zeros((rows, one.shape[1] + gap + other.shape[1]), np.float32)
    ink[rows - len(one) :, : one.shape[1]] = one
    target = ink[rows - len(other) :, one.shape[1] + gap :]
    np.maximum(target, other, out=target)
    return ink


def glued(one: Float32, other: Float32) -> Float32 | None:
    """Return two digits pushed together until they touch; None if a third of a digit is not enough."""
    inks = (side_by_side(one, other, gap) for gap in range(2, -len(one) // 3, -1))
    return next((ink for ink in inks if ndimage.label(ink > 0.38, np.ones((3, 3)))[1] == 1), None)


def touching(sample: Dataset, n: int) -> list[tuple[str, Float32]]:
    images, labels = sample.test.images, sample.test.labels
    made = (
        (f"{labels[row]}{labels[row + 1]}", glued(*(stroke_mask(images[each], SCALE) for each in (row, row + 1))))
        for row in range(0, 200, 2)
    )
    return [(text, ink) for text, ink in made if ink is not None][:n]


def test_digits_that_touch_are_read_as_two(
    sample: Dataset, ruler: Float32, nearest: Recognizer, pairs: Recognizer
) -> None:
    asked = touching(sample, 30)
    read = [read_first(ink, ruler, nearest, pairs) for _, ink in asked]
    assert len(asked) == 30
    assert all(len(found) == 1 for found in read)
    right = [found[0].text == text for found, (text, _) in zip(read, asked, strict=True)]
    assert np.mean(right) > 0.6
    assert np.mean([len(found[0].parts) == 2 for found in read]) > 0.8


def test_the_parts_lie_beside_each_other_in_the_blob(
    sample: Dataset, ruler: Float32, nearest: Recognizer, pairs: Recognizer
) -> None:
    for _, ink in touching(sample, 12):
        (found,) = read_first(ink, ruler, nearest, pairs)
        if len(found.parts) != 2 or found.parts[0].image.shape != (28, 28):
            continue
        first, second = (part.box for part in found.parts)
        blob = found.blob
        assert first[0] < second[0]
        assert first[2] < second[2]
        assert abs(first[0] - blob.left) <= 2
        assert abs(second[2] - blob.right) <= 2
        for left, top, right, bottom in (first, second):
            assert blob.left <= left < right <= blob.right
            assert blob.top <= top < bottom <= blob.bottom


def test_the_shipped_network_at_least_thinks_of_it(
    sample: Dataset, ruler: Float32, digits: Recognizer, pairs: Recognizer
) -> None:
    """Wide ink: read as two, or two is among the other readings."""
    wide = [(text, ink) for text, ink in touching(sample, 60) if ink.shape[1] > 1.3 * len(ink)][:20]
    thought_of = []
    for text, ink in wide:
        (found,) = read_first(ink, ruler, digits, pairs)
        assert found.text not in found.alternatives
        thought_of.append(text in {found.text, *found.alternatives})
    assert len(wide) >= 10
    assert np.mean(thought_of) > 0.6


def enlarged(image: UInt8, scale: int) -> Float32:
    rows, columns = (np.flatnonzero((image > 76).any(axis=axis)) for axis in (1, 0))
    ink = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32) / 255
    size = ink.shape[1] * scale, ink.shape[0] * scale
    resized = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BICUBIC), dtype=np.float32)
    return np.asarray(np.clip(resized, 0, 1))


def test_two_over_each_other_are_read_by_the_network_for_pairs(
    sample: Dataset, ruler: Float32, digits: Recognizer, pairs: Recognizer
) -> None:
    images, labels = sample.test.images, sample.test.labels
    strange = Strange(digits)
    n_by_pairs, right = 0, []
    for row in range(0, 60, 2):
        ink = enlarged(overlap(images[row], images[row + 1]), SCALE)
        found = read_first(ink, ruler, strange, pairs)  # type: ignore[arg-type]
        parts = [part for each in found for part in each.parts]
        if [part.image.shape for part in parts] != [(42, 28)] * 2:
            continue
        n_by_pairs += 1
        right.append([part.label for part in parts] == list(labels[row : row + 2]))
        (upper, lower), blob = (part.box for part in parts), found[0].blob
        assert blob.top <= upper[1] < lower[1] < upper[3] < lower[3] <= blob.bottom
    assert n_by_pairs >= 20
    assert np.mean(right) > 0.85


@pytest.mark.parametrize("reader", ["digits", "nearest"])
def test_a_clean_digit_stays_one(
    sample: Dataset, ruler: Float32, pairs: Recognizer, reader: str, request: pytest.FixtureRequest
) -> None:
    digits = request.getfixturevalue(reader)
    read = [read_first(stroke_mask(image, SCALE), ruler, digits, pairs) for image in sample.test.images[:60]]
    texts = ["".join(each.text for each in found) for found in read]
    alone = np.array([len(text) == 1 for text in texts])
    right = np.array([text == str(label) for text, label in zip(texts, sample.test.labels, strict=False)])
    assert alone.mean() > 0.95
    assert right.mean() > 0.85


def test_parts_are_read_where_their_ink_is(sample: Dataset, digits: Recognizer) -> None:
    ink = np.zeros((100, 90), np.float32)
    stroke = stroke_mask(sample.test.images[0], 2)
    ink[20 : 20 + len(stroke), 15 : 15 + stroke.shape[1]] = stroke
    rows, columns = (np.flatnonzero((ink > 0.3).any(axis=axis)) for axis in (1, 0))
    (part,) = read_parts([ink], [(1000, 500)], digits)
    assert part.box == (1000 + columns[0], 500 + rows[0], 1001 + columns[-1], 501 + rows[-1])
    assert part.label == sample.test.labels[0]
    assert part.image.shape == (28, 28)
    assert part.distance >= 0
    assert read_parts([], [], digits) == []


@pytest.mark.parametrize(
    ("width", "height", "cost"), [(33, 24, 0.0), (33, 35, 0.0), (50, 35, 2 * (50 / 35 - 1.1))]
)
def test_wide_is_what_the_usual_height_makes_so(width: int, height: int, cost: float) -> None:
    sure = np.eye(10, dtype=np.float32)[0]
    part = Part((10, 10, 10 + width, 10 + height), sure, 0.0, np.zeros((28, 28), np.uint8))
    assert part.cost(33.0) == pytest.approx(cost, abs=1e-6)


def test_nothing_to_read(ruler: Float32, digits: Recognizer, pairs: Recognizer) -> None:
    assert read_blobs(page_of(np.zeros((9, 9), np.float32), ruler), [], digits, pairs) == []
