import numpy as np
import pytest

from benchmarks import combination
from digitscope.data.hands import Material
from digitscope.reading import Recognizer, shipped_path
from digitscope.reading.finder import PageNetwork
from digitscope.reading.judging import FEATURES, judge


def test_numbers_are_fitted_that_tell_digits_from_the_rest(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On other scenes, what is more likely a digit by them is one more often."""
    monkeypatch.setattr(combination, "PAGES_OF_EACH", 0)
    monkeypatch.setattr(combination, "SCENES", 12)
    monkeypatch.setattr(combination, "SMALL", 16)
    network, digits = PageNetwork(shipped_path("page"), threads=1), Recognizer.load("digit", threads=1)
    fitted = combination.fit_combinations(network, digits, material)
    assert sorted(fitted) == ["pages", "small"]
    assert all(sorted(numbers) == sorted(("digit", "page", *FEATURES)) for numbers in fitted.values())
    monkeypatch.setattr(combination, "SEED", combination.SEED + 1)
    seen, labels, is_told, _ = combination.evidence(network, digits, combination.validation_scenes(material))
    judged = judge(seen, fitted["pages"])
    right = is_told & (judged.probabilities.argmax(axis=1) == labels)
    assert 0.2 < right.mean() < 0.98
    assert judged.chances[right].mean() > judged.chances[~right].mean() + 0.3
    assert np.mean((judged.chances > 0.5) == right) > 0.8
