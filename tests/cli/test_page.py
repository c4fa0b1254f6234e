"""The network for pages through the commands: trained, resumed, evaluated, exported and shipped."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from digitscope.cli import datasets, main
from digitscope.data import page_batches
from digitscope.data.page_scores import score_scenes
from digitscope.errors import SettingError
from digitscope.experiments import sources
from digitscope.experiments.run import load_run
from digitscope.export import ExportError, export_page, in_half_precision
from digitscope.models import build
from digitscope.training import predict_logits
from tests.cli.helpers import Command, assert_one_line, everything_in

FILES = ["config.json", "curves.png", "metrics.jsonl", "model.safetensors", "report.html", "state.safetensors"]
SCORES = [
    *("n", "precision", "recall", "class_accuracy", "f1"),
    *("mean_average_precision", "worst_f1", "signs", "printed"),
]
SHORT = ("--epochs", 2, "--epoch-size", 2, "--batch-size", 2, "--warmup", 0.5, "--ema", 0)


@pytest.fixture(scope="module", autouse=True)
def _few_scenes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "SCENES", (1, 2, 2))
        patch.setattr(sources, "FreshExamples", partial(page_batches.FreshExamples, mixed=1))
        patch.setattr(page_batches, "AHEAD", 1)
        yield


@pytest.fixture
def data(page_folder: Path) -> tuple[object, ...]:
    """Flags that name a folder of a few digits and pens."""
    return ("--data", page_folder, "--unchecked")


@pytest.fixture(scope="module")
def page_run(page_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of two epochs; not to be changed."""
    folder = tmp_path_factory.mktemp("trained") / "page"
    words = ["train", "page", "--data", page_folder, "--unchecked", *SHORT, "--out", folder]
    assert main([str(word) for word in words]) == 0
    return folder


def test_a_run_folder_says_f1(page_run: Path) -> None:
    assert sorted(path.name for path in page_run.iterdir()) == FILES
    config = json.loads((page_run / "config.json").read_text())
    assert (config["task"], config["model"], config["data"]["name"]) == ("page", "page", "made pages")
    assert len(config["data"]["material_sha256"]) == 64
    report = (page_run / "report.html").read_text()
    for text in ("validation F1", "class accuracy", "weighted sum", "2 images"):
        assert text in report
    assert "nats" not in report
    assert len((page_run / "metrics.jsonl").read_text().splitlines()) == 2


