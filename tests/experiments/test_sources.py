"""What a network is taken to have met when distances are measured."""

import numpy as np
import pytest

from digitscope.data import Dataset
from digitscope.experiments.recipes import get_recipe
from digitscope.experiments.sources import PENNED, as_met


def test_digits_that_no_pen_touches_are_as_they_are(sample: Dataset) -> None:
    for name in ("scratch", "fast"):
        assert np.array_equal(as_met(get_recipe(name), sample.train).images, sample.train.images)


def test_a_share_of_the_digits_has_other_pens_and_the_data_stay(sample: Dataset) -> None:
    before = sample.train.images.copy()
    recipe = get_recipe("small").with_changes({"styles": 0.0, "blur": 0.0, "low_resolution": 0.0})
    met = as_met(recipe, sample.train)
    changed = (met.images != before).any(axis=(1, 2))
    assert changed.mean() == pytest.approx(PENNED, abs=0.03)
    assert np.array_equal(sample.train.images, before)
    assert np.array_equal(met.labels, sample.train.labels)
    assert np.array_equal(met.images, as_met(recipe, sample.train).images)


def test_no_digit_is_moved_or_turned(sample: Dataset) -> None:
    """Pens and scanners leave the middle of the ink where it was."""
    zeros = sample.train[sample.train.labels == 0]
    met = as_met(get_recipe("small"), zeros)
    rows = np.arange(28)
    middle = [(images.sum(axis=2) @ rows) / images.sum(axis=(1, 2)) for images in (zeros.images, met.images)]
    assert np.abs(middle[1] - middle[0]).mean() < 0.1
