import json
import re
import shlex
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import matplotlib.image
import numpy as np
import pytest
from safetensors.numpy import load_file

from digitscope.cli import train
from digitscope.data import Dataset, load_mnist
from digitscope.data.unipen import convert_unipen
from digitscope.scratch import load_network
from tests.cli.helpers import Command, assert_one_line, everything_in
from tests.data.helpers import SEVEN, write_unipen

FILES = ["config.json", "curves.png", "metrics.jsonl", "model.safetensors", "report.html", "state.safetensors"]


def test_a_run_folder(digitscope: Command, sample: Dataset, trained_folder: Path, desk: Path) -> None:
    code, out, err = digitscope("train", "fc", "--epochs", 1)
    assert code == 0
    assert err[-1] == f"fc on MNIST sample ({sample.source}), into runs/fc-1"
    assert "fc, seed 12321" in out
    assert out.endswith("next: digitscope evaluate runs/fc-1\n")
    _, scored, _ = digitscope("evaluate", "runs/fc-1", "--json")
    assert f"\ntest accuracy: {json.loads(scored)['accuracy']:.2%} of 500 images\n" in out
    folder = desk / "runs" / "fc-1"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert (folder / "model.safetensors").read_bytes() == (trained_folder / "model.safetensors").read_bytes()
    config = json.loads((folder / "config.json").read_text())
    assert config == json.loads((trained_folder / "config.json").read_text())
    assert config["data"] == {"name": "MNIST sample", "sha256": sample.sha256()}
    assert matplotlib.image.imread(folder / "curves.png").size > 0
    report = (folder / "report.html").read_text()
    assert "<script" not in report
    for text in (f"MNIST sample, from {sample.source}", "4,000", "500 images", "epochs: 1, validation included"):
        assert text in report
    (record,) = (json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines())
    assert record["epoch"] == 1
    assert f"{record['validation_accuracy']:.2%}" in out


def test_only_json_on_standard_output_and_numbered_folders(
    digitscope: Command, tiny_mnist_folder: Path, desk: Path
) -> None:
    words = ("train", "fc", "--data", tiny_mnist_folder, "--unchecked", "--epochs", 2, "--json")
    for name in ("fc-1", "fc-2"):
        code, out, err = digitscope(*words)
        assert (code, len(err)) == (0, 1)
        result = json.loads(out)
        assert result["folder"] == f"runs/{name}"
        kept = (desk / "runs" / name / "metrics.jsonl").read_text().splitlines()
        assert result["history"] == [json.loads(line) for line in kept]
    assert sorted(path.name for path in (desk / "runs").iterdir()) == ["fc-1", "fc-2"]


def test_every_flag_reaches_the_run(digitscope: Command, tiny_mnist_folder: Path, desk: Path) -> None:
    settings = {
        "epochs": 2,
        "batch_size": 19,
        "order": "reshuffled",
        "train_size": 40,
        "epoch_size": 38,
        "optimizer": "sgd",
        "learning_rate": 0.02,
        "momentum": 0.5,
        "nesterov": True,
        "weight_decay": 0.001,
        "schedule": "one-cycle",
        "warmup": 0.5,
        "label_smoothing": 0.1,
        "hard_example_weight": 2.0,
        "rotation": 5.0,
        "scale": 0.05,
        "shear": 0.06,
        "shift": 1.5,
        "elastic": 0.3,
        "stroke": 0.4,
        "blur": 0.6,
        "flip": 0.4,
        "low_resolution": 0.25,
        "erase": 0.35,
        "styles": 0.5,
        "pens": 0.25,
        "negatives": 0.2,
        "epochs_without_augmentation": 1,
        "ema": 0.9,
        "precision": "mixed",
        "threads": 2,
    }
    options = {"hidden": 7, "activation": "leaky-relu", "dropout": 0.25}
    convert_unipen(write_unipen(desk / "unipen", {"a": SEVEN}), tiny_mnist_folder)
    words = ["train", "fc-128", "--data", tiny_mnist_folder, "--unchecked", "--out", "mine", "--seed", 4]
    for name, value in {**settings, **options}.items():
        flag = f"--{name.replace('_', '-')}"
        words += [flag] if value is True else [flag, value]
    assert digitscope(*words, "--device", "cpu").code == 0
    config = json.loads((desk / "mine" / "config.json").read_text())
    assert config["settings"] == settings
    assert config["options"] == options
    assert (config["recipe"], config["model"], config["seed"]) == ("fc-128", "fc", 4)
    shapes = {weight.shape for weight in load_file(desk / "mine" / "model.safetensors").values()}
    assert shapes == {(7, 784), (7,), (10, 7), (10,)}


