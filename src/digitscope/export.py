"""From a trained network to an ONNX file that needs no PyTorch: checked before it is kept."""

import copy
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from digitscope.data.splits import Split, UInt8
from digitscope.errors import DigitscopeError, SettingError
from digitscope.files import replacing
from digitscope.inference.recognizer import DISTANCE, INPUT, OUTPUTS, Recognizer
from digitscope.metrics import Floats, Labels, log_softmax, negative_log_likelihood
from digitscope.models.distance import Distance, logits_and_features
from digitscope.training.evaluation import predict_logits
from digitscope.training.typicality import fit_distance

OPSET = 20
LARGEST_DIFFERENCE = 1e-5

LARGE = 1_000
"""Numbers of a tensor from which half of their bytes are worth a node that makes them float32 again."""


class ExportError(DigitscopeError):
    """The exported network does not compute what the trained one computes."""


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


def in_half_precision(model: nn.Module) -> nn.Module:
    """Return a copy of `model`, in evaluation mode, with weights that float16 has: half the size of a file.

    Batch norms are folded into convolutions first, as `export_onnx` would do after the rounding.
    """
    rounded = _folded(model)
    with torch.no_grad():
        for weights in rounded.parameters():
            if weights.numel() >= LARGE:
                weights.copy_(weights.half())
    return rounded


def _folded(model: nn.Module) -> nn.Module:
    """Return a copy of `model`, in evaluation mode, whose convolutions do what batch norms behind them did."""
    folded = copy.deepcopy(model).eval()
    for layers in [each for each in folded.modules() if isinstance(each, nn.Sequential)]:
        for place, norm in enumerate(layers):
            before = _place_before(layers, place)
            conv = layers[before]
            if isinstance(norm, nn.BatchNorm2d) and isinstance(conv, nn.Conv2d):
                layers[before], layers[place] = fuse_conv_bn_eval(conv, norm), nn.Identity()
    return folded


def _place_before(layers: nn.Sequential, place: int) -> int:
    """Return the place of the layer that could do what the batch norm at `place` does: 0 of the first.

    A max pooling is passed over if all scales are above 0: what was the largest is so after them.
    """
    before = max(place - 1, 0)
    scale = getattr(layers[place], "weight", None)
    if isinstance(layers[before], nn.MaxPool2d) and isinstance(scale, Tensor) and bool((scale > 0).all()):
        before = max(before - 1, 0)
    return before


def export_onnx(
    model: nn.Module, path: Path, images: UInt8, *, temperature: float = 1.0, distance: Distance | None = None
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

    Raises:
        SettingError: the temperature is not above 0.
        ExportError: a probability differs by more than 1e-5, or a logit or a distance by more than 1e-5 of the
            largest.
    """
    if not 0 < temperature < float("inf"):
        raise SettingError(f"temperature is {temperature}: expected a number above 0")
    calibrated = Calibrated(model.cpu(), temperature, distance).eval()
    folded = Calibrated(_folded(model), temperature, distance).eval()
    graph = _halved(_stripped(_graph(folded, torch.from_numpy(images[:2]))))
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


def _graph(model: Calibrated, example: Tensor) -> onnx.ModelProto:
    names = OUTPUTS if model.distance is None else [*OUTPUTS, DISTANCE]
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision, which nothing here needs
        program = torch.onnx.export(
            model,
            (example,),
            input_names=[INPUT],
            output_names=names,
            dynamic_shapes=({0: "batch"},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ExportError("PyTorch exported nothing: expected an ONNX program")
    return program.model_proto


def _stripped(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove what the exporter notes of the machine: stack traces with its paths, and intermediate shapes."""
    del model.metadata_props[:], model.graph.metadata_props[:], model.graph.value_info[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    model.graph.name = "digitscope"
    onnx.checker.check_model(model, full_check=True)
    return model


def _halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large weights that lose nothing by it as float16, and cast them where they were."""
    casts = []
    for tensor in model.graph.initializer:
        weights = onnx.numpy_helper.to_array(tensor)
        half = weights.astype(np.float16)
        if (
            weights.dtype == np.float32
            and weights.size >= LARGE
            and np.array_equal(half.astype(np.float32), weights)
        ):
            name = tensor.name
            tensor.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}.half"))
            casts.append(onnx.helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    return model


def _compare(path: Path, calibrated: Calibrated, images: UInt8) -> None:
    exported = Recognizer.load(path, threads=1)
    expected = predict_logits(calibrated.model, images) / calibrated.temperature
    _check_close("logits", exported.logits(images), expected)
    prediction = exported.predict(images)
    _check_close("probabilities", prediction.probabilities, np.exp(log_softmax(expected)))
    if prediction.distances is not None:
        with torch.inference_mode():
            _, _, distances = calibrated(torch.from_numpy(images))
        _check_close("distances", prediction.distances, distances.numpy())


def _check_close(name: str, found: np.ndarray, expected: np.ndarray) -> None:
    """Compare to 1e-5, or where numbers are above 1 to 1e-5 of the largest."""
    difference = float(np.abs(found - expected).max())
    if not difference <= LARGEST_DIFFERENCE * max(1.0, float(np.abs(expected).max())):
        raise ExportError(
            f"the exported {name} differ from the network's by {difference:.2g}: nothing was written"
        )
