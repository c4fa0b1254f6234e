from dataclasses import replace

import pytest

from digitscope.data import Dataset
from digitscope.experiments.run import run_recipe
from digitscope.experiments.sweep.space import load_space
from digitscope.experiments.sweep.trials import Trial, run_trial
from digitscope.records import EpochRecord
from digitscope.training import evaluate
from tests.experiments.sweep.helpers import small_data, small_space


def trial(*assignments: str) -> Trial:
    recipe = small_space("activation=relu,leaky-relu", "momentum=0.5", *assignments).recipe
    return Trial({"momentum": 0.5}, recipe, 1)


def test_a_trial_is_the_run_of_its_recipe(sample: Dataset) -> None:
    data = small_data(sample)
    epochs: list[EpochRecord] = []
    found = run_trial(replace(trial(), test=True), data, epochs.append)
    run = run_recipe(trial().recipe, data.dataset, seed=1, device="cpu")
    assert [epoch.train_loss for epoch in found.history] == [epoch.train_loss for epoch in run.history]
    assert found.accuracies == [epoch.validation_accuracy for epoch in run.history]
    assert found.test_accuracy == evaluate(run.model, data.dataset.test).accuracy
    assert (found.outcome, tuple(epochs)) == ("finished", found.history)


def test_the_numpy_network_is_a_trial_too(sample: Dataset) -> None:
    made = Trial({}, load_space("scratch-128", ["epochs=1", "momentum=0.5,0.9"]).recipe, 1)
    assert made.threads == 1
    assert run_trial(made, small_data(sample), lambda _: None).outcome == "finished"


@pytest.mark.parametrize(
    ("earlier", "outcome", "n_epochs"),
    [
        (((1.0, 0.0), (1.0, 0.0), (0.0, 0.0)), "stopped", 1),  # the median of the first epoch is 1
        (((1.0, 0.0), (0.0, 0.0), (0.0, 0.0)), "finished", 2),
        (((0.0, 1.0),), "finished", 2),  # the last epoch stops nothing
    ],
)
def test_a_trial_below_the_median_of_earlier_ones_is_stopped(
    sample: Dataset, earlier: tuple[tuple[float, ...], ...], outcome: str, n_epochs: int
) -> None:
    pytest.importorskip("optuna")
    found = run_trial(replace(trial(), earlier=earlier), small_data(sample), lambda _: None)
    assert (found.outcome, len(found.history), found.test_accuracy) == (outcome, n_epochs, None)


def test_a_trial_that_diverges_is_over(sample: Dataset) -> None:
    found = run_trial(trial("learning_rate=1e30"), small_data(sample), lambda _: None)
    assert (found.outcome, found.history, found.test_accuracy) == ("diverged", (), None)