def test_resume_gives_the_same_bytes(
    digitscope: Command, data: tuple[object, ...], page_run: Path, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_after_the_first(bar: object, name: str) -> None:
        del bar
        if "epoch 1 " in name:
            raise KeyboardInterrupt

    words = ("train", "page", *data, "--out", "cut")
    with monkeypatch.context() as patch:
        patch.setattr("digitscope.cli.console.StepBar.say", stop_after_the_first)
        assert_one_line(digitscope(*words, *SHORT), 130, "interrupted", announced=True)
    assert len((desk / "cut" / "metrics.jsonl").read_text().splitlines()) == 1
    code, out, _ = digitscope(*words, "--resume")
    assert code == 0
    assert "class accuracy" in out
    assert (desk / "cut/model.safetensors").read_bytes() == (page_run / "model.safetensors").read_bytes()


def test_a_run_is_scored_on_made_test_pages(
    digitscope: Command, data: tuple[object, ...], page_run: Path, page_folder: Path
) -> None:
    code, out, err = digitscope("evaluate", page_run, *data, "--figures", "figures")
    assert (code, err) == (0, [])
    assert f"{page_run} (page) on the test split of made pages" in out
    assert "Confusion" not in out
    assert sorted(path.name for path in Path("figures").iterdir()) == ["pages.png", "report.html", "worst.png"]
    test = datasets.scenes(page_folder, True).test
    expected = score_scenes(predict_logits(load_run(page_run).model, test.images), test.labels)
    rows = {line.split("│")[1].strip(): line.split("│")[2].strip() for line in out.splitlines() if "│" in line}
    assert rows["handwritten digits"] == f"{expected.n:,}"
    assert rows["mean average precision"] == f"{expected.mean_average_precision:.2%}"
    assert len(rows) == len(SCORES)


@pytest.fixture(scope="module")
def page_file(page_run: Path, page_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's network as a file, its weights rounded; not to be changed."""
    file = tmp_path_factory.mktemp("exported") / "page.onnx"
    words = ["export", page_run, "--to", file, "--half", "--data", page_folder, "--unchecked"]
    assert main([str(word) for word in words]) == 0
    return file


def test_a_run_becomes_a_file_for_pages_of_any_size(page_run: Path, page_file: Path) -> None:
    content = page_file.read_bytes()
    assert len(content) < 2_500_000
    for trace in (b"site-packages", b".py", str(Path.home()).encode() + b"/"):
        assert trace not in content
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (given,), (said,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape) == ("images", "tensor(uint8)", ["batch", "height", "width"])
    assert (said.name, said.type, said.shape[:2]) == ("maps", "tensor(float)", ["batch", 42])
    about = session.get_modelmeta().custom_metadata_map
    assert list(about) == ["digitscope"]
    assert json.loads(about["digitscope"]) == {"task": "page", "classes": "0123456789.,-/:+×÷=()"}
    network = in_half_precision(load_run(page_run).model)
    for shape in ((1, 64, 32), (2, 96, 160), (3, 32, 32)):
        images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        expected = predict_logits(network, images)
        assert session.run(None, {"images": images})[0] == pytest.approx(expected, abs=1e-3)


def test_the_graph_is_folded(page_file: Path) -> None:
    assert "BatchNormalization" not in {node.op_type for node in onnx.load(page_file).graph.node}


def test_maps_that_differ_are_not_kept(page_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph is that of another network."""
    monkeypatch.setattr("digitscope.export.graph_of", lambda *_: onnx.load(page_file))
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64), np.uint8)
    with pytest.raises(ExportError, match="the exported maps differ from the network"):
        export_page(build("page", {}), tmp_path / "new" / "net.onnx", images)
    assert list((tmp_path / "new").iterdir()) == []


def test_the_scores_of_a_file_are_those_of_its_network(
    digitscope: Command, data: tuple[object, ...], page_run: Path, page_file: Path, page_folder: Path
) -> None:
    code, out, err = digitscope("evaluate", page_file, *data, "--split", "validation", "--json")
    assert (code, err) == (0, [])
    scores = json.loads(out)
    assert list(scores) == [*SCORES, "data"]
    split = datasets.scenes(page_folder, True).validation
    maps = predict_logits(in_half_precision(load_run(page_run).model), split.images)
    expected = vars(score_scenes(maps, split.labels))
    assert {name: scores[name] for name in SCORES} == pytest.approx(expected)


def test_a_file_is_scored_without_pytorch(page_file: Path) -> None:
    code = f"""
import sys
import numpy as np
from pathlib import Path
from digitscope.cli.evaluate import SCORINGS
from digitscope.experiments.scoring import load_trained
reader = load_trained(Path({str(page_file)!r}))
maps = reader.logits(np.zeros((1, 256, 256), np.uint8))
print(reader.task, SCORINGS["page"].evaluate(maps, np.zeros((1, 17, 64, 64), np.uint8)).n, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "page 0 False\n"


def test_what_pages_are_not_scored_on(digitscope: Command, data: tuple[object, ...], page_run: Path) -> None:
    for words, message in (
        (("--pairs", 10), "finds digits on pages: leave --pairs out"),
        (("--split", "pens"), "--split pens has single digits"),
    ):
        assert_one_line(digitscope("evaluate", page_run, *data, *words), 2, message)


def test_training_without_pens_is_one_line(
    digitscope: Command, page_folder: Path, desk: Path, tmp_path: Path
) -> None:
    shutil.copytree(page_folder / "mnist", tmp_path / "data" / "mnist")
    outcome = digitscope("train", "page", "--data", tmp_path / "data", "--unchecked")
    assert_one_line(outcome, 1, "`digitscope data pens --unipen DIR` makes it")
    assert everything_in(desk) == {}


def test_what_ships_has_a_card(
    page_run: Path, page_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names data, licences, scores and limits."""
    from scripts import ship_page

    def write(model: nn.Module, path: Path, images: np.ndarray) -> None:
        assert len(images) == 2
        path.write_text(str(sum(weights.numel() for weights in model.parameters())))

    monkeypatch.setattr(ship_page, "export_page", write)
    monkeypatch.setattr(ship_page, "get_recipe", lambda _: load_run(page_run).recipe)
    dataset = datasets.scenes(page_folder, True)
    run = tmp_path / "run"
    shutil.copytree(page_run, run)
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    config["data"]["start_sha256"] = "0123456789abcdef" * 4
    config["settings"]["learning_rate"] = 0.0625
    (run / "config.json").write_text(json.dumps(config), encoding="utf-8")
    ship_page.ship_page(run, dataset, tmp_path / "weights", half=True)
    assert sorted(path.name for path in (tmp_path / "weights").iterdir()) == ["page.md", "page.onnx"]
    card = (tmp_path / "weights/page.md").read_text(encoding="utf-8")
    maps = predict_logits(in_half_precision(load_run(page_run).model), dataset.test.images)
    scores = score_scenes(maps, dataset.test.labels)
    for text in (
        "digitscope train page --seed 12321 --start page.onnx --learning-rate 0.0625\n",
        "started from a file in the project's history, sha256 `0123456789abcdef`",
        "python -m scripts.ship_weights page runs/page-1 --half\n",
        f"1,123,354 parameters; {(tmp_path / 'weights/page.onnx').stat().st_size:,} bytes, ONNX opset 20.",
        "MNIST (LeCun et al. 1998), licence CC BY-SA 3.0",
        "UNIPEN train_r01_v07 (Guyon et al. 1994; Zenodo 10.5281/zenodo.1195803), licence CC BY 4.0",
        "## 2 made test pages",
        f"| handwritten digits | {scores.n:,} |",
        f"| mean average precision | {scores.mean_average_precision:.2%} |",
        "## Limits",
    ):
        assert text in card
    assert "\n\n\n" not in card


def test_the_mean_of_a_network_and_its_start(page_run: Path, page_file: Path, page_folder: Path) -> None:
    """Its weights are in the middle; a file that the run did not start from is refused."""
    from scripts.ship_page import mean_with_start

    images = datasets.scenes(page_folder, True).validation.images
    run = load_run(page_run)
    config = {"data": {"start_sha256": hashlib.sha256(page_file.read_bytes()).hexdigest()}}
    with torch.no_grad():
        run.model.get_parameter("1.fine.bias").add_(2)  # of the last layer, so that maps are means too
    mean = predict_logits(mean_with_start(run, config, page_file, images), images)
    first = predict_logits(in_half_precision(load_run(page_run).model), images)
    fine = slice(0, 33)
    assert mean[:, fine] == pytest.approx(first[:, fine] + 1, abs=0.01 * float(np.abs(first).max()))
    with pytest.raises(SettingError, match="started from another file"):
        mean_with_start(run, {"data": {}}, page_file, images)
