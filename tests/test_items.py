"""What the item network sees, and what its word does to detections."""

import numpy as np
import pytest

from digitscope.data.splits import ITEM_SHAPE, MOST_OF_ITEM
from digitscope.detections import CLASSES, Detections, decode
from digitscope.items import (
    N_ITEM_CLASSES,
    NO_ITEM,
    VIEW,
    identified,
    kinds_of,
    label_of,
    name_of,
    pooled,
    views_of,
)
from tests.page_maps import Peak, maps_of


def detections() -> Detections:
    """A written 3 and a printed slash."""
    return decode(maps_of([Peak(5, 5, "3"), Peak(12, 12, "/", kind=3)]), 0.5)


ALONE: dict[str, dict[str, float]] = {
    "kinds": {"page": 0, "item": 1, "bias": 0},
    "classes": {"page": 0, "item": 1},
}


def logits_of(*rows: dict[str, float]) -> np.ndarray:
    """Logits (K, 43) by the probabilities of some classes; the others have nearly none."""
    shares = np.full((len(rows), N_ITEM_CLASSES), 1e-12)
    names = [name_of(label) for label in range(N_ITEM_CLASSES)]
    for row, told in enumerate(rows):
        for name, share in told.items():
            shares[row, names.index(name)] = share
    return np.asarray(np.log(shares), dtype=np.float32)


def test_labels_and_names() -> None:
    labels = label_of(np.array([3, CLASSES.index("(")]), np.array([False, True]))
    assert [name_of(int(label)) for label in labels] == ["3", "printed ("]
    assert len({name_of(label) for label in range(N_ITEM_CLASSES)}) == N_ITEM_CLASSES
    assert ((VIEW, 2 * VIEW), NO_ITEM) == (ITEM_SHAPE, MOST_OF_ITEM)


def test_the_views_of_an_item() -> None:
    """A black square of 20 pixels on grey: 2/3 of the near view's width, and 20 of 96 pixels of the other."""
    picture = np.full((60, 80), 200, np.uint8)
    picture[20:40, 30:50] = 0
    (view,) = views_of(picture, np.array([[30, 20, 50, 40]], np.float32))
    assert (view.shape, view.dtype) == (ITEM_SHAPE, np.uint8)
    for half, side in ((view[:, :VIEW], 30), (view[:, VIEW:], 96)):
        dark = (200 - half.astype(float)) / 200
        assert dark.sum() == pytest.approx((20 * VIEW / side) ** 2, rel=0.02)
        rows, columns = (np.average(np.arange(VIEW) + 0.5, weights=dark.sum(axis=axis)) for axis in (1, 0))
        assert (rows, columns) == pytest.approx((VIEW / 2, VIEW / 2), abs=0.1)


def test_outside_of_the_picture_is_the_shade_of_its_rim() -> None:
    picture = np.full((40, 40), 90, np.uint8)
    views = views_of(picture, np.array([[-30, 0, 10, 10], [39, 39, 40, 40]], np.float32))
    assert np.array_equal(views, np.full((2, *ITEM_SHAPE), 90))
    assert views_of(picture, np.zeros((0, 4), np.float32)).shape == (0, *ITEM_SHAPE)


def test_two_opinions_are_pooled_by_their_logarithms() -> None:
    first, second = np.log([[0.5, 0.25, 0.25]]), np.log([[0.2, 0.4, 0.4]])
    assert pooled(first, second, (1, 0)) == pytest.approx(np.exp(first))
    assert pooled(first, second, (1, 1)) == pytest.approx(np.full((1, 3), 1 / 3))


def test_what_kind_an_item_is() -> None:
    """Odds against no item: 2 and 1/2 to the power of 2 by the page network, 3/5 and 2/5 by the other, times e."""
    chances = np.array([[2 / 3, 1e-9, 1 / 3, 1e-9]], np.float32)
    item = logits_of({"3": 0.2, "5": 0.1, "/": 0.2, "no item": 0.5})
    told = kinds_of(chances, item, {"page": 2, "item": 1, "bias": 1})[0]
    assert told[[0, 2]] / told[-1] == pytest.approx([np.e * 4 * 3 / 5, np.e * 2 / 5 / 4], rel=1e-4)
    assert told.sum() == pytest.approx(1)


def test_an_item_gets_another_class_and_less_chance() -> None:
    """The 3 is likely nothing, or else a 5; the printed slash may be a hyphen."""
    logits = logits_of({"no item": 0.6, "5": 0.3, "3": 0.1}, {"printed -": 0.6, "printed /": 0.2, "1": 0.2})
    found = identified(detections(), logits, ALONE)
    assert found.labels.tolist() == [CLASSES.index("-"), 5]
    assert found.kinds.tolist() == [3, 0]
    assert found.chances[:, [0, 3]] == pytest.approx(np.array([[0.2, 0.8], [0.4, 0]]), abs=1e-4)
    assert np.exp(found.log_probabilities[1, [3, 5]]) == pytest.approx([0.25, 0.75], abs=0.01)
    assert np.exp(found.log_probabilities).sum(axis=1) == pytest.approx([2, 2], rel=1e-5)


def test_the_class_is_of_both_networks() -> None:
    """The page network's odds of a 3 against a 5 are exp(8), the item network's 1 / 3."""
    weights = {**ALONE, "classes": {"page": 0.5, "item": 1}}
    told = identified(detections(), logits_of({"5": 0.75, "3": 0.25}, {"no item": 1}), weights).log_probabilities[
        0
    ]
    assert told[3] - told[5] == pytest.approx(4 - np.log(3), abs=1e-3)


def test_what_looks_like_a_sign_that_cannot_occur_may_be_a_digit() -> None:
    """By Bayes' rule, at a place that is a sign with 0.8 and a digit with 0.1."""
    maps = maps_of([Peak(5, 5, "1", kind=2)])
    logits = logits_of({"(": 0.72, "-": 0.08, "1": 0.1, "no item": 0.1})
    for signs, expected, score in (("(-", "(", 0.8), ("-", "1", 0.1 / 0.28), ("", "1", 0.1 / 0.2)):
        found = identified(decode(maps, 0.5), logits, ALONE, signs)
        assert CLASSES[found.labels[0]] == expected
        assert found.scores[0] == pytest.approx(score, rel=1e-3)
