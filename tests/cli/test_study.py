import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.helpers import Command, assert_one_line


@pytest.mark.usefixtures("trials_in_process")
def test_a_quick_study_and_its_files(
    digitscope: Command, desk: Path, monkeypatch: pytest.MonkeyPatch, tiny_mnist_folder: Path
) -> None:
    monkeypatch.setenv("DIGITSCOPE_DATA", str(tiny_mnist_folder))  # for other calls
    words = ("study", "epochs", "--quick", "--seeds", 1, "--device", "cpu")
    code, out, err = digitscope(*words)
    assert (code, len(err)) == (0, 5)
    assert err[0].startswith("epochs on MNIST sample")
    assert err[0].endswith("into studies/epochs-quick")
    assert "4 of 4: training " in err[-1]
    assert out.endswith("studies/epochs-quick: epochs.png, epochs.csv and epochs.md\n")
    folder = desk / "studies" / "epochs-quick"
    rows = list(csv.DictReader((folder / "epochs.csv").read_text().splitlines()))
    assert [row["training"] for row in rows] == ["plain", "dropout", "warped", "both"]
    assert all(0.5 < float(row["validation_accuracy"]) < 1 for row in rows)
    with Image.open(folder / "epochs.png") as image:
        assert image.size == (2000, 1000)
    text = (folder / "epochs.md").read_text()
    assert {row["test_accuracy"] for row in rows} == {""}
    assert "| test |" not in text
    assert "\n    digitscope study epochs --seeds 1 --quick\n" in text
    assert "On 1,000 training digits, after 8 epochs" in text
    before = (folder / "epochs.csv").read_bytes()
    code, out, _ = digitscope(*words, "--json")  # which finds all of it done
    told = json.loads(out)
    assert (code, told["folder"], len(told["table"])) == (0, "studies/epochs-quick", 4)
    assert told["findings"] in text
    assert (folder / "epochs.csv").read_bytes() == before


@pytest.mark.usefixtures("trials_in_process")
def test_digits_too_few_for_a_batch_are_told_and_nothing_is_drawn(
    digitscope: Command, tiny_mnist_folder: Path, desk: Path
) -> None:
    words = ("study", "epochs", "--seeds", 1, "--data", tiny_mnist_folder, "--unchecked")
    code, out, err = digitscope(*words)
    assert (code, out) == (1, "")
    assert "batch_size = 64: expected 1 to 57" in err[-6]
    assert err[-1] == "digitscope: error: studies/epochs: no training went to its end, so there is nothing to draw"
    assert not (desk / "studies" / "epochs" / "epochs.png").exists()


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("data", "--quick", "--data", "mnist"), ("--quick: it is for the embedded sample: expected no --data",)),
        (("data", "--seeds", "0"), ("argument --seeds: '0' is no count: expected a whole number from 1",)),
    ],
)
def test_a_wrong_call(digitscope: Command, desk: Path, words: tuple[str, ...], parts: tuple[str, ...]) -> None:
    assert_one_line(digitscope("study", *words), 2, *parts)
    assert list(desk.iterdir()) == []
