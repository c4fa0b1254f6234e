"""Trials in processes of their own."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from digitscope.data import Dataset
from digitscope.experiments.sweep.engine import Begun, EpochDone, Event, Failed, Finished
from digitscope.experiments.sweep.local import LocalEngine
from digitscope.experiments.sweep.sweep import run_sweep
from digitscope.experiments.sweep.trials import Trial, TrialData, TrialRecord, make_trial
from tests.experiments.sweep.helpers import InProcess, small_data, small_space, swept


@pytest.fixture(scope="module")
def data(sample: Dataset) -> TrialData:
    return small_data(sample)


@pytest.fixture(scope="module")
def engine(data: TrialData) -> Iterator[LocalEngine]:
    with LocalEngine(data, cores=2) as engine:
        yield engine
    assert multiprocessing.active_children() == []


def trials(*assignments: str, n: int = 3, threads: int = 1) -> list[Trial]:
    space = small_space("momentum=0,0.5", "threads=0", *assignments)
    return [
        make_trial({"momentum": 0.0}, space.recipe, seed, threads=threads, data_sha256="x") for seed in range(n)
    ]


def without_time(record: TrialRecord) -> list[tuple[float, ...]]:
    return [(each.train_loss, each.validation_loss, each.validation_accuracy) for each in record.history]


def test_a_sweep_gives_what_it_gives_in_one_process(engine: LocalEngine, data: TrialData, tmp_path: Path) -> None:
    space = small_space("momentum=0,0.5,0.9", "batch_size=20,50")
    ranking = run_sweep(space, data.sha256(), engine, tmp_path / "local").ranking
    expected = swept(space, data, tmp_path / "one").ranking
    assert [score.label for score in ranking] == [score.label for score in expected]
    for ours, theirs in zip(ranking, expected, strict=True):
        assert [without_time(each) for each in ours.records] == [without_time(each) for each in theirs.records]
        assert ours.test == theirs.test


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


def test_a_crash_is_told_and_the_others_go_on(engine: LocalEngine) -> None:
    bad, good = trials("batch_size=100000", n=1), trials(n=2)
    ends = [event for event in engine.run([*bad, *good]) if isinstance(event, Failed | Finished)]
    failures = [event.reason for event in ends if isinstance(event, Failed)]
    assert failures == ["SettingError: batch_size = 100000: expected 1 to 200, the examples of an epoch"]
    assert len(ends) == 3


def test_a_trial_that_cannot_be_sent_is_told_and_the_next_one_runs(engine: LocalEngine) -> None:
    for good in ([], trials(n=1)):  # alone, and before another
        bad = [replace(trial, point={"momentum": lambda: 0}) for trial in trials(n=1)]
        ends = [event for event in engine.run([*bad, *good]) if isinstance(event, Failed | Finished)]
        first, *others = ends
        assert isinstance(first, Failed)
        assert "it cannot be sent to a process (" in first.reason
        assert [type(event) for event in others] == [Finished] * len(good)


def test_a_process_that_is_killed_is_told_and_replaced(data: TrialData) -> None:
    ends: list[Event] = []
    others = set(multiprocessing.active_children())
    with LocalEngine(data, cores=1) as engine:
        for event in engine.run(trials("epochs=100", n=1) + trials(n=1)):
            if isinstance(event, EpochDone) and event.epoch.epoch == 1 and not ends:
                (process,) = set(multiprocessing.active_children()) - others
                process.kill()
            ends += [event] if isinstance(event, Failed | Finished) else []
    first, second = ends
    assert isinstance(first, Failed)
    assert first.reason == "its process ended with signal SIGKILL"
    assert isinstance(second, Finished)


def test_engines_agree_on_the_same_trials(engine: LocalEngine, data: TrialData) -> None:
    found = {event.trial.key: event.record for event in engine.run(trials()) if isinstance(event, Finished)}
    for event in InProcess(data).run(trials()):
        if isinstance(event, Finished):
            assert without_time(found[event.trial.key]) == without_time(event.record)
