"""A sweep from its first round to its ranking, with trials in this process; and what `kill -9` does to it."""

import csv
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from digitscope.data import Dataset
from digitscope.errors import DataError, SettingError
from digitscope.experiments.sweep.engine import Begun, Event, Finished
from digitscope.experiments.sweep.journal import JOURNAL_FILE, n_finished, opened
from digitscope.experiments.sweep.space import Space, load_space
from digitscope.experiments.sweep.sweep import Hooks, run_sweep
from digitscope.experiments.sweep.trials import Trial, TrialData
from tests.experiments.sweep.helpers import InProcess, small_data, small_space, swept

optuna = pytest.importorskip("optuna")

SEARCH = ("learning_rate=0.001..1:log", "momentum=0.0..0.9")


def tables(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in ("results.csv", "results.jsonl")]


@pytest.fixture(scope="module")
def data(sample: Dataset) -> TrialData:
    return small_data(sample)


@pytest.fixture
def space() -> Space:
    return small_space("momentum=0,0.5,0.9", "batch_size=20,50", seeds=2)


def test_every_point_has_every_seed_and_optuna_opens_the_folder(
    space: Space, data: TrialData, tmp_path: Path
) -> None:
    sweep, trained = swept(space, data, tmp_path)
    assert (len(sweep.ranking), len(trained), sweep.failed) == (5, 10, ())  # 32 is the batch of the baseline
    assert {tuple(record.seed for record in score.records) for score in sweep.ranking} == {(12321, 12322)}
    accuracies = [score.validation.mean for score in sweep.ranking if score.validation]
    assert accuracies == sorted(accuracies, reverse=True)
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / JOURNAL_FILE))
    study = optuna.load_study(study_name=None, storage=optuna.storages.JournalStorage(backend))
    values = [record.accuracies[-1] for score in sweep.ranking for record in score.records]
    assert sorted(trial.value for trial in study.trials) == sorted(values)
    assert {trial.params["batch_size"] for trial in study.trials} == {20, 32, 50}
    assert study.best_value == max(values)


def test_the_table_is_there_after_each_trial(space: Space, data: TrialData, tmp_path: Path) -> None:
    """It has the points that are begun, and how many seeds of each; the last one is that of the end."""
    seen: list[list[int]] = []
    rounds: list[tuple[int, int]] = []

    def read(event: Event) -> None:
        if isinstance(event, Finished):
            rows = [*csv.DictReader((tmp_path / "results.csv").read_text().splitlines())]
            assert {row["outcome"] for row in rows} == {"finished"}
            seen.append(sorted(int(row["seeds"]) for row in rows))

    hooks = Hooks(on_event=read, on_round=lambda trials, done: rounds.append((len(trials), done)))
    swept(space, data, tmp_path, hooks)
    assert seen == [[1], [1] * 2, [1] * 3, [1] * 4, [1] * 5] + [[1] * (5 - n) + [2] * n for n in range(1, 6)]
    assert rounds == [(10, 0)]


def test_the_same_call_trains_nothing_again_and_more_seeds_only_the_new_ones(
    space: Space, data: TrialData, tmp_path: Path
) -> None:
    _, trained = swept(replace(space, n_seeds=1), data, tmp_path)
    assert len(trained) == 5
    _, trained = swept(space, data, tmp_path)
    assert {trial.seed for trial in trained} == {12322}
    before = tables(tmp_path)
    assert swept(space, data, tmp_path)[1] == []
    assert tables(tmp_path) == before
    swept(space, data, tmp_path / "at once")
    assert tables(tmp_path / "at once") == before


