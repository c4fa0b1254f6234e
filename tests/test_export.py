"""From PyTorch to ONNX: the same numbers, the same bytes, nothing of the machine."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from digitscope.data import Dataset, overlap
from digitscope.errors import DataError, SettingError
from digitscope.export import (
    ExportError,
    export_calibrated,
    export_onnx,
    export_page,
    fit_temperature,
    folded,
    in_half_precision,
    start_from,
)
from digitscope.metrics import evaluate_logits, log_softmax, negative_log_likelihood
from digitscope.models import build
from digitscope.models.layers import convolution
from digitscope.models.pages import LocalContrast, Residual
from digitscope.reading import Prediction, Recognizer
from digitscope.training import predict_logits


def new_model(name: str = "fast") -> nn.Sequential:
    torch.manual_seed(1)
    return build(name, {})


@pytest.fixture(scope="module")
def fast_file(sample: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The new network "fast" as a file; not to be changed."""
    path = tmp_path_factory.mktemp("exported") / "fast.onnx"
    export_onnx(new_model(), path, sample.test.images[:50])
    return path


@pytest.fixture
def _exported_before(fast_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the graph of "fast" be the one that is there already."""
    monkeypatch.setattr("digitscope.export.graph_of", lambda *_: onnx.load(fast_file))


def test_two_exports_give_equal_bytes_without_a_trace_of_the_machine(
    fast_file: Path, sample: Dataset, tmp_path: Path
) -> None:
    export_onnx(new_model(), tmp_path / "again.onnx", sample.test.images[:2])
    content = fast_file.read_bytes()
    assert content == (tmp_path / "again.onnx").read_bytes()
    assert not any(word in content for word in (b".py", b"site-packages", str(Path.home()).encode() + b"/"))
    assert [path.name for path in tmp_path.iterdir()] == ["again.onnx"]


def test_the_graph_holds_everything_and_takes_any_batch(fast_file: Path) -> None:
    model = onnx.load(fast_file)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 20)]
    (images,) = model.graph.input
    shape = images.type.tensor_type.shape.dim
    assert images.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert (shape[0].dim_param, shape[1].dim_value, shape[2].dim_value) == ("batch", 28, 28)
    assert [output.name for output in model.graph.output] == ["logits", "probabilities"]
    assert "BatchNormalization" not in {node.op_type for node in model.graph.node}  # folded into the convolutions


@pytest.mark.usefixtures("_exported_before")
def test_a_network_that_exports_to_another_is_not_kept(
    sample: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recognizer, "logits", lambda _, images: np.zeros((len(images), 10), np.float32))
    with pytest.raises(ExportError, match="nothing was written"):
        export_onnx(new_model(), tmp_path / "net.onnx", sample.test.images[:5])
    assert not any(tmp_path.iterdir())


@pytest.mark.usefixtures("_exported_before")
def test_other_probabilities_are_not_kept_either(
    sample: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def uniform(_: Recognizer, images: np.ndarray) -> Prediction:
        return Prediction(np.zeros(len(images), np.uint8), np.full((len(images), 10), 0.1, np.float32))

    monkeypatch.setattr(Recognizer, "predict", uniform)
    with pytest.raises(ExportError, match="the exported probabilities differ"):
        export_onnx(new_model(), tmp_path / "net.onnx", sample.test.images[:5])
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["small", "two-digit-best"])
def test_what_ships_is_exported_as_it_computes(sample: Dataset, tmp_path: Path, name: str) -> None:
    model, images = new_model(name), sample.test.images[:7]
    images = images if name != "two-digit-best" else overlap(images, images[::-1])
    export_onnx(model, tmp_path / "net.onnx", images, temperature=0.7)
    for n in (1, 2, 7):
        expected = predict_logits(model, images[:n]) / 0.7
        assert np.allclose(Recognizer.load(tmp_path / "net.onnx").logits(images[:n]), expected, atol=1e-4)


def test_half_precision_halves_the_file_and_rounds_the_weights_alone(sample: Dataset, tmp_path: Path) -> None:
    model, images = new_model("small"), sample.test.images[:20]
    model.train()(torch.tensor(images))  # batch norms that have something to fold in
    before = predict_logits(model, images)
    rounded = in_half_precision(model)
    export_onnx(model, tmp_path / "whole.onnx", images)
    export_onnx(rounded, tmp_path / "half.onnx", images)
    whole, half = ((tmp_path / f"{file}.onnx").stat().st_size for file in ("whole", "half"))
    assert half < 0.53 * whole
    assert np.array_equal(predict_logits(model, images), before)  # the model itself is as it was
    found = Recognizer.load(tmp_path / "half.onnx").logits(images)
    assert np.abs(found - before).max() < 2e-3 * np.abs(before).max()
    assert all(torch.equal(w, w.half().float()) for w in rounded.parameters() if w.numel() >= 1_000)


def trained_batch_norms(name: str, images: NDArray[np.uint8]) -> nn.Module:
    """Return a network whose batch norms scale, shift and have met images."""
    model = new_model(name)
    model.train()(torch.tensor(images))
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
    return model.eval()


def test_batch_norms_are_folded_into_convolutions_before_and_behind_pooling(
    sample: Dataset, tmp_path: Path
) -> None:
    model = trained_batch_norms("small", sample.test.images[:50])
    export_onnx(model, tmp_path / "net.onnx", sample.test.images[:20])  # which compares
    assert "BatchNormalization" not in {node.op_type for node in onnx.load(tmp_path / "net.onnx").graph.node}


def test_a_batch_norm_behind_pooling_that_turns_a_channel_round_stays(sample: Dataset, tmp_path: Path) -> None:
    model = trained_batch_norms("small", sample.test.images[:50])
    first = next(layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d))
    with torch.no_grad():
        first.weight[3] *= -1
    export_onnx(model, tmp_path / "net.onnx", sample.test.images[:20])
    norms = [node for node in onnx.load(tmp_path / "net.onnx").graph.node if node.op_type == "BatchNormalization"]
    assert len(norms) == 1


def test_temperatures_that_are_none(sample: Dataset, tmp_path: Path) -> None:
    temperature = float("nan")
    with pytest.raises(SettingError, match="temperature"):
        export_onnx(new_model(), tmp_path / "net.onnx", sample.test.images, temperature=temperature)


def test_the_temperature_that_fits_is_the_one_the_labels_were_drawn_with() -> None:
    generator = np.random.default_rng(0)
    true_logits = 2 * generator.standard_normal((20_000, 10))
    labels = (true_logits + generator.gumbel(size=true_logits.shape)).argmax(axis=1)  # draws from their softmax
    assert fit_temperature(3 * true_logits, labels) == pytest.approx(3, rel=0.03)
    assert fit_temperature(0.5 * true_logits, labels) == pytest.approx(0.5, rel=0.03)


def test_no_temperature_near_the_fitted_one_is_better() -> None:
    generator = np.random.default_rng(1)
    logits, labels = generator.standard_normal((500, 2, 10)), generator.integers(10, size=(500, 2))
    logits[np.arange(500), 0, labels[:, 0]] += 2

    def cost(temperature: float) -> float:
        return negative_log_likelihood(log_softmax(logits / temperature), labels)

    best = fit_temperature(logits, labels)
    assert cost(best) <= min(cost(best * factor) for factor in (0.9, 0.99, 1.01, 1.1))


def test_calibration_leaves_the_readings_as_they_are(sample: Dataset, tmp_path: Path) -> None:
    model = new_model()
    validation = sample.validation[:200]
    temperature = export_calibrated(model, sample.train[:200], validation, tmp_path / "net.onnx")
    raw = predict_logits(model, validation.images)
    calibrated = Recognizer.load(tmp_path / "net.onnx").logits(validation.images)
    assert np.allclose(calibrated * temperature, raw, rtol=1e-4, atol=1e-5)
    before, after = (evaluate_logits(logits, validation.labels) for logits in (raw, calibrated))
    assert after.accuracy == before.accuracy
    assert after.nll <= before.nll + 1e-6


def test_the_batch_norms_of_the_network_for_pages_are_folded() -> None:
    """They are in sequences, some of them in the bodies of residual blocks."""
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 96), np.uint8)
    model = trained_batch_norms("page", images)
    without = folded(model)
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in without.modules())
    before, after = predict_logits(model, images), predict_logits(without, images)
    assert np.abs(before - after).max() < 1e-5 * np.abs(before).max()


def test_networks_for_pages_of_any_size_give_equal_bytes(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 96), np.uint8)
    for name in ("first", "second"):
        export_page(small_page_network(), tmp_path / f"{name}.onnx", images)
    assert (tmp_path / "first.onnx").read_bytes() == (tmp_path / "second.onnx").read_bytes()


def test_pages_that_cannot_be_compared_on(tmp_path: Path) -> None:
    shape = (2, 64, 100)
    with pytest.raises(SettingError, match="expected 2 or more, sides multiples of 32 from 64"):
        export_page(new_model("page"), tmp_path / "net.onnx", np.zeros(shape, np.uint8))


def small_page_network() -> nn.Sequential:
    """Return a network for pages that takes less time to export, one of its batch norms in a residual block."""
    torch.manual_seed(0)
    layers = [*convolution(2, 8, 3, stride=2), Residual(8), nn.Conv2d(8, 42, 3, stride=2, padding=1)]
    return nn.Sequential(LocalContrast(), *layers).eval()


@pytest.mark.parametrize("name", ["small", "page"])
def test_a_network_that_starts_from_a_file_computes_what_the_file_does(
    name: str, sample: Dataset, tmp_path: Path
) -> None:
    """Also where each batch norm normalises by the batch, as in training."""
    images = sample.test.images[:60]
    if name == "page":
        images = np.random.default_rng(0).integers(0, 256, (6, 64, 96), dtype=np.uint8)
    exported = small_page_network() if name == "page" else build(name, {})
    for norm in [each for each in exported.modules() if isinstance(each, nn.BatchNorm2d)]:
        for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            assert tensor is not None
            nn.init.uniform_(tensor, 0.5, 1.5)
    path, export = tmp_path / "a.onnx", export_page if name == "page" else export_onnx
    export(exported, path, images)
    expected = predict_logits(exported, images)

    model = small_page_network() if name == "page" else new_model(name)
    start_from(path, model, images)
    largest = float(np.abs(expected).max())
    assert predict_logits(model, images) == pytest.approx(expected, abs=1e-4 * largest)
    with torch.no_grad():
        learning = model.train()(torch.from_numpy(images)).numpy()
    assert learning == pytest.approx(expected, abs=1e-3 * largest)


def test_files_that_no_network_starts_from(fast_file: Path, sample: Dataset, tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no network")
    cases = [(tmp_path / "none.onnx", "to start from"), (tmp_path / "text.onnx", "to start from")]
    for path, problem in [*cases, (fast_file, "such as this one")]:
        with pytest.raises(DataError, match=f"{path.name}: expected .*{problem}"):
            start_from(path, new_model("small"), sample.test.images[:4])
