"""A sweep from its first round to its ranking, with trials in this process; and what `kill -9` does to it."""

import csv
import json
import os
import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from digitscope.data import Dataset
from digitscope.errors import DataError, SettingError
from digitscope.experiments.sweep.engine import Begun, Event, Failed, Finished
from digitscope.experiments.sweep.journal import Journal, finished_trials
from digitscope.experiments.sweep.space import Space
from digitscope.experiments.sweep.sweep import run_sweep
from digitscope.experiments.sweep.trials import TrialData
from tests.experiments.sweep.helpers import InProcess, small_data, small_space, swept

TABLES = ("results.csv", "results.jsonl")


def tables(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in TABLES]


@pytest.fixture
def data(sample: Dataset) -> TrialData:
    return small_data(sample)


@pytest.fixture
def space() -> Space:
    return small_space("momentum=0,0.5,0.9", "batch_size=20,50", seeds=2)


def test_every_point_has_every_seed(space: Space, data: TrialData, tmp_path: Path) -> None:
    sweep = swept(space, data, tmp_path)
    assert (len(sweep.ranking), sweep.n_trained, sweep.failed) == (5, 10, ())  # 32 is the batch of the baseline
    assert {tuple(record.seed for record in score.records) for score in sweep.ranking} == {(12321, 12322)}
    accuracies = [score.validation.mean for score in sweep.ranking if score.validation]
    assert accuracies == sorted(accuracies, reverse=True)


def test_the_table_is_there_after_each_trial(space: Space, data: TrialData, tmp_path: Path) -> None:
    """It has the points that are begun, and how many seeds of each; the last one is that of the end."""
    seen: list[list[int]] = []

    def read(event: Event) -> None:
        if isinstance(event, Finished):
            rows = [*csv.DictReader((tmp_path / "results.csv").read_text().splitlines())]
            assert {row["outcome"] for row in rows} == {"finished"}
            accuracies = [float(row["validation_accuracy"]) for row in rows]
            assert accuracies == sorted(accuracies, reverse=True)
            seen.append(sorted(int(row["seeds"]) for row in rows))

    run_sweep(space, data.sha256(), InProcess(data), tmp_path, on_event=read)
    assert seen == [[1], [1] * 2, [1] * 3, [1] * 4, [1] * 5] + [[1] * (5 - n) + [2] * n for n in range(1, 6)]


def test_the_same_call_trains_nothing_again(space: Space, data: TrialData, tmp_path: Path) -> None:
    swept(space, data, tmp_path)
    before = tables(tmp_path)
    engine = InProcess(data)
    assert run_sweep(space, data.sha256(), engine, tmp_path).n_trained == 0
    assert engine.run_before == []
    swept(space, data, tmp_path)
    assert tables(tmp_path) == before


def test_more_seeds_go_on_from_what_is_there(space: Space, data: TrialData, tmp_path: Path) -> None:
    swept(small_space("momentum=0,0.5,0.9", "batch_size=20,50", seeds=1), data, tmp_path)
    assert swept(space, data, tmp_path).n_trained == 5
    swept(space, data, tmp_path / "at once")
    assert tables(tmp_path) == tables(tmp_path / "at once")


