"""Examples for the item network, and its scores."""

import numpy as np
import pytest

from digitscope.data.hands import Material
from digitscope.detections import CLASSES
from digitscope.experiments.items import found_in_scenes, make_items, score_items
from digitscope.items import N_ITEM_CLASSES, NO_ITEM, label_of
from digitscope.reading import shipped_path
from digitscope.reading.finder import PageNetwork

SEED = (5, 1)


def test_items_are_labelled_with_what_is_written_there(material: Material) -> None:
    """The page network, which is right more often than not, agrees with most labels."""
    items = make_items(material, SEED)
    again = make_items(material, SEED)
    assert np.array_equal(items.images, again.images)
    assert np.array_equal(items.labels, again.labels)
    page = PageNetwork(shipped_path("page"), threads=1)
    parts = [(found, labels) for _, found, labels in found_in_scenes(page, material, SEED)]
    told = np.concatenate([label_of(found.labels, found.kinds % 2 == 1) for found, _ in parts])
    scores = np.concatenate([found.scores for found, _ in parts])
    labels = np.concatenate([labels for _, labels in parts])
    assert np.array_equal(labels, items.labels)
    sure = (scores > 0.5) & (labels < NO_ITEM)
    assert sure.sum() > 10
    assert (told == labels)[sure].mean() > 0.7
    assert scores[labels == NO_ITEM].mean() < scores[labels < NO_ITEM].mean()


def test_scores_of_a_worked_example() -> None:
    """Three written digits, one sign and one that is nothing, of which two are told rightly."""
    slash, comma = CLASSES.index("/"), CLASSES.index(",")
    labels = np.array([1, 2, 3, slash, NO_ITEM], np.uint8)
    told = [1, 3, NO_ITEM, slash, comma]
    logits = np.full((5, N_ITEM_CLASSES), -20.0)
    logits[np.arange(5), told] = 0
    scores = score_items(logits, labels)
    assert (scores.n, scores.accuracy) == (5, 2 / 5)
    assert (scores.precision, scores.recall) == pytest.approx((1 / 2, 1 / 3))
    assert scores.signs == pytest.approx(2 * (1 / 2) * 1 / (1 / 2 + 1))
    assert scores.nll == pytest.approx(20 * 3 / 5, abs=1e-6)