SCRATCH_SETTINGS = {
    "hidden": "16,8",
    "activation": "tanh",
    "epochs": 3,
    "batch_size": 19,
    "learning_rate": 0.02,
    "momentum": 0.5,
    "rotation": 5.0,
    "scale": 0.05,
    "shear": 0.06,
    "shift": 1.5,
    "elastic": 0.3,
    "dtype": "float64",
}


def flags(settings: dict[str, object]) -> list[object]:
    return [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", value)]


def test_every_flag_reaches_the_numpy_network(digitscope: Command, tiny_mnist_folder: Path, desk: Path) -> None:
    words = ("train", "scratch", "--data", tiny_mnist_folder, "--unchecked", *flags(SCRATCH_SETTINGS))
    code, out, err = digitscope(*words, "--no-nesterov", "--seed", 4)
    assert (code, len(err)) == (0, 1)
    assert "scratch, seed 4" in out
    assert sorted(path.name for path in (desk / "runs" / "scratch-1").iterdir()) == FILES
    config = json.loads((desk / "runs" / "scratch-1" / "config.json").read_text())
    assert config["settings"] == {**SCRATCH_SETTINGS, "hidden": [16, 8], "nesterov": False}
    shapes = [weight.shape for _, weight in sorted(load_file(desk / "runs/scratch-1/model.safetensors").items())]
    assert shapes == [(16,), (784, 16), (8,), (16, 8), (10,), (8, 10)]
    code, out, err = digitscope("evaluate", "runs/scratch-1", "--data", tiny_mnist_folder, "--unchecked", "--json")
    assert (code, err) == (0, [])
    network = load_network(desk / "runs/scratch-1/model.safetensors")
    test = load_mnist(tiny_mnist_folder, check=False).test
    assert json.loads(out)["accuracy"] == (network.predict(test.images) == test.labels).mean()


def test_what_the_numpy_network_does_not_have(digitscope: Command, desk: Path) -> None:
    for flag, value, message in (
        (
            "--optimizer",
            "adam",
            "the recipe 'scratch' has no setting 'optimizer': expected one of hidden, activation,",
        ),
        ("--hidden", 0, "hidden is (0,): expected a tuple of whole numbers from 1"),
        ("--activation", "swish", "activation 'swish' is unknown: choose one of relu"),
        ("--hidden", "16,", "'16,': expected a whole number, or 512,256 for scratch"),
    ):
        assert_one_line(digitscope("train", "scratch", flag, value), 2, message)
    assert list(desk.iterdir()) == []


def test_the_numpy_network_that_diverges(digitscope: Command, tiny_mnist_folder: Path, desk: Path) -> None:
    words = ("train", "scratch", "--data", tiny_mnist_folder, "--unchecked", "--learning-rate", 1e38)
    assert_one_line(digitscope(*words), 1, "not finite", "lower learning rate", announced=True)
    assert [path.name for path in (desk / "runs" / "scratch-1").iterdir()] == ["config.json"]


def test_the_refusal_of_momentum_says_what_is_then_accepted(
    digitscope: Command, tiny_mnist_folder: Path, desk: Path
) -> None:
    words = ("train", "cnn", "--epochs", 1, "--optimizer", "adam")
    outcome = digitscope(*words)
    advice = "--momentum 0 --no-nesterov"
    assert_one_line(
        outcome, 2, f"momentum and nesterov are settings of sgd and muon, not of adam: expected {advice} with it"
    )
    assert list(desk.iterdir()) == []
    data = ("--data", tiny_mnist_folder, "--unchecked")
    assert digitscope(*words, *advice.split(), *data).code == 0


def test_two_digits(digitscope: Command, pairs_folder: Path, desk: Path) -> None:
    recipe = "two-digit-fast"
    words = ("train", recipe, "--data", pairs_folder, "--epochs", 1, "--batch-size", 45, "--out", "two", "--json")
    code, out, _ = digitscope(*words)
    assert code == 0
    assert np.isfinite(json.loads(out)["history"][0]["validation_loss"])
    assert sorted(path.name for path in (desk / "two").iterdir()) == FILES


def test_resume_goes_on_where_the_run_was_stopped(
    digitscope: Command, tiny_mnist_folder: Path, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, change = "small", ("--ema", 0.5, "--epochs-without-augmentation", 1, "--pens", 0)
    words = ("train", recipe, "--data", tiny_mnist_folder, "--unchecked")
    changes = ("--epochs", 3, "--batch-size", 32, "--seed", 7, *change)
    assert digitscope(*words, *changes, "--out", "whole").code == 0

    def stop_after_the_second(bar: object, name: str) -> None:
        del bar
        if "epoch 2 " in name:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("digitscope.cli.console.StepBar.say", stop_after_the_second)
        assert_one_line(digitscope(*words, *changes), 130, "interrupted", announced=True)
    assert len((desk / "runs" / f"{recipe}-1" / "metrics.jsonl").read_text().splitlines()) == 2
    config = (desk / "runs" / f"{recipe}-1" / "config.json").read_bytes()
    code, out, _ = digitscope(*words, "--resume")  # the settings, the options and the seed are the run's
    assert code == 0
    assert f"{recipe}, seed 7" in out
    assert f"runs/{recipe}-1" in out
    assert [path.name for path in (desk / "runs").iterdir()] == [f"{recipe}-1"]
    assert (desk / "runs" / f"{recipe}-1" / "config.json").read_bytes() == config
    assert len((desk / "runs" / f"{recipe}-1" / "metrics.jsonl").read_text().splitlines()) == 3
    whole = (desk / "whole" / "model.safetensors").read_bytes()
    assert (desk / "runs" / f"{recipe}-1" / "model.safetensors").read_bytes() == whole


def test_resume_refuses_other_settings_and_a_finished_run_stays(
    digitscope: Command, tiny_mnist_folder: Path, desk: Path
) -> None:
    words = ("train", "fc", "--data", tiny_mnist_folder, "--unchecked", "--epochs", 1)
    assert digitscope(*words).code == 0
    weights = (desk / "runs" / "fc-1" / "model.safetensors").read_bytes()
    before = everything_in(desk)
    for flag, value, message in (
        ("--learning-rate", 0.3, "learning_rate is 0.1, not 0.3"),
        ("--hidden", 11, "hidden is 10, not 11"),
        ("--activation", "leaky-relu", "activation is relu, not leaky-relu"),
        ("--seed", 5, "seed is 12321, not 5"),
    ):
        outcome = digitscope(*words, "--resume", flag, value)
        refusal = f"runs/fc-1 holds a run whose {message}: resume with the same, or name another --out"
        assert_one_line(outcome, 2, f"digitscope: error: {refusal}", announced=True)
        assert everything_in(desk) == before
    named = ("--learning-rate", 0.1, "--seed", 12321, "--hidden", 10, "--activation", "relu")
    for same in (words, words[:-2], (*words, *named)):
        assert digitscope(*same, "--resume").code == 0
        assert (desk / "runs" / "fc-1" / "model.safetensors").read_bytes() == weights


def test_more_epochs_extend_a_finished_run(digitscope: Command, tiny_mnist_folder: Path, desk: Path) -> None:
    words = ("train", "fc", "--data", tiny_mnist_folder, "--unchecked")
    assert digitscope(*words, "--epochs", 3, "--out", "whole").code == 0
    assert digitscope(*words, "--epochs", 1).code == 0
    assert digitscope(*words, "--resume", "--epochs", 3).code == 0
    for name in ("model.safetensors", "config.json"):
        assert (desk / "runs" / "fc-1" / name).read_bytes() == (desk / "whole" / name).read_bytes()
    before = everything_in(desk)
    refusal = "runs/fc-1 holds a run whose epochs is 3, not 2: resume with the same, or name another --out"
    assert_one_line(digitscope(*words, "--resume", "--epochs", 2), 2, refusal, announced=True)
    assert everything_in(desk) == before


def test_a_run_that_was_planned_by_its_epochs_is_not_extended(
    digitscope: Command, tiny_mnist_folder: Path, desk: Path
) -> None:
    """A learning rate that falls to 0, or last epochs without warps, would come in the middle."""
    recipe, change = "fc", ("--order", "reshuffled", "--rotation", 9, "--epochs-without-augmentation", 1)
    words = ("train", recipe, "--data", tiny_mnist_folder, "--unchecked", *change)
    assert digitscope(*words, "--epochs", 1).code == 0
    before = everything_in(desk)
    outcome = digitscope(*words, "--resume", "--epochs", 2)
    assert_one_line(outcome, 2, f"runs/{recipe}-1 holds a run planned for 1 epochs", "train anew", announced=True)
    assert everything_in(desk) == before


def test_resume_picks_the_highest_number(digitscope: Command, tiny_mnist_folder: Path, desk: Path) -> None:
    """Neither gaps nor other names matter, and 10 comes after 9."""
    data = ("--data", tiny_mnist_folder, "--unchecked")
    for name, seed in (("fc-2", 2), ("fc-9", 9), ("fc-10", 10)):
        words = ("--epochs", 1, "--out", f"runs/{name}", "--seed", seed)
        assert digitscope("train", "fc", *data, *words).code == 0
    for other in ("fc-128-11", "fc-old", "fc-", "cnn-12"):
        (desk / "runs" / other).mkdir()
    before = {name: everything_in(desk / "runs" / name) for name in ("fc-2", "fc-9")}
    code, out, err = digitscope("train", "fc", *data, "--resume", "--json")
    assert (code, len(err)) == (0, 1)
    assert err[0].endswith("into runs/fc-10")
    assert json.loads(out)["folder"] == "runs/fc-10"
    code, out, _ = digitscope("train", "fc", *data, "--epochs", 1, "--json")
    assert (code, json.loads(out)["folder"]) == (0, "runs/fc-11")
    assert {name: everything_in(desk / "runs" / name) for name in before} == before
    assert not (desk / "runs" / "fc-1").exists()


def test_runs_that_start_together_get_a_folder_each(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All have seen the same folders when the first of them makes its own."""
    (desk / "runs" / "fc-2").mkdir(parents=True)
    barrier, look = Barrier(4), train._highest

    def look_together(recipe: str) -> int:
        found = look(recipe)
        barrier.wait(timeout=60)
        return found

    monkeypatch.setattr(train, "_highest", look_together)
    with ThreadPoolExecutor(4) as pool:
        claimed = [*pool.map(train._claim_next, ["fc"] * 4)]
    assert Counter(folder.name for folder in claimed) == Counter(["fc-3", "fc-4", "fc-5", "fc-6"])
    assert all((desk / folder).is_dir() for folder in claimed)


def test_a_claimed_folder_is_not_taken_again(digitscope: Command, tiny_mnist_folder: Path, desk: Path) -> None:
    """Another process has made its folder, and nothing in it yet."""
    (desk / "runs" / "fc-1").mkdir(parents=True)
    words = ("train", "fc", "--data", tiny_mnist_folder, "--unchecked", "--epochs", 1, "--json")
    assert json.loads(digitscope(*words).out)["folder"] == "runs/fc-2"
    assert list((desk / "runs" / "fc-1").iterdir()) == []


def test_runs_that_point_nowhere_are_one_line(digitscope: Command, tiny_mnist_folder: Path, desk: Path) -> None:
    (desk / "runs").symlink_to(desk / "gone")
    outcome = digitscope("train", "fc", "--data", tiny_mnist_folder, "--unchecked")
    assert_one_line(outcome, 1, "runs: cannot be written (File exists): name another place")


def test_a_network_that_cannot_be_started_from_is_one_line_and_leaves_nothing(
    digitscope: Command, tiny_mnist_folder: Path, desk: Path
) -> None:
    words = ("train", "fc", "--data", tiny_mnist_folder, "--unchecked", "--start")
    for model, problem in (("none.onnx", "none.onnx: expected an ONNX file"), ("digit", "a network such as this")):
        assert_one_line(digitscope(*words, model), 1, problem, announced=True)
    assert list((desk / "runs").iterdir()) == []


def test_a_refused_run_gives_its_number_back(digitscope: Command, tiny_mnist_folder: Path, desk: Path) -> None:
    (desk / "mine").mkdir()
    words = ("train", "fc", "--data", tiny_mnist_folder, "--unchecked")
    assert digitscope(*words, "--epochs", 1).code == 0
    before = everything_in(desk)
    assert_one_line(digitscope(*words, "--batch-size", 1000), 2, "batch_size = 1000", announced=True)
    assert everything_in(desk) == before
    assert digitscope(*words, "--resume").code == 0


def test_the_next_command_can_be_pasted(digitscope: Command, tiny_mnist_folder: Path, desk: Path) -> None:
    folder_name = "my digits; $HOME 'n' more"
    data = tiny_mnist_folder.rename(desk / folder_name)
    words = ("--data", data, "--unchecked")
    code, out, _ = digitscope("train", "fc", *words, "--epochs", 1, "--out", desk / "a run")
    assert code == 0
    *_, files, hint = out.splitlines()
    assert files == f"{desk / 'a run'}: weights, state, metrics, curves.png and report.html"
    program, *call = shlex.split(hint.removeprefix("next: "))
    assert (program, call) == ("digitscope", ["evaluate", str(desk / "a run"), *map(str, words)])
    code, out, err = digitscope(*call, "--json")
    assert (code, err) == (0, [])  # the data are what it was trained with
    assert json.loads(out)["n"] == 16


def test_no_bar_without_a_terminal(digitscope: Command, tiny_mnist_folder: Path) -> None:
    words = ("train", "fc", "--data", tiny_mnist_folder, "--unchecked", "--epochs", 1)
    code, out, (line,) = digitscope(*words)
    assert code == 0
    assert line.startswith("fc on unchecked data")
    assert "\x1b" not in out


def test_a_bar_on_a_terminal(on_a_terminal: Callable[..., str], tiny_mnist_folder: Path) -> None:
    seen = on_a_terminal("train", "fc", "--data", tiny_mnist_folder, "--unchecked", "--epochs", 1)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)
    assert re.search(r"\bfc +━+ +0/1 ", plain)  # 57 images: one whole batch
    assert "\x1b[" in seen
