import numpy as np
import pytest

from benchmarks import combination
from digitscope.data.hands import Material
from digitscope.reading import Recognizer, shipped_path
from digitscope.reading.finder import Finder, PageNetwork
from digitscope.reading.judging import FEATURES, judge


def test_numbers_are_fitted_that_tell_digits_from_the_rest(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On other scenes, what is more likely a digit by them is one more often."""
    monkeypatch.setattr(combination, "PAGES_OF_EACH", 0)
    monkeypatch.setattr(combination, "SCENES", 12)
    monkeypatch.setattr(combination, "SMALL", 16)
    monkeypatch.setattr(combination, "GROUPS", 3)
    monkeypatch.setattr(combination, "TEXTS", 20)
    page, (items, digits) = shipped_path("page"), (Recognizer.load(name, threads=1) for name in ("item", "digit"))
    fitted = combination.fit_combinations(page, items, digits, material)
    assert sorted(fitted) == ["pages", "small"]
    assert all(sorted(weights) == ["classes", "digits", "kinds"] for weights in fitted.values())
    assert all(
        0 < fitted["pages"][name][network] < 4 for name in ("kinds", "classes") for network in ("page", "item")
    )
    assert all(sorted(each["digits"]) == sorted(("digit", "finder", *FEATURES)) for each in fitted.values())
    finder = Finder(PageNetwork(page, threads=1), items)
    finder.combinations = fitted
    monkeypatch.setattr(combination, "SEED", combination.SEED + 1)
    seen, labels, is_told, _ = combination.evidence(finder, digits, combination.validation_scenes(material))
    judged = judge(seen, fitted["pages"]["digits"])
    right = is_told & (judged.probabilities.argmax(axis=1) == labels)
    assert 0.1 < right.mean() < 0.98
    assert judged.chances[right].mean() > judged.chances[~right].mean() + 0.3
    assert np.mean((judged.chances > 0.5) == right) > max(right.mean(), 1 - right.mean()) + 0.05
