"""Separating pixels, and images of two sizes, through the commands."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from digitscope.data import COURSE_SEED, Dataset, Split, make_two_digit, random_separations
from digitscope.experiments.run import load_run
from tests.cli.helpers import Command, assert_one_line
from tests.data.helpers import write_idx_folder

NAMES = ["separation.png", "worst.png", "report.html"]

SHORT = ("--epochs", 1, "--epoch-size", 64, "--batch-size", 32)


@pytest.fixture(autouse=True)
def _few_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a hundredth of the pairs be made: their masks take memory and time."""
    few = partial(make_two_digit, n_train=400, n_test=40)
    monkeypatch.setattr("digitscope.data.make_two_digit", few)


@pytest.fixture
def few_digits(sample: Dataset, tmp_path: Path) -> tuple[object, ...]:
    """Flags that name a folder of a few real digits."""
    write_idx_folder(tmp_path / "few", sample.train[:200], sample.test[:60])
    return ("--data", tmp_path / "few", "--unchecked")


def test_trained_evaluated_drawn_and_resumed(
    digitscope: Command, few_digits: tuple[object, ...], desk: Path, sample: Dataset
) -> None:
    code, out, err = digitscope("train", "separation", *few_digits, *SHORT)
    assert (code, len(err)) == (0, 1)
    assert "mean IoU" in out
    assert "accuracy" not in out
    assert "accuracy" not in (desk / "runs/separation-1/report.html").read_text().lower().replace(
        "validation_accuracy", ""
    )
    words = ("evaluate", "runs/separation-1", *few_digits, "--pairs", 30)
    code, out, err = digitscope(*words, "--figures", "figures")
    assert (code, err) == (0, [])
    assert out.startswith(
        "runs/separation-1 (separation) on 30 pairs of digits of the test split of unchecked data"
    )
    assert out.splitlines()[-1] == f"figures: {', '.join(NAMES)}"
    assert "Confusion" not in out
    assert sorted(path.name for path in (desk / "figures").iterdir()) == sorted(NAMES)

    scores = json.loads(digitscope(*words, "--json").out)
    assert list(scores) == ["n", "mean_iou", "per_position", "nll", "data"]
    assert scores["n"] == 30
    *_, generator = np.random.default_rng(COURSE_SEED).spawn(3)
    pairs = random_separations(sample.test[:60], 30, generator=generator)
    found = load_run(Path("runs/separation-1")).logits(pairs.images) > 0
    for position, share in enumerate(scores["per_position"]):
        flat = (pairs.labels[:, position].reshape(30, -1), found[:, position].reshape(30, -1))
        assert share == pytest.approx(jaccard_score(*flat, average="samples", zero_division=1))
    assert scores["mean_iou"] == pytest.approx(np.mean(scores["per_position"]))

    assert digitscope("train", "separation", *few_digits, "--resume", "--json").code == 0
    outcome = digitscope("export", "runs/separation-1", "--to", "run.onnx", *few_digits)
    assert_one_line(outcome, 2, "separation separates pixels: expected a run that reads digits")
    assert not Path("run.onnx").exists()


@pytest.mark.usefixtures("trials_in_process")
def test_a_sweep_ranks_by_the_mean_iou_and_says_so(
    digitscope: Command, few_digits: tuple[object, ...], desk: Path
) -> None:
    words = ("sweep", "separation", "epochs=1", "epoch_size=64", "batch_size=32", "learning_rate=0.05,0.02")
    code, out, err = digitscope(*words, *few_digits)
    assert code == 0
    assert out.startswith("separation, ranked on validation mean IoU\n")
    assert ["validation mean IoU" in line for line in err] == [False, True, True]
    report = (desk / "sweeps/separation/report.html").read_text()
    assert "best validation mean IoU" in report
    header = (desk / "sweeps/separation/results.csv").read_text().splitlines()[0].split(",")
    assert {"validation_mean_iou", "validation_mean_iou_deviation", "test_mean_iou"} <= set(header)
    for told in (out, *err, report, *header):
        assert "accuracy" not in told.lower()


def test_a_residual_network_takes_larger_images_too(digitscope: Command, sample: Dataset, tmp_path: Path) -> None:
    def padded(split: Split) -> Split:
        return Split(np.pad(split.images, ((0, 0), (2, 2), (2, 2))), split.labels)

    write_idx_folder(tmp_path / "padded", padded(sample.train[:100]), padded(sample.test[:40]))
    flags = ("--data", tmp_path / "padded", "--unchecked")
    short = ("--epochs", 1, "--epochs-without-augmentation", 0, "--batch-size", 30)
    assert digitscope("train", "resnet", *flags, *short, "--out", "run").code == 0
    assert digitscope("train", "resnet", *flags, "--out", "run", "--resume").code == 0
    code, out, err = digitscope("evaluate", "run", *flags, "--json")
    assert (code, err) == (0, [])
    assert json.loads(out)["n"] == 40
    outcome = digitscope("export", "run", "--to", "run.onnx", *flags)
    assert_one_line(outcome, 2, "has images of 32 x 32: expected 28 x 28, as a file reads them")
