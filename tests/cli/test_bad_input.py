"""Whatever is wrong with the call, the data or a run folder: one clear line, and nothing is touched."""

import gzip
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from digitscope.data import Dataset, Split
from tests.cli.helpers import Command, Outcome, assert_one_line, everything_in
from tests.data.helpers import IDX_NAMES, forbid, idx_bytes, write_idx_folder

TRAIN_IMAGES, _, _, TEST_LABELS = IDX_NAMES
PAIR_IMAGES, PAIR_LABELS = "train_multi_digit_mini.pkl.gz", "train_labels_mini.txt.gz"


class Trap:
    """Runs a command when it is unpickled by anything that runs what a pickle says."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., int], tuple[str]]:
        return os.system, (f"touch {self.marker}",)


@pytest.fixture
def careful(digitscope: Command, tmp_path: Path) -> Command:
    """The command, which must leave every file as it was and make none."""

    def call(*words: object) -> Outcome:
        before = everything_in(tmp_path)
        outcome = digitscope(*words)
        assert everything_in(tmp_path) == before
        return outcome

    return call


def trap_in(path: Path) -> Path:
    """Write a pickle that runs a command, and return the file which that command makes."""
    marker = path.parent / "it-ran"
    with gzip.open(path, "wb") as file:
        pickle.dump([Trap(marker)], file)
    return marker


def call_each_user(careful: Command, flags: tuple[object, ...], recipe: str, *parts: str) -> None:
    """Let every command that reads data meet the wrong ones in `flags`."""
    task = "two-digit" if recipe.startswith("two") else "digit"
    for words in (
        ("data", "info", "--json", "--task", task),
        ("data", "sample", "--task", task, "--out", "sheet.png"),
        ("train", recipe, "--epochs", 1, "--out", "run"),
    ):
        assert_one_line(careful(*words, *flags), 1, *parts)


# Data


def test_a_trap_would_run(tmp_path: Path) -> None:
    marker = trap_in(tmp_path / "trap.gz")
    with gzip.open(tmp_path / "trap.gz") as file:
        pickle.load(file)
    assert marker.exists()


def test_an_empty_folder(careful: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    flags = ("--data", tmp_path / "empty")
    call_each_user(careful, flags, "fc", str(tmp_path / "empty"), TRAIN_IMAGES, "digitscope data fetch")
    for words in (("demo",), ("reproduce", "--only", "hidden-10"), ("data", "two-digit", "--out", "pairs")):
        assert_one_line(careful(*words, *flags), 1, str(tmp_path / "empty"))


def test_a_folder_that_is_missing_or_a_file(careful: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    a_file = f"a file; expected the folder that holds the data files: name {tmp_path}"
    for recipe, name, part in (("fc", "nowhere", "no such folder"), ("two-digit-mlp", "file", a_file)):
        call_each_user(careful, ("--data", tmp_path / name), recipe, f"{tmp_path / name}: {part}")


def test_a_truncated_gzip_file(careful: Command, tiny_mnist_folder: Path) -> None:
    path = tiny_mnist_folder / f"{TRAIN_IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    flags = ("--data", tiny_mnist_folder, "--unchecked")
    call_each_user(careful, flags, "fc", f"{path}: damaged gzip content")


def test_a_wrong_hash(careful: Command, tiny_mnist_folder: Path) -> None:
    path = tiny_mnist_folder / f"{TRAIN_IMAGES}.gz"
    call_each_user(careful, ("--data", tiny_mnist_folder), "fc", f"{path}: content with MD5 ", "expected MNIST's")


def test_a_course_file_that_runs_a_command(careful: Command, tmp_path: Path) -> None:
    folder = tmp_path / "course"
    folder.mkdir()
    marker = trap_in(folder / "mnist.pkl.gz")
    flags = ("--data", folder)
    call_each_user(careful, flags, "fc", f"{folder / 'mnist.pkl.gz'}: not a pickle that can be read safely")
    assert not marker.exists()


def test_a_two_digit_set_that_lacks_a_file(careful: Command, tiny_mnist_folder: Path) -> None:
    """No other set is made in its place, though MNIST is there to make it of."""
    for name in (PAIR_IMAGES, PAIR_LABELS, "test_labels_mini.txt.gz"):
        (tiny_mnist_folder / name).touch()
    flags = ("--data", tiny_mnist_folder, "--unchecked")
    expected = (
        f"{tiny_mnist_folder} lacks ",
        "test_multi_digit_mini.pkl.gz",
        "expected a complete set of two-digit",
    )
    call_each_user(careful, flags, "two-digit-mlp", *expected)


def test_a_folder_that_may_not_be_read(careful: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "private").mkdir()
    forbid(monkeypatch, tmp_path / "private")
    flags = ("--data", tmp_path / "private")
    call_each_user(
        careful, flags, "fc", f"{tmp_path / 'private'}/", "cannot be read (Permission denied)", "--data"
    )


def test_images_of_another_size(careful: Command, tmp_path: Path, trained_folder: Path) -> None:
    for side in (30, 32):
        large = Split(np.zeros((40, side, side), dtype=np.uint8), np.arange(40, dtype=np.uint8) % 10)
        write_idx_folder(tmp_path / f"{side}", large, large)
    outcome = careful("train", "resnet", "--out", "run", "--data", tmp_path / "30", "--unchecked")
    assert_one_line(outcome, 1, f"{tmp_path / '30'}: images of 30 x 30: expected 28 x 28 or 32 x 32, as 'resnet'")
    flags = ("--data", tmp_path / "32", "--unchecked")
    for words in (
        ("demo",),
        ("data", "two-digit", "--out", "new"),
        ("evaluate", trained_folder),
        ("train", "fc", "--out", "run"),
        ("train", "scratch", "--out", "run"),
        ("train", "separation", "--out", "run"),
        ("export", trained_folder, "--to", "run.onnx"),
    ):
        assert_one_line(careful(*words, *flags), 1, f"{tmp_path / '32'}: images of 32 x 32: expected 28 x 28")


# Run folders


@pytest.fixture
def run_folder(trained_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained_folder, tmp_path / "run"))


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


NO_RUN = "no run is here: expected a folder with config.json, as train makes"


def test_a_run_folder_that_lacks_a_file(careful: Command, run_folder: Path) -> None:
    (run_folder / "model.safetensors").unlink()
    assert_one_line(careful("evaluate", run_folder), 1, str(run_folder / "model.safetensors"))


def test_a_folder_without_a_configuration(careful: Command, run_folder: Path) -> None:
    (run_folder / "config.json").unlink()
    for words in (("evaluate", run_folder), ("train", "fc", "--resume", "--out", run_folder)):
        assert_one_line(careful(*words), 1, f"digitscope: error: {run_folder}: {NO_RUN}")


def test_a_run_folder_with_a_damaged_file(careful: Command, run_folder: Path) -> None:
    for name in ("config.json", "model.safetensors", "metrics.jsonl"):
        whole = (run_folder / name).read_bytes()
        for content in (b"{", b"[1]", b"\xff\xfe junk" * 99):
            (run_folder / name).write_bytes(content)
            assert_one_line(careful("evaluate", run_folder), 1, str(run_folder / name))
        (run_folder / name).write_bytes(whole)


def test_a_configuration_that_cannot_be(careful: Command, run_folder: Path) -> None:
    whole = (run_folder / "config.json").read_bytes()
    for changes, value in (
        ({"settings": {"colour": "red"}}, "colour"),
        ({"settings": {"epochs": 0}}, "epochs is 0"),
        ({"options": {"hidden": -1}}, "-1"),
        ({"options": None}, ""),
        ({"model": "nonsense"}, "nonsense"),
        ({"seed": "abc"}, "abc"),
    ):
        change_config(run_folder, **changes)
        for words in (("evaluate", run_folder), ("train", "fc", "--resume", "--out", run_folder)):
            assert_one_line(careful(*words), 1, str(run_folder / "config.json"), value)
        (run_folder / "config.json").write_bytes(whole)


def test_a_seed_that_cannot_be(careful: Command, run_folder: Path) -> None:
    seed = 2**32
    change_config(run_folder, seed=seed)
    outcome = careful("train", "fc", "--resume", "--out", run_folder)
    assert outcome.code == 2
    assert outcome.err[-1] == f"digitscope: error: seed is {seed}: expected a whole number from 0 to 4294967295"


ADDRESS = "https://example.org/form.jpg"
NO_FILE = "digitscope: error: nope.onnx: no such file: expected an .onnx file, as digitscope export writes"
EXPORT = "expected digit, digit-best, two-digit, page, item, or what `digitscope export RUN` writes"
DOWNLOAD = f"{ADDRESS!r} is a web address: expected a path; download the file first"


def test_a_name_that_is_no_file_here(careful: Command, run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run_folder)
    for words, code, line in (
        (("read", "form.jpg", "--model", "nope.onnx"), 1, NO_FILE),
        (("evaluate", "nope.onnx"), 1, NO_FILE),
        (("read", "form.jpg", "--model", "."), 2, f"digitscope: error: no network called '.': {EXPORT}"),
        (("read", ADDRESS), 2, f"digitscope read: error: argument IMAGE_OR_FOLDER: {DOWNLOAD}"),
        (("evaluate", ADDRESS), 2, f"digitscope evaluate: error: argument MODEL: {DOWNLOAD}"),
        (("evaluate", "nowhere"), 1, f"digitscope: error: nowhere: {NO_RUN}"),
        (("evaluate", "config.json"), 1, f"digitscope: error: config.json: {NO_RUN}"),
    ):
        found, out, (told,) = careful(*words)
        assert (found, out) == (code, "")
        assert told.removesuffix(f"; digitscope {words[0]} --help shows how").startswith(line)


def test_a_damaged_state_is_not_resumed(careful: Command, run_folder: Path) -> None:
    (run_folder / "state.safetensors").write_bytes(b"junk")
    outcome = careful("train", "fc", "--epochs", 1, "--out", run_folder, "--resume")
    assert outcome.code == 1
    assert outcome.err[-1].startswith("digitscope: error: ")
    assert str(run_folder / "state.safetensors") in outcome.err[-1]


# Wrong calls

FC = ("train", "fc", "--out", "new")
WRONG_CALLS: list[tuple[tuple[object, ...], tuple[str, ...]]] = [
    ((), ("COMMAND",)),
    (("nonsense",), ("'nonsense'", "'demo'")),
    (("data",), ("ACTION",)),
    (("data", "info", "--nonsense"), ("--nonsense",)),
    (("data", "info", "--task", "nonsense"), ("'nonsense'", "two-digit")),
    (("data", "info", "--data"), ("--data",)),
    (("data", "info", "--data", ""), ("--data", "expected a path")),
    (("evaluate", ""), ("MODEL", "expected a path")),
    (("data", "two-digit"), ("--out",)),
    (("data", "two-digit", "--out", "new", "--train", 1), ("1", "at least 2")),
    (("data", "two-digit", "--out", "new", "--train", "many"), ("--train", "'many'")),
    (("data", "two-digit", "--out", "new", "--train", 99_999_999_999), ("99999999999", "at most 10,000,000")),
    (("data", "sample", "-n", 0), ("0", "1 or more")),
    (("data", "sample", "--out", "sheet.doc"), ("--out", "'sheet.doc'", ".png, .svg, .pdf")),
    (("train",), ("RECIPE",)),
    (("train", "nonsense"), ("'nonsense'", "fc, fc-128, cnn")),
    ((*FC, "--epochs", 0), ("epochs is 0",)),
    ((*FC, "--epochs", 1.5), ("--epochs", "'1.5'")),
    ((*FC, "--learning-rate", "fast"), ("--learning-rate", "'fast'")),
    ((*FC, "--learning-rate", "nan"), ("learning_rate is nan",)),
    ((*FC, "--order", "nonsense"), ("'nonsense'", "reshuffled")),
    ((*FC, "--order", "fresh-pairs"), ("fresh-pairs",)),
    ((*FC, "--optimizer", "adam", "--momentum", 0.9), ("momentum", "adam")),
    ((*FC, "--nesterov"), ("nesterov needs momentum",)),
    ((*FC, "--seed", 2**32), ("--seed", "'4294967296'")),
    ((*FC, "--device", "nonsense"), ("'nonsense'", "cpu")),
    (("train", "two-digit-mlp", "--out", "new", "--dropout", 0.5), ("'two-digit-mlp'", "'dropout'", "hidden")),
    (("train", "fc", "--resume"), ("error: runs: no run of fc to resume: name its folder with --out",)),
    (("evaluate", "run", "--split", "nonsense"), ("'nonsense'", "validation")),
    (("reproduce", "--only", "nonsense"), ("'nonsense'", "hidden-10")),
    (("reproduce", "--only"), ("--only",)),
]


def test_wrong_calls(careful: Command, tiny_mnist_folder: Path) -> None:
    for words, parts in WRONG_CALLS:
        takes_data = words[:1] == ("train",) or words[:2] in {("data", "two-digit"), ("data", "sample")}
        data = ("--data", tiny_mnist_folder, "--unchecked") if takes_data else ()
        assert_one_line(careful(*words, *data), 2, *parts)


def test_calls_that_the_data_or_the_model_refuse(careful: Command, tiny_mnist_folder: Path) -> None:
    for words, parts in (
        ((*FC, "--batch-size", 58), ("batch_size = 58", "57")),
        ((*FC, "--hidden", 0), ("hidden is 0",)),
        ((*FC, "--activation", "nonsense"), ("'nonsense'", "leaky-relu")),
        (("train", "cnn", "--out", "new", "--dropout", 2), ("dropout is 2.0",)),
    ):
        data = ("--data", tiny_mnist_folder, "--unchecked")
        assert_one_line(careful(*words, *data), 2, *parts, announced=True)


def test_a_device_that_is_not_there(careful: Command, tiny_mnist_folder: Path, trained_folder: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    data = ("--data", tiny_mnist_folder, "--unchecked", "--device", "cuda")
    assert_one_line(careful(*FC, *data), 2, "device is 'cuda'", "cpu", announced=True)
    outcome = careful("evaluate", trained_folder, *data)
    assert outcome.code == 2
    assert outcome.err[-1].startswith("digitscope: error: device is 'cuda', but PyTorch finds only cpu")


def test_a_file_in_the_way(careful: Command, tiny_mnist_folder: Path, desk: Path) -> None:
    (desk / "file").write_text("mine")
    for words, out in (
        (("train", "fc"), "file/deeper"),
        (("data", "two-digit"), "file"),
        (("data", "sample"), "file/sheet.png"),
        (("demo",), "file"),
    ):
        outcome = careful(*words, "--data", tiny_mnist_folder, "--unchecked", "--out", out)
        assert_one_line(outcome, 1, "file", "cannot be written", announced="train" in words)


def test_the_test_s_own_files_are_right(digitscope: Command, tiny_mnist_folder: Path, sample: Dataset) -> None:
    content = gzip.decompress((tiny_mnist_folder / f"{TEST_LABELS}.gz").read_bytes())
    assert content == idx_bytes(sample.test.labels[:16])
    assert digitscope("data", "info", "--data", tiny_mnist_folder, "--unchecked").code == 0
