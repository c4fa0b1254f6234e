"""`digitscope sweep`: its files, its words, and what interrupts it."""

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from digitscope import __version__
from digitscope.cli.sweep_progress import SweepProgress
from digitscope.experiments.sweep.engine import Begun, EpochDone, Failed, Finished
from digitscope.experiments.sweep.journal import n_finished
from digitscope.experiments.sweep.trials import Trial
from digitscope.plots.curves import Histories
from tests.cli.helpers import Command, assert_one_line
from tests.experiments.sweep.helpers import record, small_space

TINY = ("hidden=4", "epochs=2", "batch_size=8", "momentum=0,0.5")


@pytest.fixture
def data(tiny_mnist_folder: Path) -> tuple[object, ...]:
    return ("--data", tiny_mnist_folder, "--unchecked", "--device", "cpu")


@pytest.mark.usefixtures("trials_in_process")
def test_a_sweep_and_its_files(digitscope: Command, desk: Path, data: tuple[object, ...]) -> None:
    code, out, err = digitscope("sweep", "fc", *TINY, "--seeds", 2, *data)
    assert code == 0
    assert err[0].endswith("into sweeps/fc")
    for n, line in enumerate(err[1:], start=1):
        assert re.fullmatch(
            rf"{n} of 4: (baseline|momentum 0.5), seed 1232[12]: finished after epoch 2, "
            r"validation accuracy \d+\.\d\d%",
            line,
        )
    assert len(err) == 5
    assert out.startswith("fc, ranked on validation accuracy\n")
    assert "sweeps/fc: results.csv, results.jsonl and report.html\n" in out
    folder = desk / "sweeps" / "fc"
    report = (folder / "report.html").read_text()
    for part in ("Ranking", "What each setting does", "How the best ones learned", "What it was", "momentum 0.5"):
        assert part in report
    assert report.count("data:image/png;base64,") == 4
    assert "http" not in report.replace("http-equiv", "")
    rows = list(csv.DictReader((folder / "results.csv").read_text().splitlines()))
    assert {row["point"] for row in rows} == {"baseline", "momentum 0.5"}
    before = (folder / "results.csv").read_bytes()
    code, out, _ = digitscope("sweep", "fc", *TINY, "--seeds", 2, *data, "--json")
    told = json.loads(out)
    assert (code, told["folder"], told["failed"], len(told["ranking"])) == (0, "sweeps/fc", [], 2)
    assert (folder / "results.csv").read_bytes() == before


@pytest.mark.usefixtures("trials_in_process")
def test_the_test_split_is_scored_when_it_is_asked_for(
    digitscope: Command, desk: Path, data: tuple[object, ...]
) -> None:
    words = ("sweep", "fc", *TINY, *data, "--json")
    (first, second) = json.loads(digitscope(*words).out)["ranking"]
    assert {first["test_accuracy"], second["test_accuracy"]} == {None}
    report = (desk / "sweeps" / "fc" / "report.html").read_text()
    assert "test accuracy" not in report
    scored = json.loads(digitscope(*words, "--test").out)["ranking"]
    call = digitscope("sweep", "fc", *TINY, *data).out.rpartition("next: digitscope ")[2]
    trained = json.loads(digitscope(*shlex.split(call), "--device", "cpu", "--json").out)
    assert scored[0].pop("test_accuracy") == trained["test_accuracy"]
    assert {**scored[0], "test_accuracy": None} == first
    assert len(digitscope(*words, "--test").err) == 1  # nothing is trained again
    assert "its test accuracy" in (desk / "sweeps" / "fc" / "report.html").read_text()