def test_a_search_gives_the_same_after_an_interruption(data: TrialData, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    searched = small_space("learning_rate=0.001..1:log", "momentum=0.0..0.9", method="tpe", trials=12)
    swept(searched, data, tmp_path / "at once")
    met = []

    def stop_in_the_second_round(event: Event) -> None:
        met.append(event)
        if sum(isinstance(each, Begun) for each in met) == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep(searched, data.sha256(), InProcess(data), tmp_path / "in two", on_event=stop_in_the_second_round)
    assert swept(searched, data, tmp_path / "in two").n_trained == 12 - 9
    assert tables(tmp_path / "in two") == tables(tmp_path / "at once")


def test_a_trial_that_crashes_is_told_and_the_rest_done(data: TrialData, tmp_path: Path) -> None:
    sweep = swept(small_space("batch_size=50,100000"), data, tmp_path)
    (failure,) = sweep.failed
    assert failure.reason == "SettingError: batch_size = 100000: expected 1 to 200, the examples of an epoch"
    assert [score.outcome for score in sweep.ranking] == ["finished", "finished", "failed"]
    events = [json.loads(line)["event"] for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert Counter(events) == {"begun": 3, "finished": 2, "failed": 1}
    engine = InProcess(data)
    again = run_sweep(small_space("batch_size=50,100000"), data.sha256(), engine, tmp_path)
    assert (len(engine.run_before), len(again.failed)) == (1, 1)


def test_a_point_that_is_drawn_again_is_not_trained_again(data: TrialData, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    sweep = swept(small_space("momentum=0.0,0.5", method="tpe", trials=12), data, tmp_path)
    assert (len(sweep.ranking), sweep.n_trained) == (2, 2)


def test_a_combination_that_the_recipe_does_not_take_does_not_end_a_search(
    data: TrialData, tmp_path: Path
) -> None:
    pytest.importorskip("optuna")
    searched = small_space("optimizer=sgd,adam", "momentum=0.0,0.5", method="tpe", trials=16)
    sweep = swept(searched, data, tmp_path)
    (refused,) = sweep.refused
    assert sweep.ranking[-1] is refused
    assert refused.point == {"optimizer": "adam", "momentum": 0.5}
    assert "momentum and nesterov are settings of sgd and muon, not of adam" in refused.refusal
    assert [score.outcome for score in sweep.ranking] == ["finished"] * 3 + ["refused"]
    assert (sweep.n_trained, sweep.failed) == (3, ())
    *_, last = csv.DictReader((tmp_path / "results.csv").read_text().splitlines())
    assert (last["outcome"], last["seeds"], last["validation_accuracy"]) == ("refused", "0", "")


def test_another_sweep_s_folder_is_refused(space: Space, data: TrialData, tmp_path: Path) -> None:
    swept(space, data, tmp_path)
    for other in (small_space("momentum=0,0.5"), small_space("momentum=0,0.5,0.9", "batch_size=20,50", seed=1)):
        with pytest.raises(SettingError, match=r"holds a sweep with another .*: name another folder with --out"):
            swept(other, data, tmp_path)
    with pytest.raises(SettingError, match="holds a sweep with another data"):
        run_sweep(space, "other", InProcess(data), tmp_path)


def test_of_settings_the_one_that_differs_is_named(data: TrialData, tmp_path: Path) -> None:
    swept(small_space("momentum=0,0.5"), data, tmp_path)
    other = small_space("momentum=0,0.5")
    changed = replace(other, recipe=other.recipe.with_changes({"weight_decay": 0.001}))
    with pytest.raises(SettingError, match=r"with another weight_decay: 0\.0, not 0\.001"):
        swept(changed, data, tmp_path)


def test_two_at_work_in_one_folder(space: Space, data: TrialData, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    described = {**space.described(), "data": data.sha256()}
    with Journal(tmp_path, described), pytest.raises(SettingError, match="another sweep is at work here"):
        swept(space, data, tmp_path)
    swept(space, data, tmp_path)


def test_a_damaged_record_is_named(space: Space, data: TrialData, tmp_path: Path) -> None:
    swept(space, data, tmp_path)
    path = next((tmp_path / "trials").iterdir())
    path.write_text(path.read_text()[:100])
    with pytest.raises(DataError, match=f"{path.name}: .*delete it, and the trial is run again"):
        swept(space, data, tmp_path)
    path.unlink()
    assert swept(space, data, tmp_path).n_trained == 1
    (tmp_path / "sweep.json").write_text("[")
    with pytest.raises(DataError, match="not a sweep's description"):
        swept(space, data, tmp_path)


def test_nothing_is_begun_when_a_point_is_refused(data: TrialData, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="at epochs 0"):
        swept(small_space("epochs=1,0"), data, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_what_is_finished_is_not_run_again_on_other_threads(data: TrialData, tmp_path: Path) -> None:
    """Of three trials the third has both cores, of six none."""
    engine = InProcess(data)
    for seeds in (1, 2):
        space = small_space("momentum=0,0.5,0.9", "threads=0", seeds=seeds)
        sweep = run_sweep(space, data.sha256(), engine, tmp_path)
    assert len(engine.run_before) == len(set(engine.run_before)) == 6
    assert [len(score.records) for score in sweep.ranking] == [2, 2, 2]


def test_what_was_being_written_when_it_was_killed_is_no_record(
    space: Space, data: TrialData, tmp_path: Path
) -> None:
    swept(space, data, tmp_path)
    before, n = tables(tmp_path), len(finished_trials(tmp_path))
    (tmp_path / "trials" / ".1234abcd-x7.json").write_text('{"key": "12')
    swept(space, data, tmp_path)
    assert tables(tmp_path) == before
    assert len(finished_trials(tmp_path)) == n > 0


KILLED = """
import os, signal, sys, time
from pathlib import Path
from digitscope.data import load_sample
from tests.experiments.sweep.helpers import small_data, small_space, swept

folder, *moments = sys.argv[1:]
space = small_space("momentum=0,0.3,0.5,0.9", "batch_size=20,50", "learning_rate=0.05,0.2", "epochs=3", seeds=6)
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
    kept = {path.name: path.stat().st_mtime_ns for path in Path(folder, "killed", "trials").glob("[!.]*.json")}
    print(*(f"{name}={time}" for name, time in sorted(kept.items())), flush=True)
swept(space, data, Path(folder, "killed"))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process that is killed")
def test_kill_9_at_ten_random_moments(tmp_path: Path) -> None:
    """What is finished is never run again, and the tables are those of a sweep that nobody killed."""
    generator = random.Random(6)
    moments = [str(generator.uniform(0.02, 0.12)) for _ in range(10)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, tmp_path, *moments],
        capture_output=True,
        text=True,
        check=True,
    )
    finished: set[str] = set()
    assert len(done.stdout.splitlines()) == 10
    for line in done.stdout.splitlines():
        kept = set(line.split())  # with the time of writing: none is written twice
        assert finished <= kept
        finished = kept
    assert tables(tmp_path / "killed") == tables(tmp_path / "at once")
    lines = [json.loads(line) for line in (tmp_path / "killed" / "journal.jsonl").read_text().splitlines()]
    finished_at = [line["trial"] for line in lines if line["event"] == "finished"]
    assert len(finished_at) == len(set(finished_at))
    for n, line in enumerate(lines):
        if line["event"] == "finished":
            assert line["trial"] not in {later["trial"] for later in lines[n + 1 :]}


def test_events_of_a_failure(data: TrialData, tmp_path: Path) -> None:
    seen: list[Event] = []
    rounds: list[tuple[int, int]] = []
    run_sweep(
        small_space("batch_size=50,100000", "epochs=1"),
        data.sha256(),
        InProcess(data),
        tmp_path,
        on_round=lambda trials, done: rounds.append((len(trials), done)),
        on_event=seen.append,
    )
    assert rounds == [(3, 0)]
    assert [type(event).__name__ for event in seen] == [
        *["Begun", "EpochDone", "Finished"] * 2,
        "Begun",
        "Failed",
    ]
    assert isinstance(seen[-1], Failed)
