import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from digitscope.data import Dataset, load_two_digit, make_two_digit, write_two_digit
from tests.cli.helpers import Command, assert_one_line

KEYS = ["n", "accuracy", "per_position", "nll", "ece", "confusion"]


@pytest.mark.parametrize("split", ["test", "validation"])
def test_scores_of_one_digit(digitscope: Command, trained_folder: Path, sample: Dataset, split: str) -> None:
    code, out, _ = digitscope("evaluate", trained_folder, "--split", split, "--json")
    assert code == 0
    scores = json.loads(out)
    assert list(scores) == KEYS

    weights = load_file(trained_folder / "model.safetensors")
    images, labels = sample.splits[split].images, sample.splits[split].labels
    hidden = np.maximum(images.reshape(-1, 784) / 256 @ weights["2.weight"].T + weights["2.bias"], 0)
    logits = hidden @ weights["4.weight"].T + weights["4.bias"]
    read = logits.argmax(axis=1)
    confusion = np.zeros((10, 10), dtype=int)
    for true, seen in zip(labels, read, strict=True):
        confusion[true, seen] += 1
    likelihoods = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert scores["n"] == 500
    assert scores["accuracy"] == np.mean(read == labels)
    assert scores["per_position"] == [scores["accuracy"]]
    assert scores["confusion"] == confusion.tolist()
    assert scores["nll"] == pytest.approx(-np.log(likelihoods[np.arange(500), labels]).mean(), rel=1e-5)
    assert 0 <= scores["ece"] <= 1


def test_scores_of_two_digits(digitscope: Command, pairs_folder: Path) -> None:
    words = ("train", "two-digit-mlp", "--data", pairs_folder, "--epochs", 8, "--batch-size", 10, "--out", "two")
    assert digitscope(*words).code == 0
    code, out, _ = digitscope("evaluate", "two", "--data", pairs_folder, "--split", "train", "--json")
    assert code == 0
    scores = json.loads(out)
    assert list(scores) == ["n", "accuracy", "per_position", "both_right", "nll", "ece", "confusion"]
    assert scores["n"] == 90
    assert len(scores["per_position"]) == 2
    assert np.mean(scores["per_position"]) == pytest.approx(scores["accuracy"])
    assert scores["both_right"] <= min(scores["per_position"])
    labels = load_two_digit(pairs_folder).train.labels
    assert np.sum(scores["confusion"], axis=1).tolist() == np.bincount(labels.ravel(), minlength=10).tolist()


def test_the_table(digitscope: Command, trained_folder: Path, pairs_folder: Path) -> None:
    code, out, _ = digitscope("evaluate", trained_folder)
    assert code == 0
    assert out.startswith(f"{trained_folder} (fc) on the test split of MNIST sample")
    _, json_out, _ = digitscope("evaluate", trained_folder, "--json")
    assert f"{json.loads(json_out)['accuracy']:.2%}" in out
    assert "both right" not in out
    words = ("train", "two-digit-cnn", "--data", pairs_folder, "--epochs", 1, "--batch-size", 45, "--out", "two")
    assert digitscope(*words).code == 0
    _, out, _ = digitscope("evaluate", "two", "--data", pairs_folder)
    for name in ("upper digit", "lower digit", "both right"):
        assert name in out


def test_other_data_than_the_run_s_are_remarked_on(
    digitscope: Command, trained_folder: Path, tiny_mnist_folder: Path, tmp_path: Path
) -> None:
    other = ("--data", tiny_mnist_folder, "--unchecked")
    said = f"unchecked data, from {tiny_mnist_folder}, is not what {trained_folder} was trained with"
    code, out, err = digitscope("evaluate", trained_folder, *other, "--json")
    assert (code, err) == (0, [said])
    assert json.loads(out)["n"] == 16
    code, _, err = digitscope("evaluate", trained_folder)
    assert code == 0
    assert not any("trained with" in line for line in err)
    # The same data from another place are the same data.
    assert digitscope("train", "fc", *other, "--epochs", 1, "--out", "mine").code == 0
    moved = shutil.copytree(tiny_mnist_folder, tmp_path / "moved")
    for split in ("train", "validation", "test"):
        code, _, err = digitscope("evaluate", "mine", "--data", moved, "--unchecked", "--split", split)
        assert (code, err) == (0, [])


def test_other_pairs_than_the_run_s_are_remarked_on(
    digitscope: Command, pairs_folder: Path, sample: Dataset, tmp_path: Path
) -> None:
    words = ("train", "two-digit-mlp", "--data", pairs_folder, "--epochs", 1, "--batch-size", 45, "--out", "two")
    assert digitscope(*words).code == 0
    write_two_digit(make_two_digit(sample, n_train=100, n_test=20, seed=4), tmp_path / "other")
    assert digitscope("evaluate", "two", "--data", pairs_folder).err == []
    code, _, err = digitscope("evaluate", "two", "--data", tmp_path / "other")
    assert code == 0
    other = load_two_digit(tmp_path / "other")
    assert str(tmp_path / "other") in other.source
    assert err == [f"{other.name}, from {other.source}, is not what two was trained with"]


@pytest.mark.parametrize("word", ["two-digit", "nonsense", None])
def test_the_task_is_the_model_s_whatever_the_configuration_says(
    digitscope: Command, trained_folder: Path, desk: Path, word: object
) -> None:
    expected = digitscope("evaluate", trained_folder, "--json").out
    rewrite_config(shutil.copytree(trained_folder, desk / "mine"), task=word)
    code, out, _ = digitscope("evaluate", "mine", "--json")
    assert (code, out) == (0, expected)


@pytest.mark.parametrize("model", ["lost", "cnn", "two-digit-mlp"])
def test_another_model_in_the_configuration_is_one_short_line(
    digitscope: Command, trained_folder: Path, desk: Path, model: str
) -> None:
    rewrite_config(shutil.copytree(trained_folder, desk / "mine"), model=model, options={})
    outcome = digitscope("evaluate", "mine")
    reason = "mine/config.json: not a run" if model == "lost" else "mine/model.safetensors: these weights belong"
    assert_one_line(outcome, 1, reason)
    assert len(outcome.err[0]) < 300


def rewrite_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
