"""Trials in processes of their own, and the cores that they share."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from digitscope.data import Dataset
from digitscope.experiments.sweep.engine import Begun, EpochDone, Event, Failed, Finished, LocalEngine, share_cores
from digitscope.experiments.sweep.sweep import run_sweep
from digitscope.experiments.sweep.trials import Trial, TrialData, TrialRecord
from tests.experiments.sweep.helpers import small_data, small_space, swept


@pytest.fixture(scope="module")
def data(sample: Dataset) -> TrialData:
    return small_data(sample)


@pytest.fixture(scope="module")
def engine(data: TrialData) -> Iterator[LocalEngine]:
    with LocalEngine(data, cores=2) as engine:
        yield engine


def trials(*assignments: str, n: int = 3, threads: int = 1) -> list[Trial]:
    recipe = small_space("momentum=0,0.5", f"threads={threads}", *assignments).recipe
    return [Trial({"momentum": 0.0}, recipe, seed) for seed in range(n)]


def without_time(record: TrialRecord) -> list[tuple[float, ...]]:
    return [(each.train_loss, each.validation_loss, each.validation_accuracy) for each in record.history]


def ends(events: Iterator[Event]) -> list[Failed | Finished]:
    return [event for event in events if isinstance(event, Failed | Finished)]


def test_a_sweep_gives_what_it_gives_in_one_process(engine: LocalEngine, data: TrialData, tmp_path: Path) -> None:
    space = small_space("momentum=0,0.5", "batch_size=20,50")
    ranking = run_sweep(space, data.sha256(), engine, tmp_path / "local").ranking
    expected = swept(space, data, tmp_path / "one")[0].ranking
    assert [score.label for score in ranking] == [score.label for score in expected]
    for ours, theirs in zip(ranking, expected, strict=True):
        assert [without_time(each) for each in ours.records] == [without_time(each) for each in theirs.records]


def test_two_at_once_and_epoch_by_epoch(engine: LocalEngine) -> None:
    events = list(engine.run(trials()))
    assert [isinstance(event, Begun) for event in events[:3]] == [True, True, False]
    for seed in range(3):
        kinds = [type(event) for event in events if event.trial.seed == seed]
        assert kinds == [Begun, EpochDone, EpochDone, Finished]


def test_a_trial_on_two_threads_has_both_cores(engine: LocalEngine) -> None:
    running, most = 0, 0
    for event in engine.run(trials(threads=2)):
        running += isinstance(event, Begun) - isinstance(event, Finished | Failed)
        most = max(most, running)
    assert most == 1


def test_what_crashes_or_cannot_be_sent_is_told_and_the_next_one_runs(engine: LocalEngine) -> None:
    bad, good = trials("batch_size=100000", n=1), trials(n=2)
    unsendable = [replace(trial, point={"momentum": lambda: 0}) for trial in trials(n=1)]
    failures = [end.reason for end in ends(engine.run([*unsendable, *bad, *good])) if isinstance(end, Failed)]
    assert "it cannot be sent to a process (" in failures[0]
    assert failures[1:] == ["SettingError: batch_size = 100000: expected 1 to 200, the examples of an epoch"]
    assert [type(end) for end in ends(engine.run(unsendable))] == [Failed]  # alone


def test_a_process_that_is_killed_is_told_and_replaced(data: TrialData) -> None:
    others = set(multiprocessing.active_children())
    met: list[Event] = []
    with LocalEngine(data, cores=1) as engine:
        for event in engine.run(trials("epochs=100000", n=1) + trials(n=1)):
            if isinstance(event, EpochDone) and not met:
                (process,) = set(multiprocessing.active_children()) - others
                process.kill()
                met.append(event)
            met += [event] if isinstance(event, Failed | Finished) else []
    _, first, second = met
    assert isinstance(first, Failed)
    assert first.reason == "a worker process ended with signal SIGKILL"
    assert isinstance(second, Finished)


@pytest.mark.parametrize(
    ("n_trials", "cores", "threads"),
    [(0, 2, ()), (5, 2, (1, 1, 1, 1, 2)), (3, 8, (3, 3, 2))],
)
def test_cores_are_shared(n_trials: int, cores: int, threads: tuple[int, ...]) -> None:
    assert share_cores(n_trials, cores) == threads