@pytest.mark.usefixtures("trials_in_process")
@pytest.mark.parametrize("method", ["grid", "one-factor"])
def test_curves_are_named_by_their_settings(
    digitscope: Command, data: tuple[object, ...], monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    drawn: list[list[str]] = []

    def learning_curves(histories: Histories, _measure: str) -> Figure:
        drawn.append(list(histories))
        return Figure()

    monkeypatch.setattr("digitscope.plots.learning_curves", learning_curves)
    words = ("hidden=4", "epochs=1", "batch_size=8", "momentum=0.0,0.5", "activation=relu,leaky-relu")
    assert digitscope("sweep", "fc", *words, *data, "--method", method).code == 0
    (names,) = drawn
    if method == "one-factor":
        assert sorted(names) == ["activation leaky-relu", "baseline", "momentum 0.5"]
    else:
        assert [name[:11] for name in names] == [f"{place}. momentum" for place in (1, 2, 3, 4)]
        assert all(", activation " in name for name in names)


@pytest.mark.usefixtures("trials_in_process")
def test_trials_of_another_version_are_told_of(digitscope: Command, desk: Path, data: tuple[object, ...]) -> None:
    """They are kept, and each record says what it was made with."""
    digitscope("sweep", "fc", *TINY, *data)
    journal = desk / "sweeps/fc/journal.log"
    *others, last = journal.read_text().splitlines(keepends=True)
    assert version("torch") in last
    journal.write_text(
        "".join(others) + re.sub('"made_with":{[^}]*}', '"made_with":{"torch":"1.0","device":"cuda"}', last)
    )
    code, _, err = digitscope("sweep", "fc", *TINY, *data)
    versions = f"digitscope {__version__}, numpy {version('numpy')}, torch {version('torch')} on cpu"
    said = (
        f"sweeps/fc holds trials made with torch 1.0 on cuda; this is {versions}: "
        "they are ranked together; name another folder with --out to train all alike"
    )
    assert (code, err[1:]) == (0, [said])
    report = (desk / "sweeps/fc/report.html").read_text()
    assert "torch 1.0 on cuda (1 of 2)" in report
    assert f"{versions} (1 of 2)" in report


@pytest.mark.usefixtures("trials_in_process")
def test_a_crashed_trial_makes_the_exit_code_1(digitscope: Command, data: tuple[object, ...]) -> None:
    code, out, err = digitscope("sweep", "fc", "epochs=1", "batch_size=8,100000", *data)
    assert code == 1
    assert sum(line.endswith(" of 3: batch size 100000, seed 12321: failed") for line in err) == 1
    assert "batch_size = 100000" in err[4]
    assert err[4].startswith("failed: batch size 100000, seed 12321: SettingError: ")
    assert err[5:] == ["failed trials: 1; the same call tries them again"]
    assert "failed" in out


@pytest.mark.usefixtures("trials_in_process")
def test_a_search_tells_what_it_could_not_train(digitscope: Command, desk: Path, data: tuple[object, ...]) -> None:
    words = ("fc", "hidden=4", "epochs=1", "batch_size=8", "optimizer=sgd,adam", "momentum=0.0,0.5", *data)
    code, out, err = digitscope("sweep", *words, "--method", "tpe", "--trials", 16, "--json")
    assert code == 0
    assert err[-1:] == ["combinations that fc does not take: 1 of 4; report.html says why"]
    (refused,) = json.loads(out)["refused"]
    assert refused["point"] == {"optimizer": "adam", "momentum": 0.5}
    assert (
        "Not trained: fc, at optimizer adam, momentum 0.5: momentum"
        in (desk / "sweeps/fc/report.html").read_text()
    )


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("nonsense",), ("no space is called 'nonsense'", "course-hidden-10, course-hidden-128")),
        (("fc", "epochs=1,0"), ("fc, at epochs 0: epochs is 0",)),
    ],
)
def test_a_wrong_call(digitscope: Command, desk: Path, words: tuple[str, ...], parts: tuple[str, ...]) -> None:
    assert_one_line(digitscope("sweep", *words), 2, *parts)
    assert list(desk.iterdir()) == []


def start(folder: Path, words: tuple[object, ...]) -> subprocess.Popen[str]:
    call = [sys.executable, "-m", "digitscope", "sweep", *map(str, words)]
    return subprocess.Popen(call, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(n: int, folder: Path) -> int:
    until = time.monotonic() + 240
    while (found := n_finished(folder)) < n:
        assert time.monotonic() < until
        time.sleep(0.1)
    return found


@pytest.mark.timeout(1200)  # seconds where a core is free; PyTorch is loaded by four processes
@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.usefixtures("trials_in_process")
def test_kill_9_and_ctrl_c(digitscope: Command, desk: Path, data: tuple[object, ...]) -> None:
    """Each leaves what is finished; the table after going on is that of a sweep at once; no process is left."""
    words = ("fc", *TINY, "epochs=20", "--seeds", "6", "--cores", "1", *data)
    killed = start(desk, (*words, "--out", "killed"))
    wait_for(2, desk / "killed")
    killed.kill()
    _, err = killed.communicate(timeout=240)  # which ends when the workers, who have its pipes, have ended too
    assert "Traceback" not in err
    kept = n_finished(desk / "killed")  # counted now: a worker may finish a trial after the kill
    interrupted = start(desk, (*words, "--out", "killed"))
    wait_for(kept + 1, desk / "killed")
    interrupted.send_signal(signal.SIGINT)
    _, err = interrupted.communicate(timeout=240)
    assert interrupted.returncode == 130
    n = n_finished(desk / "killed")
    said = f"digitscope: interrupted; finished trials in killed: {n}; the same call goes on with the rest"
    assert err.splitlines()[-1] == said
    assert len(err.splitlines()) <= n + 2
    done = digitscope("sweep", *words, "--out", "killed")
    assert (done.code, len(done.err)) == (0, 1 + 12 - n)
    assert digitscope("sweep", *words, "--out", "at-once").code == 0
    for name in ("results.csv", "results.jsonl"):
        assert (desk / "killed" / name).read_bytes() == (desk / "at-once" / name).read_bytes()


@pytest.mark.usefixtures("trials_in_process")
def test_a_terminal_sees_how_far_it_is(on_a_terminal: Callable[..., str], data: tuple[object, ...]) -> None:
    shown = on_a_terminal("sweep", "fc", *TINY, *data)
    assert "fc: " in shown
    assert "of 2 trials" in shown


def test_the_progress_table() -> None:
    from rich.console import Console

    space = small_space("momentum=0,0.5,0.9")
    trials = [Trial(point, space.recipe, 1) for point in space.points()]
    progress = SweepProgress(space)
    progress.on_round(trials, 1)
    kept = record([0.5, 0.75])
    for trial in trials:
        progress.on_event(Begun(trial))
    progress.on_event(EpochDone(trials[0], kept.history[0]))
    progress.on_event(Finished(trials[1], kept))
    progress.on_event(Failed(trials[2], "it broke"))
    console = Console(width=100)
    with console.capture() as captured:
        console.print(progress)
    lines = [" ".join(line.split()) for line in captured.get().splitlines()]
    assert lines[0] == "fc: 2 of 3 trials, 1 failed"
    assert "│ baseline │ 1 │ 1 of 2 │ 50.00% │ training │" in lines
    assert any(line.endswith("│ 1 │ 2 │ 75.00% │ finished │") for line in lines)
