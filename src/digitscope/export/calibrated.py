"""A network that reads digits as an ONNX file with calibrated probabilities."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from digitscope.data.splits import Split, UInt8
from digitscope.errors import SettingError
from digitscope.export.graphs import check_close, folded, graph_of, halved, stripped
from digitscope.files import replacing
from digitscope.metrics import Floats, Labels, log_softmax, negative_log_likelihood
from digitscope.reading.recognizer import ABOUT, DISTANCE, INPUT, OUTPUTS, Recognizer
from digitscope.training.loop import predict_logits
from digitscope.training.mahalanobis import Distance, fit_distance, logits_and_features

NOTHING: Mapping[str, object] = MappingProxyType({})


class Calibrated(nn.Module):
    """A network whose probabilities are those of its logits divided by a temperature (Guo et al. 2017, 4.2).

    Input: uint8 (N, H, W). Output: logits and probabilities, both float32 (N, 10) or (N, 2, 10), and with a
    `distance` a third, float32 (N,).
    """

    def __init__(self, model: nn.Module, temperature: float, distance: Distance | None) -> None:
        super().__init__()
        self.model = model
        self.temperature = temperature
        self.distance = distance

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the calibrated logits, their softmax and the distance."""
        if self.distance is None or not isinstance(self.model, nn.Sequential):
            logits = self.model(images) / self.temperature
            return logits, logits.softmax(dim=-1)
        logits, features = logits_and_features(self.model, images)
        logits = logits / self.temperature
        return logits, logits.softmax(dim=-1), self.distance(features)


def fit_temperature(logits: Floats, labels: Labels) -> float:
    """Return the temperature that makes `labels` most likely, given `logits` (N, 10) or (N, 2, 10).

    It is sought from 0.05 to 20. Dividing by it changes no reading, only how sure it is (Guo et al. 2017, 4.2).
    """

    def cost(log_temperature: float) -> float:
        return negative_log_likelihood(log_softmax(logits / np.exp(log_temperature)), labels)

    found = minimize_scalar(cost, bounds=(np.log(0.05), np.log(20)), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def export_onnx(
    model: nn.Module,
    path: Path,
    images: UInt8,
    *,
    temperature: float = 1.0,
    distance: Distance | None = None,
    about: Mapping[str, object] = NOTHING,
) -> None:
    """Write `model` to `path` as ONNX, opset 20, with any number of images a call.

    The file is kept only if it gives the logits that the model gives for `images`. Equal weights give equal bytes;
    those that float16 has are stored as such, and are float32 again when the file is opened.

    Args:
        model: uint8 (N, H, W) to logits; it is left on the CPU in evaluation mode.
        path: where the file goes.
        images: uint8 (N, H, W), N at least 2, to compare on.
        temperature: what the logits are divided by.
        distance: tells how unlike training digits an image is, of a network that is an `nn.Sequential`.
        about: what else the file tells, as a JSON object in its property "digitscope".

    Raises:
        SettingError: the temperature is not above 0.
        ExportError: a logit or a distance differs by more than 1e-5 of the largest, or a probability by more than
            half of what a logit may.
    """
    if not 0 < temperature < float("inf"):
        raise SettingError(f"temperature is {temperature}: expected a number above 0")
    calibrated = Calibrated(model.cpu(), temperature, distance).eval()
    outputs = OUTPUTS if distance is None else [*OUTPUTS, DISTANCE]
    exported = Calibrated(folded(model), temperature, distance).eval()
    graph = halved(stripped(graph_of(exported, torch.from_numpy(images[:2]), INPUT, outputs, {0: "batch"})))
    if about:
        onnx.helper.set_model_props(graph, {ABOUT: json.dumps(about, ensure_ascii=False)})
    content = graph.SerializeToString(deterministic=True)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
        _compare(temporary, calibrated, images)


def export_calibrated(model: nn.Module, train: Split, validation: Split, path: Path) -> float:
    """Write `model` to `path` with the temperature that suits `validation` best, and return that temperature.

    The file of a convolutional network for one digit also tells how unlike the digits of `train` an image is.

    Raises:
        ExportError: a logit differs from the model's; nothing is written then.
    """
    temperature = fit_temperature(predict_logits(model, validation.images), validation.labels)
    distance = fit_distance(model, train, validation)
    export_onnx(model, path, validation.images, temperature=temperature, distance=distance)
    return temperature


def _compare(path: Path, calibrated: Calibrated, images: UInt8) -> None:
    exported = Recognizer.load(path, threads=1)
    expected = predict_logits(calibrated.model, images) / calibrated.temperature
    check_close("logits", exported.logits(images), expected)
    prediction = exported.predict(images)
    # A probability changes by at most half of what the logits do, each up or down.
    largest = float(np.abs(expected).max()) / 2
    check_close("probabilities", prediction.probabilities, np.exp(log_softmax(expected)), largest)
    if prediction.distances is not None:
        with torch.inference_mode():
            _, _, distances = calibrated(torch.from_numpy(images))
        check_close("distances", prediction.distances, distances.numpy())
