"""Scores of pages against an example worked by hand, and average precision against scikit-learn's curve."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from digitscope.data.page_scores import f1_of_scenes, matched_scene, score_scenes, truth_of
from digitscope.data.page_targets import PLANE
from digitscope.data.splits import UInt8
from digitscope.detections import decode
from tests.page_maps import Peak, maps_of, planes_of_peaks

Scene = tuple[NDArray[np.float32], UInt8]


def scene(true: list[Peak], found: list[Peak]) -> Scene:
    return maps_of(found), planes_of_peaks(true)


def stacked(*scenes: Scene) -> Scene:
    maps, planes = zip(*scenes, strict=True)
    return np.stack(maps), np.stack(planes)


def test_an_example() -> None:
    """Of five digits three are found, one with a wrong class. Two detections are none, and one is faint."""
    ones = [Peak(2, 2, "1"), Peak(2, 12, "1"), Peak(12, 2, "1")]
    first = scene(ones, [Peak(2, 2, "1"), Peak(2, 12, "7"), Peak(12, 12, "1"), Peak(12, 2, "1", heat=-2)])
    second = scene([Peak(7, 7, "2"), Peak(2, 2, "3", width=32)], [Peak(7, 7, "2"), Peak(2, 2, "3", width=8)])
    scores = score_scenes(*stacked(first, second))
    assert scores.n == 5
    assert scores.precision == pytest.approx(3 / 5)  # of the digits found; that of the second scene is too narrow
    assert scores.recall == pytest.approx(3 / 5)
    assert scores.class_accuracy == pytest.approx(2 / 3)
    assert scores.f1 == pytest.approx(2 * 2 / (5 + 5))
    assert f1_of_scenes(*stacked(first, second)).tolist() == pytest.approx([2 / 6, 2 / 4])
    assert scores.worst_f1 == pytest.approx(2 / 6)
    # Ones: right, wrong, right, by score; twos: right; threes: missed; the others do not occur.
    ones_precision = (1 / 3) * 1 + (1 / 3) * (2 / 3)
    assert scores.mean_average_precision == pytest.approx((ones_precision + 1 + 0 + 7) / 10)


def test_signs_and_print_have_scores_of_their_own() -> None:
    true = [Peak(2, 2, "1"), Peak(2, 12, "4", kind=1), Peak(12, 2, "+", kind=2), Peak(12, 12, "-", kind=2)]
    found = [Peak(2, 2, "1"), Peak(2, 12, "4", kind=0), Peak(12, 2, "+", kind=2), Peak(12, 12, "+", kind=2)]
    scores = score_scenes(*stacked(scene(true, found)))
    assert (scores.n, scores.recall, scores.precision) == (1, 1, 0.5)  # print taken for handwriting is false
    assert scores.signs == pytest.approx(2 * 1 / (2 + 2))
    assert scores.printed == 0.5


def test_what_is_ignored_is_neither_right_nor_wrong() -> None:
    maps, planes = scene([Peak(2, 2, "1")], [Peak(2, 2, "1"), Peak(12, 12, "5")])
    assert score_scenes(maps[None], planes[None]).precision == 0.5
    planes[PLANE["ignored"], 11:14, 11:14] = 255
    assert score_scenes(maps[None], planes[None]).precision == 1
    planes[PLANE["ignored"]] = 255
    empty = score_scenes(maps[None], planes[None])
    assert (empty.n, empty.recall, empty.worst_f1, empty.mean_average_precision) == (0, 0, 1, 1)
    assert np.isnan(f1_of_scenes(maps[None], planes[None])).all()


def test_average_precision_is_the_area_under_scikit_learn_s_curve() -> None:
    """The curve of precision is raised to its highest value at any higher recall, as in PASCAL VOC 2010."""
    generator = np.random.default_rng(0)
    scenes, labels, heats, n = [], [], [], 0
    for _ in range(30):
        true, found = [], []
        for row in (2, 8, 13):
            for column in (2, 8, 13):
                is_digit, is_found = generator.random() < 0.5, generator.random() < 0.8
                heat = float(generator.normal(1.5 if is_digit else 0, 1))
                true += [Peak(row, column, "4")] * is_digit
                found += [Peak(row, column, "4", heat=heat)] * is_found
                n += is_digit
                if is_found:
                    labels.append(is_digit)
                    heats.append(heat)
        scenes.append(scene(true, found))
    precision, recall, _ = precision_recall_curve(labels, heats)
    kept = sum(labels) / n
    envelope = np.maximum.accumulate(precision[:-1])  # scikit-learn's recall falls from left to right
    area = float((-np.diff(recall) * envelope).sum()) * kept
    scores = score_scenes(*stacked(*scenes))
    assert scores.mean_average_precision == pytest.approx((area + 9) / 10, abs=1e-4)


def test_thin_boxes_may_be_widened_before_they_are_compared() -> None:
    """Hyphens of 16 x 2 pixels, one a pixel below the other, share a third; as 16 x 4 they share 3 of 5."""
    true, found = (Peak(5, 5, "-", kind=2, width=16, height=2, below=below) for below in (0, 0.25))
    maps, planes = scene([true], [found])
    seen = decode(maps, 0.5)
    assert [int(matched_scene(seen, planes, 0.5, share).rows[0]) for share in (0, 0.25)] == [-1, 0]


def test_the_truth_is_read_back() -> None:
    peaks = [Peak(3, 5, "8", width=16, height=32, right=0.25, below=-0.5), Peak(9, 9, "÷", kind=2)]
    boxes, classes, kinds = truth_of(planes_of_peaks(peaks))
    assert boxes.tolist() == [[23 - 8, 12 - 16, 23 + 8, 12 + 16], [38 - 8, 38 - 8, 38 + 8, 38 + 8]]
    assert (classes.tolist(), kinds.tolist()) == ([8, 17], [0, 2])
