import base64
import json
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from safetensors.numpy import load_file
from sklearn.metrics import confusion_matrix, log_loss

from digitscope.data import (
    COURSE_SEED,
    Dataset,
    Split,
    load_two_digit,
    make_two_digit,
    random_pairs,
)
from digitscope.data.unipen import convert_unipen
from digitscope.experiments.scoring import fresh_pairs
from tests.cli.helpers import Command, assert_one_line, everything_in
from tests.data.helpers import SEVEN, write_unipen

KEYS = ["n", "accuracy", "per_position", "nll", "ece", "confusion", "data"]
NAMES = ["confusion.png", "reliability.png", "errors.png", "report.html"]


def test_scores_of_one_digit(digitscope: Command, trained_folder: Path, sample: Dataset) -> None:
    split = "validation"
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
    assert scores["data"].startswith("MNIST sample, from the embedded sample")
    assert scores["accuracy"] == np.mean(read == labels)
    assert scores["per_position"] == [scores["accuracy"]]
    assert scores["confusion"] == confusion.tolist()
    assert scores["nll"] == pytest.approx(-np.log(likelihoods[np.arange(500), labels]).mean(), rel=1e-5)
    assert 0 <= scores["ece"] <= 1


def test_pen_digits_of_held_back_writers(digitscope: Command, pairs_folder: Path, desk: Path) -> None:
    """Of six writers, each with a 7, one is held back."""
    convert_unipen(write_unipen(desk / "unipen", dict.fromkeys("abcdef", SEVEN)), desk)
    words = ("--data", desk, "--split", "pens", "--json")
    code, out, _ = digitscope("evaluate", "digit", *words)
    assert code == 0
    assert (json.loads(out)["n"], json.loads(out)["accuracy"]) == (1, 1)
    for wrong in (("two-digit",), ("digit", "--pairs", 3)):
        assert_one_line(digitscope("evaluate", *wrong, *words), 2, "--split pens has single digits: expected a")
    outcome = digitscope("evaluate", "digit", "--data", pairs_folder, "--split", "pens")
    assert_one_line(outcome, 1, f"{pairs_folder}/digits.npz: no such file: `digitscope data pens")


def test_scores_of_two_digits(digitscope: Command, pairs_folder: Path) -> None:
    words = ("train", "two-digit-mlp", "--data", pairs_folder, "--epochs", 8, "--batch-size", 10, "--out", "two")
    assert digitscope(*words).code == 0
    code, out, _ = digitscope("evaluate", "two", "--data", pairs_folder, "--split", "train", "--json")
    assert code == 0
    scores = json.loads(out)
    assert list(scores) == ["n", "accuracy", "per_position", "both_right", "nll", "ece", "confusion", "data"]
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


def test_another_model_in_the_configuration_is_one_short_line(
    digitscope: Command, trained_folder: Path, desk: Path
) -> None:
    rewrite_config(shutil.copytree(trained_folder, desk / "mine"), model="cnn", options={})
    outcome = digitscope("evaluate", "mine")
    assert_one_line(outcome, 1, "mine/model.safetensors: these weights belong")
    assert len(outcome.err[0]) < 300


def rewrite_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


# Networks that need no PyTorch


class Linear(NamedTuple):
    """A file with one layer, (pixels / 255) @ weight + bias, and the same in NumPy."""

    path: Path
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.floating]:
        logits = images.reshape(len(images), -1).astype(np.float32) / 255 @ self.weight + self.bias
        return logits if len(self.bias) == 10 else logits.reshape(-1, 2, 10)


def write_linear(path: Path, split: Split) -> Linear:
    """Fit one layer to `split` by least squares, and write it as ONNX by hand."""
    pixels = split.images.reshape(len(split), -1) / 255
    wanted = 6 * np.eye(10)[split.labels].reshape(len(split), -1)
    penalty = 10 * np.eye(pixels.shape[1])
    weight = np.linalg.solve(pixels.T @ pixels + penalty, pixels.T @ wanted).astype(np.float32)
    network = Linear(path, weight, np.linspace(-0.2, 0.2, weight.shape[1], dtype=np.float32))
    onnx.save(_graph(network, split.images.shape[1:]), path)
    return network


