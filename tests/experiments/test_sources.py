"""What a network is taken to have met when distances are measured."""

import numpy as np
import pytest

from digitscope.data import Dataset
from digitscope.data.pen_digits import PenDigits
from digitscope.errors import SettingError
from digitscope.experiments.recipes import get_recipe
from digitscope.experiments.sources import PENNED, as_met, make_source
from digitscope.training import TrainingSettings
from tests.data.test_pen_digits import STROKES


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


def test_pen_digits_stand_behind_the_others(sample: Dataset) -> None:
    pens = PenDigits((STROKES["7"],), np.array([7], np.uint8), "")
    recipe = get_recipe("small").with_changes({"pens": 0.1})
    alone, met = as_met(recipe, sample.train), as_met(recipe, sample.train, pens)
    assert np.array_equal(met.images[: len(alone)], alone.images)
    assert set(met.labels[len(alone) :]) == {7}
    assert len(met) == 1.1 * len(alone)


def test_pens_without_pen_digits_are_refused(sample: Dataset) -> None:
    settings = TrainingSettings(order="reshuffled", pens=0.1)
    with pytest.raises(SettingError, match=r"pens is 0.1, but there are no pen digits: expected --pens 0"):
        make_source(settings, sample, None, seed=1)


def test_pages_without_digits_and_pens_are_refused(sample: Dataset) -> None:
    settings = get_recipe("page").settings
    assert isinstance(settings, TrainingSettings)
    with pytest.raises(SettingError, match="order is 'fresh-pages', but there is nothing to make pages of"):
        make_source(settings, sample, None, seed=1)


def test_no_digit_is_moved_or_turned(sample: Dataset) -> None:
    """Pens and scanners leave the middle of the ink where it was."""
    zeros = sample.train[sample.train.labels == 0]
    met = as_met(get_recipe("small"), zeros)
    rows = np.arange(28)
    middle = [(images.sum(axis=2) @ rows) / images.sum(axis=(1, 2)) for images in (zeros.images, met.images)]
    assert np.abs(middle[1] - middle[0]).mean() < 0.1
