"""Boxes from maps, against numbers worked by hand and pixels that are counted."""

import numpy as np
import pytest
from numpy.typing import NDArray

from digitscope.detections import (
    CHANNELS,
    CLASSES,
    LAYOUT,
    N_CHANNELS,
    decode,
    intersection_over_union,
    matched,
    without_doubles,
)
from tests.page_maps import Peak, maps_of


def random_boxes(n: int, seed: int, side: int = 20) -> NDArray[np.float64]:
    """Return boxes with whole pixels in a picture of `side`."""
    generator = np.random.default_rng(seed)
    corner = generator.integers(0, side - 6, (n, 2))
    return np.concatenate([corner, corner + generator.integers(1, 7, (n, 2))], axis=1).astype(np.float64)


def test_the_channels_follow_each_other() -> None:
    assert N_CHANNELS == 42
    channels = [number for name in LAYOUT for number in range(N_CHANNELS)[CHANNELS[name]]]
    assert channels == list(range(N_CHANNELS))


def test_a_peak_is_the_box_that_its_numbers_describe() -> None:
    """The place in row 2 and column 5 has its middle at x = 22 and y = 10; a quarter of a place is a pixel."""
    found = decode(maps_of([Peak(2, 5, "7", width=12, height=20, right=0.25, below=-0.5)]), 0.5)
    assert found.boxes.tolist() == [pytest.approx([23 - 6, 8 - 10, 23 + 6, 8 + 10], abs=1e-4)]
    assert found.scores.tolist() == pytest.approx([1 / (1 + np.exp(-3))])
    assert (found.kinds.tolist(), [CLASSES[label] for label in found.labels]) == ([0], ["7"])
    assert np.exp(found.log_probabilities[:, :10]).sum() == pytest.approx(1)
    assert np.exp(found.log_probabilities[:, 10:]).sum() == pytest.approx(1)


def test_the_best_come_first_and_the_faint_are_left_out() -> None:
    peaks = [Peak(2, 2, "1", heat=0.5), Peak(2, 12, "2", heat=2), Peak(12, 2, "3", heat=-2), Peak(12, 12, "4")]
    assert [CLASSES[label] for label in decode(maps_of(peaks), 0.5).labels] == ["4", "2", "1"]
    assert [CLASSES[label] for label in decode(maps_of(peaks), 0.1).labels] == ["4", "2", "1", "3"]
    assert len(decode(maps_of([]), 0.01)) == 0


def test_a_place_beside_a_better_one_is_no_peak() -> None:
    found = decode(maps_of([Peak(5, 5, "1", heat=2), Peak(6, 6, "2", heat=1), Peak(5, 7, "3", heat=0.5)]), 0.1)
    assert [CLASSES[label] for label in found.labels] == ["1"]


@pytest.mark.parametrize(("kind", "expected"), [(0, "3"), (3, "+")])
def test_digits_are_digits_and_signs_are_signs(kind: int, expected: str) -> None:
    maps = maps_of([Peak(5, 5, "3", kind=kind)])
    maps[CHANNELS["classes"], 5, 5] = 0
    for label, logit in (("3", 1), ("+", 2 if kind < 2 else 0.5)):
        maps[CHANNELS["classes"].start + CLASSES.index(label), 5, 5] = logit
    found = decode(maps, 0.5)
    assert (found.kinds.tolist(), CLASSES[found.labels[0]]) == ([kind], expected)
    three, others = np.exp(1), 9
    assert np.exp(found.log_probabilities[0, 3]) == pytest.approx(three / (three + others))


def test_the_overlap_of_boxes_is_that_of_their_pixels() -> None:
    boxes = random_boxes(30, seed=0)
    pixels = np.zeros((30, 20, 20), bool)
    for number, (left, top, right, bottom) in enumerate(boxes.astype(int)):
        pixels[number, top:bottom, left:right] = True
    shared = (pixels[:, None] & pixels[None]).sum(axis=(2, 3))
    either = (pixels[:, None] | pixels[None]).sum(axis=(2, 3))
    assert intersection_over_union(boxes, boxes) == pytest.approx(shared / either)
    assert intersection_over_union(np.zeros((2, 4)), boxes).tolist() == np.zeros((2, 30)).tolist()


def test_of_boxes_that_overlap_the_better_one_stays() -> None:
    seed = 0
    boxes = random_boxes(60, seed).astype(np.float32)
    kept = without_doubles(boxes, 0.3)
    overlaps = intersection_over_union(boxes, boxes)
    assert kept[0] == 0
    assert (np.triu(overlaps[np.ix_(kept, kept)], 1) <= 0.3).all()
    for dropped in set(range(60)) - set(kept.tolist()):
        assert (overlaps[dropped, kept[kept < dropped]] > 0.3).any()


def test_each_true_box_is_found_once_and_by_the_best() -> None:
    true = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10.0]])
    found = np.array([[21, 0, 31, 10], [20, 0, 30, 10], [0, 0, 10, 9], [44, 0, 54, 10], [0, 0, 10, 10.0]])
    assert matched(found, true).tolist() == [1, -1, 0, -1, -1]
    assert matched(found, np.zeros((0, 4))).tolist() == [-1] * 5
    assert matched(np.zeros((0, 4)), true).tolist() == []


def test_what_else_is_known_of_an_item() -> None:
    """The chances of each kind beside its middle, and the writing around it."""
    maps = maps_of([Peak(5, 5, "3"), Peak(12, 12, "1", kind=3)])
    maps[CHANNELS["heat"], 6, 6] = [-10, 1, -4, -10]
    maps[CHANNELS["kinds"], 5, 5] = [0, 2, 0, 1]
    found = decode(maps, 0.5)
    assert (found.kinds.tolist(), found.labels.tolist()) == ([0, 3], [3, 10])
    logits = np.array([[3, 1, -4, -10], [-10, -10, -10, 3]])
    assert found.chances == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-6)
    kinds = np.exp([0, 2, 0, 1])
    assert np.exp(found.around) == pytest.approx(np.array([kinds / kinds.sum(), np.full(4, 0.25)]), abs=1e-6)
    three = np.exp(8) / (np.exp(8) + 9)
    assert found.certainty == pytest.approx(
        (2 * found.scores[0] - 1) * three * np.exp(found.around[0, 1]), rel=1e-3
    )


def test_written_and_printed_count_together_where_both_are_wanted() -> None:
    """A digit that may as well be printed is one rather than a sign; the other is a sign, and rather printed."""
    maps = maps_of([Peak(5, 5, "3", kind=2), Peak(12, 12, "1")])
    for place, shares in ((5, [0.3, 0.28, 0.4, 0.01]), (12, [0.45, 0.05, 0.3, 0.4])):
        maps[CHANNELS["heat"], place, place] = np.log(shares) - np.log1p(np.negative(shares))
    found = decode(maps, 0.3).of_either_kind()
    assert found.kinds.tolist() == [3, 0]
    assert found.scores == pytest.approx([0.7, 0.58], abs=1e-6)
    assert found.chances == pytest.approx(np.array([[0.5, 0.5, 0.7, 0.7], [0.58, 0.58, 0.41, 0.41]]), abs=1e-6)


def test_of_many_peaks_the_highest_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digitscope.detections.MOST", 2)
    peaks = [Peak(2, 2, "1", heat=1), Peak(2, 12, "2", heat=2), Peak(12, 2, "3", heat=3)]
    assert [CLASSES[label] for label in decode(maps_of(peaks), 0.5).labels] == ["3", "2"]
