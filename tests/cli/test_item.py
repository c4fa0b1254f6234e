"""The network for the items of pages through the commands: trained, evaluated, exported and shipped."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from digitscope.cli import datasets, main
from digitscope.data import page_batches
from digitscope.data.hands import Material
from digitscope.experiments import sources
from digitscope.experiments.items import score_items
from digitscope.experiments.run import load_run
from digitscope.reading import Recognizer
from digitscope.training import predict_logits
from tests.cli.helpers import Command

SHORT = ("--epochs", 1, "--epoch-size", 32, "--batch-size", 16, "--warmup", 0.5, "--ema", 0)


@pytest.fixture(scope="module", autouse=True)
def _few_items() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "GROUPS", (1, 1, 1))
        patch.setattr(sources, "MIXED_ITEMS", 1)
        patch.setattr(page_batches, "AHEAD", 1)
        yield


@pytest.fixture(scope="module")
def item_run(page_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of one epoch; not to be changed."""
    folder = tmp_path_factory.mktemp("trained") / "item"
    words = ["train", "item", "--data", page_folder, "--unchecked", *SHORT, "--out", folder]
    assert main([str(word) for word in words]) == 0
    return folder


def test_a_run_is_scored_on_what_is_found_on_test_pages(
    digitscope: Command, item_run: Path, page_folder: Path, desk: Path
) -> None:
    words = ("--data", page_folder, "--unchecked", "--figures", "figures")
    code, out, err = digitscope("evaluate", item_run, *words, "--json")
    assert (code, err) == (0, [])
    assert sorted(path.name for path in (desk / "figures").iterdir()) == ["errors.png", "report.html"]
    test = datasets.items(page_folder, True).test
    expected = vars(score_items(predict_logits(load_run(item_run).model, test.images), test.labels))
    scores = json.loads(out)
    assert {name: scores[name] for name in expected} == pytest.approx(expected)


def test_what_ships_reads_and_tells_how_it_is_combined(
    item_run: Path, page_folder: Path, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scripts import ship_page

    combinations = {"classes": {"page": 0.5, "item": 0.75}}
    monkeypatch.setattr(ship_page, "fit_combinations", lambda *_: combinations)
    monkeypatch.setattr(ship_page, "get_recipe", lambda _: load_run(item_run).recipe)
    dataset = datasets.items(page_folder, True)
    ship_page.ship_item(item_run, dataset, tmp_path, material=material, half=True)
    shipped = Recognizer.load(tmp_path / "item.onnx")
    assert (shipped.task, shipped.about) == ("item", {"task": "item", "combinations": combinations})
    prediction = shipped.predict(dataset.test.images)
    assert prediction.probabilities.sum(axis=1) == pytest.approx(np.ones(len(dataset.test)), abs=1e-5)
    assert prediction.distances is None
    card = (tmp_path / "item.md").read_text(encoding="utf-8")
    parameters = sum(each.numel() for each in load_run(item_run).model.parameters())
    for text in (
        "digitscope train item --seed 12321\n",
        "python -m scripts.ship_weights item runs/item-1 --half\n",
        f"{parameters:,} parameters; {(tmp_path / 'item.onnx').stat().st_size:,} bytes, ONNX opset 20.",
        f"| detections | {len(dataset.test):,} |",
    ):
        assert text in card