def test_a_search_gives_the_same_after_an_interruption(data: TrialData, tmp_path: Path) -> None:
    searched = small_space(*SEARCH, method="tpe", trials=12)
    swept(searched, data, tmp_path / "at once")
    met = []

    def stop_in_the_second_round(event: Event) -> None:
        met.append(event)
        if sum(isinstance(each, Begun) for each in met) == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(searched, data, tmp_path / "in two", Hooks(on_event=stop_in_the_second_round))
    assert n_finished(tmp_path / "in two") == 9
    _, trained = swept(searched, data, tmp_path / "in two")
    assert len(trained) == 12 - 9
    assert all(len(trial.earlier) == 8 for trial in trained)  # the median rule compares them with the first round
    assert tables(tmp_path / "in two") == tables(tmp_path / "at once")
    points = {trial.key for trial in swept(replace(searched, n_trials=16), data, tmp_path / "more")[1]}
    assert {
        (*score.point.values(), 12321) for score in swept(searched, data, tmp_path / "at once")[0].ranking
    } < points


def test_a_search_looks_where_the_best_ones_were(data: TrialData, tmp_path: Path) -> None:
    """The nearer the learning rate is to 0.03, the better."""

    class Made(InProcess):
        def run(self, trials, /):  # type: ignore[no-untyped-def]
            for trial in trials:
                yield Finished(trial, made(trial))

    from math import log10

    from tests.experiments.sweep.helpers import record

    def made(trial: Trial):  # type: ignore[no-untyped-def]
        accuracy = 0.9 - 0.1 * abs(log10(trial.point["learning_rate"] / 0.03))
        return replace(record([accuracy / 2, accuracy], seed=trial.seed), point=trial.point)

    space = small_space("learning_rate=0.001..1:log", "hidden=4..64", method="tpe", trials=64, seed=3)
    run_sweep(space, "x", Made(data), tmp_path)
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / JOURNAL_FILE))
    trials = optuna.load_study(study_name=None, storage=optuna.storages.JournalStorage(backend)).trials
    values = [trial.value for trial in trials]
    assert sum(values[-16:]) / 16 > sum(values[:8]) / 8
    assert {type(trial.params["hidden"]) for trial in trials} == {int}


def test_nothing_is_stopped_where_the_number_of_epochs_varies(data: TrialData, tmp_path: Path) -> None:
    _, trained = swept(small_space("epochs=1..3", "momentum=0.0..0.9", method="tpe", trials=10), data, tmp_path)
    assert {trial.earlier for trial in trained} == {()}


def test_a_trial_that_crashes_is_told_and_tried_again(data: TrialData, tmp_path: Path) -> None:
    space = small_space("batch_size=50,100000")
    for n_trained in (3, 1):
        sweep, trained = swept(space, data, tmp_path)
        (failure,) = sweep.failed
        assert failure.reason == "SettingError: batch_size = 100000: expected 1 to 200, the examples of an epoch"
        assert [score.outcome for score in sweep.ranking] == ["finished", "finished", "failed"]
        assert len(trained) == n_trained
    failed = [trial for trial in sweep.study.trials if trial.state.name == "FAIL"]
    assert [trial.user_attrs["reason"] for trial in failed] == [failure.reason] * 2


def test_points_that_are_drawn_again_or_refused_are_not_trained(data: TrialData, tmp_path: Path) -> None:
    searched = small_space("optimizer=sgd,adam", "momentum=0.0,0.5", method="tpe", trials=16)
    sweep, trained = swept(searched, data, tmp_path)
    (refused,) = sweep.refused
    assert refused.point == {"optimizer": "adam", "momentum": 0.5}
    assert "momentum and nesterov are settings of sgd and muon, not of adam" in refused.refusal
    assert [score.outcome for score in sweep.ranking] == ["finished"] * 3 + ["refused"]
    assert (len(trained), sweep.failed) == (3, ())
    *_, last = csv.DictReader((tmp_path / "results.csv").read_text().splitlines())
    assert (last["outcome"], last["seeds"], last["validation_accuracy"]) == ("refused", "0", "")


def test_layers_come_back_from_the_journal(data: TrialData, tmp_path: Path) -> None:
    space = load_space("scratch", ["hidden=[4],[5,4]", "epochs=1"], method="grid")
    assert len(swept(space, data, tmp_path)[1]) == 2
    before = tables(tmp_path)
    assert swept(space, data, tmp_path)[1] == []
    assert tables(tmp_path) == before
    assert b'"hidden": [5, 4]' in before[1]


