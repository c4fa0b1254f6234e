import json
from pathlib import Path

from digitscope.data import Dataset
from digitscope.reading import Recognizer
from tests.cli.helpers import Command, assert_one_line, everything_in


def test_a_run_becomes_a_file_that_reads_alike(
    digitscope: Command, trained_folder: Path, sample: Dataset, desk: Path
) -> None:
    code, out, _ = digitscope("export", trained_folder, "--to", "net.onnx", "--json")
    assert code == 0
    told = json.loads(out)
    assert (told["file"], told["opset"]) == ("net.onnx", 20)
    run = json.loads(digitscope("evaluate", trained_folder, "--split", "validation", "--json").out)
    file = json.loads(digitscope("evaluate", "net.onnx", "--split", "validation", "--json").out)
    assert file["confusion"] == run["confusion"]
    assert told["validation"] == {name: file[name] for name in ("nll", "ece", "accuracy")}
    assert file["nll"] <= run["nll"]
    assert Recognizer.load(desk / "net.onnx").predict(sample.test.images).labels.shape == (500,)


def test_the_table_shows_what_calibration_changed_and_other_data_are_remarked_on(
    digitscope: Command, trained_folder: Path, tiny_mnist_folder: Path, desk: Path
) -> None:
    data = ("--data", tiny_mnist_folder, "--unchecked")
    code, out, err = digitscope("export", trained_folder, "--to", "new/net.onnx", *data)
    assert code == 0
    assert out.startswith(f"new/net.onnx: opset 20, {(desk / 'new/net.onnx').stat().st_size:,} bytes, temperature")
    assert [row for row in ("accuracy", "negative log-likelihood", "calibration error") if row not in out] == []
    (line,) = err
    assert "is not what" in line


def test_refusals(digitscope: Command, desk: Path) -> None:
    for words, code, part in (
        (("nowhere", "--to", "net.onnx"), 1, "nowhere: no run is here"),
        ((".", "--to", "net.pt"), 2, "expected a name that ends in .onnx"),
        ((".",), 2, "--to"),
    ):
        assert_one_line(digitscope("export", *words), code, part)
    assert everything_in(desk) == {}


def test_the_numpy_network_is_not_exported(digitscope: Command, tiny_mnist_folder: Path) -> None:
    data = ("--data", tiny_mnist_folder, "--unchecked")
    assert digitscope("train", "scratch", *data, "--epochs", 1, "--batch-size", 8, "--out", "numpy").code == 0
    assert_one_line(digitscope("export", "numpy", "--to", "net.onnx", *data), 2, "scratch")