def _graph(network: Linear, shape: tuple[int, ...]) -> onnx.ModelProto:
    digits = [10] if len(network.bias) == 10 else [2, 10]
    constants = {
        "weight": network.weight,
        "bias": network.bias,
        "white": np.float32(255),
        "flat": np.array([-1, network.weight.shape[0]]),
        "shape": np.array([-1, *digits]),
    }
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Div", ["floats", "white"], ["shares"]),
        helper.make_node("Reshape", ["shares", "flat"], ["rows"]),
        helper.make_node("Gemm", ["rows", "weight", "bias"], ["outputs"]),
        helper.make_node("Reshape", ["outputs", "shape"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
    ]
    outputs = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", *digits])
        for name in ("logits", "probabilities")
    ]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("images", onnx.TensorProto.UINT8, ["batch", *shape])],
        outputs,
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.fixture(scope="session")
def one_digit(sample: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Linear:
    return write_linear(tmp_path_factory.mktemp("one") / "one.onnx", sample.train[:2000])


@pytest.fixture(scope="session")
def two_digit(sample: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Linear:
    split = random_pairs(sample.train, 3000, generator=np.random.default_rng(5))
    return write_linear(tmp_path_factory.mktemp("two") / "two.onnx", split)


@pytest.fixture
def shipped(one_digit: Linear, two_digit: Linear, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the small networks be the shipped ones, and return their folder."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for name, network in (("digit", one_digit), ("digit-best", one_digit), ("two-digit", two_digit)):
        shutil.copy(network.path, folder / f"{name}.onnx")
    monkeypatch.setattr("digitscope.reading.shipped.WEIGHTS", folder)
    return folder


def test_scores_of_an_onnx_file(digitscope: Command, one_digit: Linear, sample: Dataset) -> None:
    split = "test"
    code, out, err = digitscope("evaluate", one_digit.path, "--split", split, "--json")
    assert code == 0
    assert not any("trained with" in line for line in err)  # the file does not say
    scores = json.loads(out)
    assert list(scores) == KEYS
    images, labels = sample.splits[split].images, sample.splits[split].labels
    logits = one_digit.logits(images)
    assert scores["accuracy"] == np.mean(logits.argmax(axis=1) == labels)
    assert 0.6 < scores["accuracy"] < 1
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert scores["nll"] == pytest.approx(log_loss(labels, probabilities, labels=range(10)), rel=1e-5)
    expected = confusion_matrix(labels, logits.argmax(axis=1), labels=range(10))
    assert scores["confusion"] == expected.tolist()


def test_shipped_names(digitscope: Command, shipped: Path) -> None:
    name = "two-digit"
    code, out, _ = digitscope("evaluate", name, "--json")
    assert code == 0
    scores = json.loads(out)
    assert ("both_right" in scores, scores["n"]) == (True, 4000)
    assert json.loads(digitscope("evaluate", shipped / f"{name}.onnx", "--json").out) == scores


@pytest.mark.usefixtures("shipped")
def test_what_lies_at_the_path_goes_before_a_shipped_name(
    digitscope: Command, trained_folder: Path, desk: Path
) -> None:
    shutil.copytree(trained_folder, desk / "digit")
    expected = digitscope("evaluate", trained_folder, "--json").out
    assert digitscope("evaluate", "digit", "--json").out == expected
    (desk / "two-digit").mkdir()
    assert_one_line(digitscope("evaluate", "two-digit"), 1, "two-digit: no run is here")
    (desk / "digit-best").touch()
    assert_one_line(digitscope("evaluate", "digit-best"), 1, "digit-best: no run is here")


def test_a_damaged_or_missing_onnx_file(digitscope: Command, desk: Path) -> None:
    for content in (None, b"", b"junk" * 99):
        if content is not None:
            (desk / "net.onnx").write_bytes(content)
        assert_one_line(digitscope("evaluate", "net.onnx"), 1, "digitscope: error: net.onnx: ")


def test_a_name_that_no_file_can_have(digitscope: Command) -> None:
    assert_one_line(digitscope("evaluate", "x" * 5000), 1, "cannot be read (File name too long)")


def test_an_onnx_file_has_no_device(digitscope: Command, one_digit: Linear) -> None:
    assert digitscope("evaluate", one_digit.path, "--device", "cpu", "--json").code == 0
    outcome = digitscope("evaluate", one_digit.path, "--device", "cuda")
    assert_one_line(outcome, 2, "device is 'cuda'", str(one_digit.path), "on the CPU")


def test_pytorch_stays_unloaded(shipped: Path, tmp_path: Path) -> None:
    code = f"""
import pathlib, sys
import digitscope.reading.shipped as shipped
from digitscope.cli import main
shipped.WEIGHTS = pathlib.Path({str(shipped)!r})
codes = [main(["evaluate", {str(shipped / "digit.onnx")!r}, "--json", "--figures", {str(tmp_path / "figures")!r}])]
codes += [main(["evaluate", *words]) for words in (["digit"], ["two-digit", "--pairs", "50"])]
print(codes, sorted(name for name in ("torch", "onnx") if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == ["[0, 0, 0] []"], done.stderr


# Pairs made for the purpose


def test_fresh_pairs_are_of_the_split_s_digits(sample: Dataset) -> None:
    split = "train"
    singles = sample.splits[split]
    pairs = fresh_pairs(sample, split, 60, seed=3)
    assert pairs.images.shape == (60, 42, 28)
    # Fourteen rows at either end hold one digit alone.
    for position, rows_of_pair, rows_of_digit in (
        (0, slice(0, 14), slice(0, 14)),
        (1, slice(28, 42), slice(14, 28)),
    ):
        known = set(zip(map(bytes, singles.images[:, rows_of_digit]), singles.labels.tolist(), strict=True))
        made = set(zip(map(bytes, pairs.images[:, rows_of_pair]), pairs.labels[:, position].tolist(), strict=True))
        assert made <= known


def test_fresh_pairs_go_on_where_the_default_ones_end(sample: Dataset) -> None:
    split = "validation"
    default = make_two_digit(sample, n_train=200, n_test=50, seed=9).splits[split]
    more = fresh_pairs(sample, split, 250, seed=9)
    assert np.array_equal(more.images[: len(default)], default.images)
    assert np.array_equal(more.labels[: len(default)], default.labels)


def test_scores_of_fresh_pairs(digitscope: Command, two_digit: Linear, sample: Dataset) -> None:
    def score(*words: object) -> dict[str, object]:
        code, out, _ = digitscope("evaluate", two_digit.path, *words, "--json")
        assert code == 0
        return dict(json.loads(out))

    pairs = fresh_pairs(sample, "test", 700, seed=4)
    right = two_digit.logits(pairs.images).argmax(axis=-1) == pairs.labels
    scores = score("--pairs", 700, "--seed", 4)
    assert scores["n"] == 700
    assert scores["per_position"] == right.mean(axis=0).tolist()
    assert scores["both_right"] == right.all(axis=1).mean()
    assert score("--pairs", 700) == score("--pairs", 700, "--seed", COURSE_SEED) != scores
    assert {**score("--pairs", 4000), "data": ""} == {**score(), "data": ""}  # the same pairs in other words
    assert score("--pairs", 700, "--seed", 4, "--split", "validation") != scores


def test_fresh_pairs_come_before_the_course_s_files(
    digitscope: Command, two_digit: Linear, pairs_folder: Path
) -> None:
    data = ("--data", pairs_folder)
    assert json.loads(digitscope("evaluate", two_digit.path, *data, "--json").out)["n"] == 20
    outcome = digitscope("evaluate", two_digit.path, *data, "--pairs", 33)
    assert outcome.code == 0
    assert outcome.out.startswith(f"{two_digit.path} on 33 pairs of digits of the test split of MNIST sample")


def test_pairs_that_make_no_sense(
    digitscope: Command, one_digit: Linear, two_digit: Linear, tiny_mnist_folder: Path
) -> None:
    data = ("--data", tiny_mnist_folder, "--unchecked")
    for network, words, part in (
        (one_digit, ("--pairs", 10), "one.onnx reads one digit: leave --pairs out"),
        (one_digit, ("--seed", 4), "--seed is of the pairs that --pairs makes"),
        (one_digit, ("--pairs", "many"), "--pairs: invalid int value: 'many'"),
        (two_digit, ("--pairs=0",), "n = 0 pairs"),
        (two_digit, ("--pairs=10000001",), "n = 10000001 pairs"),
    ):
        assert_one_line(digitscope("evaluate", network.path, *data, *words), 2, part)


# Figures


def test_figures_and_a_report(digitscope: Command, one_digit: Linear, desk: Path) -> None:
    code, out, _ = digitscope("evaluate", one_digit.path, "--figures", desk / "new" / "figures")
    assert code == 0
    folder = desk / "new" / "figures"
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)
    assert out.splitlines()[-1] == f"{folder}: {', '.join(NAMES)}"
    html = unescape((folder / "report.html").read_text())
    embedded = re.findall(r"data:image/png;base64,([\w+/=]+)", html)
    assert [base64.b64decode(content) for content in embedded] == [
        (folder / name).read_bytes() for name in NAMES[:3]
    ]
    assert f">digitscope evaluate {one_digit.path} --figures {folder}<" in html
    scores = json.loads(digitscope("evaluate", one_digit.path, "--json").out)
    for text in (f"{scores['accuracy']:.2%}", f"{scores['nll']:.4f}", f"{scores['ece']:.4f}", "MNIST sample"):
        assert f">{text}" in html
        assert text in out
    assert 'src="http' not in html


def test_the_report_of_pairs_repeats_the_whole_command(digitscope: Command, two_digit: Linear, desk: Path) -> None:
    words = (
        "--pairs",
        50,
        "--seed",
        7,
        "--split",
        "validation",
        "--figures",
        "my figures",
        "--device",
        "cpu",
        "--json",
    )
    code, out, _ = digitscope("evaluate", two_digit.path, *words)
    assert code == 0
    assert list(json.loads(out))[3] == "both_right"
    html = unescape((desk / "my figures" / "report.html").read_text())
    command = (
        f"digitscope evaluate {two_digit.path} --split validation "
        "--pairs 50 --seed 7 --figures 'my figures' --device cpu"
    )
    assert f">{command}<" in html
    for name in ("upper digit", "lower digit", "both right", "pairs made with seed 7 of MNIST sample"):
        assert name in html


def test_nothing_is_written_unasked(digitscope: Command, one_digit: Linear, tmp_path: Path) -> None:
    before = everything_in(tmp_path)
    assert digitscope("evaluate", one_digit.path).code == 0
    assert everything_in(tmp_path) == before


def test_figures_that_cannot_be_written_are_refused_before_the_scoring(
    digitscope: Command,
    one_digit: Linear,
    tiny_mnist_folder: Path,
    desk: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = "file/deeper"
    monkeypatch.setattr("digitscope.cli.evaluate.predict_in_steps", lambda *_: pytest.fail("it was scored"))
    (desk / "file").write_text("mine")
    data = ("--data", tiny_mnist_folder, "--unchecked")
    outcome = digitscope("evaluate", one_digit.path, *data, "--figures", place)
    assert_one_line(outcome, 1, "file", "cannot be written", "another folder with --figures")
    assert everything_in(desk) == {"file": b"mine"}


def test_the_report_of_a_training_is_not_overwritten(
    digitscope: Command, trained_folder: Path, desk: Path
) -> None:
    shutil.copytree(trained_folder, desk / "mine")
    outcome = digitscope("evaluate", "mine", "--figures", "./mine/")
    assert_one_line(outcome, 2, "--figures mine is MODEL itself", "name another folder")


def test_the_confusion_is_printed(digitscope: Command, one_digit: Linear) -> None:
    _, out, _ = digitscope("evaluate", one_digit.path)
    rows = [line.replace("│", " | ").split("|")[1:-1] for line in out.splitlines() if line.startswith("│")][-10:]
    printed = [[int(cell.replace(",", "") or 0) for cell in map(str.strip, row)][1:] for row in rows]
    assert printed == json.loads(digitscope("evaluate", one_digit.path, "--json").out)["confusion"]


def test_the_sample_is_no_test_of_what_ships(digitscope: Command) -> None:
    code, _, err = digitscope("evaluate", "digit", "--json")
    assert code == 0
    assert any("no test: the sample is of digits that digit may have learned from" in line for line in err)