def test_another_sweep_s_folder_is_refused(space: Space, data: TrialData, tmp_path: Path) -> None:
    swept(space, data, tmp_path)
    decayed = replace(space, recipe=space.recipe.with_changes({"weight_decay": 0.001}))
    for other, told in (
        (small_space("momentum=0,0.5"), r"with another .*: name another folder with --out"),
        (replace(space, seed=1), "with another seed: 12321, not 1"),
        (decayed, r"with another weight_decay: 0\.0, not 0\.001"),
    ):
        with pytest.raises(SettingError, match=told):
            swept(other, data, tmp_path)
    with pytest.raises(SettingError, match="holds a sweep with another data"):
        run_sweep(space, "other", InProcess(data), tmp_path)


def test_two_at_work_in_one_folder(space: Space, data: TrialData, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    described = {**space.described(), "data": data.sha256()}
    with (
        opened(tmp_path, described, space.parameters),
        pytest.raises(SettingError, match="another sweep is at work here"),
    ):
        swept(space, data, tmp_path)


def test_what_was_being_written_when_it_was_killed_is_no_record(data: TrialData, tmp_path: Path) -> None:
    space = small_space("momentum=0,0.5")
    swept(space, data, tmp_path)
    before, journal = tables(tmp_path), tmp_path / JOURNAL_FILE
    journal.write_bytes(journal.read_bytes()[:-9])
    journal.with_name(f"{JOURNAL_FILE}.lock").touch()
    assert len(swept(space, data, tmp_path)[1]) == 1
    assert tables(tmp_path) == before
    assert n_finished(tmp_path) == 2


def test_a_damaged_journal_is_named(data: TrialData, tmp_path: Path) -> None:
    content = '{"op_code": 4}\n'
    (tmp_path / JOURNAL_FILE).write_text(content)
    with pytest.raises(DataError, match=r"journal\.log: not a sweep's journal .*: name another folder with --out"):
        swept(small_space("momentum=0,0.5"), data, tmp_path)


def test_nothing_is_begun_when_a_point_is_refused(data: TrialData, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="at epochs 0"):
        swept(small_space("epochs=1,0"), data, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_what_is_finished_is_not_run_again_on_other_threads(data: TrialData, tmp_path: Path) -> None:
    """Of three trials the third has both cores, of six none."""
    trained = []
    for seeds in (1, 2):
        space = small_space("momentum=0,0.5,0.9", "threads=0", seeds=seeds)
        sweep, some = swept(space, data, tmp_path)
        trained += some
    assert [trial.threads for trial in trained] == [1, 1, 2, 1, 1, 1]
    assert [len(score.records) for score in sweep.ranking] == [2, 2, 2]


KILLED = """
import os, signal, sys, time
from pathlib import Path
from digitscope.data import load_sample
from digitscope.experiments.sweep.journal import n_finished
from tests.experiments.sweep.helpers import small_data, small_space, swept

folder, *moments = sys.argv[1:]
space = small_space("momentum=0,0.3,0.5,0.9", "batch_size=20,50", "learning_rate=0.05,0.2", "epochs=3", seeds=3)
data = small_data(load_sample())
swept(space, data, Path(folder, "warm"))
started = time.monotonic()
swept(space, data, Path(folder, "at once"))
whole = time.monotonic() - started
for moment in moments:  # shares of the time that is needed for all
    child = os.fork()
    if child == 0:
        swept(space, data, Path(folder, "killed"))
        os._exit(0)
    time.sleep(float(moment) * whole)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
kept = n_finished(Path(folder, "killed"))
print(kept, len(swept(space, data, Path(folder, "killed"))[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process that is killed")
def test_kill_9_at_random_moments(tmp_path: Path) -> None:
    """What is finished is never run again, and the tables are those of a sweep that nobody killed."""
    generator = random.Random(6)
    moments = [str(generator.uniform(0.05, 0.2)) for _ in range(5)]
    call = [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path), *moments]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    kept, trained = map(int, done.stdout.split())
    assert 0 < kept < kept + trained == 24
    assert tables(tmp_path / "killed") == tables(tmp_path / "at once")
