import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from digitscope.data import Dataset, load_two_digit
from tests.cli.helpers import Command

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
