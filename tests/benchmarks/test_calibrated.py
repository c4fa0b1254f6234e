import numpy as np
import pytest
import torch
from benchmarks.calibrated import examples_for, score_calibrated

from digitscope.data import Dataset, make_two_digit
from digitscope.experiments.recipes import RECIPES
from digitscope.experiments.run import run_recipe
from tests.experiments.helpers import data_for


def test_pairs_are_those_of_training_and_ten_thousand_to_test_on(sample: Dataset) -> None:
    """They are the pairs of a set with as many test pairs, which begin with the set's own."""
    assert examples_for("digit", sample) == (sample, sample.test)
    dataset, test = examples_for("two-digit", sample)
    assert dataset.sha256() == make_two_digit(sample, seed=12321).sha256()
    expected = make_two_digit(sample, n_train=2, n_test=10_000, seed=12321).test
    assert np.array_equal(test.images, expected.images)
    assert np.array_equal(test.labels, expected.labels)
    assert np.array_equal(test.images[: len(dataset.test)], dataset.test.images)


def mean_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    rows = torch.from_numpy(logits.astype(np.float64)).reshape(-1, 10)
    return torch.nn.functional.cross_entropy(rows, torch.from_numpy(labels.astype(np.int64)).flatten()).item()


@pytest.mark.parametrize("name", ["scratch-128", "two-digit-mlp"])
def test_scores_are_those_at_the_best_temperature(name: str, sample: Dataset) -> None:
    recipe = RECIPES[name].with_changes({"epochs": 2})
    data = data_for(recipe, sample, 1000)
    run = run_recipe(recipe, data, seed=1, device="cpu")
    scores = score_calibrated(run, data.validation, data.test)
    raw, labels = run.logits(data.validation.images), data.validation.labels
    assert 0.1 < scores.temperature < 10  # it was found inside of what is searched
    assert scores.validation.nll == pytest.approx(mean_loss(raw / scores.temperature, labels), rel=1e-5)
    for factor in (0.9, 1.1):
        assert scores.validation.nll <= mean_loss(raw / (factor * scores.temperature), labels)
    tested = run.logits(data.test.images)
    assert scores.test.nll == pytest.approx(mean_loss(tested / scores.temperature, data.test.labels), rel=1e-5)
    assert scores.test.accuracy == pytest.approx((tested.argmax(axis=-1) == data.test.labels).mean())
    assert (scores.validation.n, scores.test.n) == (len(data.validation), len(data.test))
