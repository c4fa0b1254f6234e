from dataclasses import replace

import pytest

from digitscope.data import Dataset
from digitscope.errors import DataError
from digitscope.experiments.run import run_recipe
from digitscope.experiments.sweep.space import Space
from digitscope.experiments.sweep.trials import Trial, TrialRecord, has_fallen_behind, make_trial, run_trial
from digitscope.records import EpochRecord
from digitscope.training import evaluate
from tests.experiments.sweep.helpers import record, small_data, small_space


def trial(space: Space | None = None, seed: int = 1, threads: int = 1, **named: object) -> Trial:
    space = space or small_space("momentum=0,0.5")
    point = {"momentum": 0.5}
    return make_trial(point, space.recipe_at(point), seed, threads=threads, data_sha256="x", **named)  # type: ignore[arg-type]


def test_a_trial_is_the_run_of_its_recipe(sample: Dataset) -> None:
    data = small_data(sample)
    epochs: list[EpochRecord] = []
    found = run_trial(replace(trial(), test=True), data, epochs.append)
    run = run_recipe(trial().recipe, data.dataset, seed=1, device="cpu")
    assert [epoch.validation_accuracy for epoch in found.history] == [e.validation_accuracy for e in run.history]
    assert [epoch.train_loss for epoch in found.history] == [epoch.train_loss for epoch in run.history]
    assert found.test_accuracy == evaluate(run.model, data.dataset.test).accuracy
    assert (found.outcome, tuple(epochs)) == ("finished", found.history)


def test_the_numpy_network_is_a_trial_too(sample: Dataset) -> None:
    from digitscope.experiments.sweep.space_files import load_space

    space = load_space("scratch-128", ["epochs=1", "momentum=0.5,0.9"])
    point = {"momentum": 0.5}
    made = make_trial(point, space.recipe_at(point), 1, threads=2, data_sha256="x")
    assert made.threads == 1
    assert run_trial(made, small_data(sample), lambda _: None).outcome == "finished"


def test_the_key_is_of_everything_that_decides() -> None:
    other = small_space("momentum=0,0.5", "learning_rate=0.2")
    cnn = small_space("momentum=0,0.5")
    keys = {
        trial().key,
        trial(seed=2).key,
        trial(other).key,
        trial(stop_below=(0.1,)).key,
        make_trial({}, cnn.recipe, 1, threads=1, data_sha256="x").key,
        make_trial({}, cnn.recipe, 1, threads=1, data_sha256="y").key,
    }
    assert len(keys) == 6
    assert trial().key == trial(threads=2).key  # the recipe names its threads
    free = small_space("momentum=0,0.5", "threads=0")
    assert trial(free, threads=2).key == trial(free, threads=3).key  # they are shared out
    assert trial(free, threads=2).threads == 2


def test_a_trial_that_falls_behind_is_stopped(sample: Dataset) -> None:
    found = run_trial(trial(stop_below=(1.0,)), small_data(sample), lambda _: None)
    assert (found.outcome, len(found.history), found.test_accuracy) == ("stopped", 1, None)


def test_the_last_epoch_stops_nothing(sample: Dataset) -> None:
    found = run_trial(trial(stop_below=(0.0, 1.0)), small_data(sample), lambda _: None)
    assert (found.outcome, found.test_accuracy) == ("finished", None)


def test_a_trial_that_diverges_is_over(sample: Dataset) -> None:
    space = small_space("momentum=0,0.5", "learning_rate=1e30")
    found = run_trial(trial(space), small_data(sample), lambda _: None)
    assert (found.outcome, found.history, found.test_accuracy) == ("diverged", (), None)


@pytest.mark.parametrize(
    ("accuracies", "behind"),
    [([0.4], True), ([0.5], False), ([0.6, 0.1], False), ([0.5, 0.55], True), ([0.1] * 3, False)],
)
def test_falling_behind_by_hand(accuracies: list[float], behind: bool) -> None:
    assert has_fallen_behind(record(accuracies).history, (0.5, 0.6)) is behind


def test_a_record_survives_its_file() -> None:
    kept = TrialRecord(
        "k", {"hidden": (512, 256), "dtype": "float32"}, 3, 2, "stopped", record([0.5]).history, None
    )
    assert TrialRecord.parse(kept.format()) == kept


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"history": [], "point": {}}', '{"history": 3}'])
def test_what_is_no_record(text: str) -> None:
    with pytest.raises(DataError, match="not a trial's record"):
        TrialRecord.parse(text)


def test_what_it_was_made_with_is_a_mapping() -> None:
    text = record([0.5]).format()
    assert TrialRecord.parse(text.replace('"made_with": {}', '"made_with": {"torch": "2"}')).made_with == {
        "torch": "2"
    }
    with pytest.raises(DataError, match="not a trial's record"):
        TrialRecord.parse(text.replace('"made_with": {}', '"made_with": 3'))


def test_a_finished_trial_without_an_epoch_is_none() -> None:
    with pytest.raises(DataError, match="its outcome is"):
        TrialRecord.parse(record([], outcome="finished").format())
