"""From a trained network to an ONNX file that needs no PyTorch, checked before it is kept; and the way back."""

import copy
import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from scipy.optimize import minimize_scalar
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from digitscope import detections
from digitscope.data.splits import Split, UInt8
from digitscope.errors import DataError, DigitscopeError, SettingError
from digitscope.files import replacing
from digitscope.metrics import Floats, Labels, log_softmax, negative_log_likelihood
from digitscope.reading.recognizer import ABOUT, DISTANCE, INPUT, OUTPUTS, Recognizer, open_session
from digitscope.training.loop import predict_logits
from digitscope.training.mahalanobis import Distance, fit_distance, logits_and_features

__all__ = [
    "OPSET",
    "Calibrated",
    "ExportError",
    "export_calibrated",
    "export_onnx",
    "export_page",
    "fit_temperature",
    "in_half_precision",
]

OPSET = 20
"""The version of ONNX operators in every file that is written."""

LARGEST_DIFFERENCE = 1e-5

LARGE = 1_000
"""Numbers of a tensor from which half of their bytes are worth a node that makes them float32 again."""

STEP = 32
"""Sides of pages are multiples of so many pixels, as the deepest features have that stride."""

NOTHING: Mapping[str, object] = MappingProxyType({})


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


def export_calibrated(model: nn.Module, train: Split, validation: Split, path: Path) -> float:
    """Write `model` to `path` with the temperature that suits `validation` best, and return that temperature.

    The file of a convolutional network for one digit also tells how unlike the digits of `train` an image is.

    Raises:
        ExportError: a logit, a probability or a distance differs from the model's; nothing is written then.
    """
    temperature = fit_temperature(predict_logits(model, validation.images), validation.labels)
    distance = fit_distance(model, train, validation)
    export_onnx(model, path, validation.images, temperature=temperature, distance=distance)
    return temperature


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
    content = _content(exported, images, INPUT, outputs, {0: "batch"}, about)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
        recognizer = Recognizer.load(temporary, threads=1)
        expected = predict_logits(model, images) / temperature
        _check_close("logits", recognizer.logits(images), expected)
        prediction = recognizer.predict(images)
        # A probability changes by at most half of what the logits do, each up or down.
        largest = float(np.abs(expected).max()) / 2
        _check_close("probabilities", prediction.probabilities, np.exp(log_softmax(expected)), largest)
        if prediction.distances is not None:
            with torch.inference_mode():
                _, _, distances = calibrated(torch.from_numpy(images))
            _check_close("distances", prediction.distances, distances.numpy())


def export_page(model: nn.Module, path: Path, images: UInt8) -> None:
    """Write `model` to `path` as ONNX, opset 20, for any number of pictures of any size.

    Its input "images" is uint8 (N, H, W), sides multiples of 32. Its output "maps" is float32
    (N, 42, H / 4, W / 4), laid out as `digitscope.detections` says. Its property "digitscope" is a JSON object
    with the task and the classes. Equal weights give equal bytes. Weights that float16 holds are stored as such.

    Args:
        model: uint8 (N, H, W) to maps; it is left on the CPU in evaluation mode.
        path: the file to write. It is kept only if it gives the maps that the model gives.
        images: uint8 (N, H, W), N at least 2, sides multiples of 32 from 64, to compare on.

    Raises:
        SettingError: the images have another shape.
        ExportError: a number of the maps differs by more than 1e-5 of the largest.
    """
    if len(images) < 2 or any(length % STEP or length < 2 * STEP for length in images.shape[1:]):
        raise SettingError(f"images of shape {images.shape}: expected 2 or more, sides multiples of 32 from 64")
    name, output, axes = detections.INPUT, detections.OUTPUT, {0: "batch", 1: "height", 2: "width"}
    about = {"task": "page", "classes": "".join(detections.CLASSES)}
    content = _content(folded(model.cpu()), images, name, [output], axes, about)
    height, width = (length // (2 * STEP) * STEP for length in images.shape[1:])
    with replacing(path) as temporary:
        temporary.write_bytes(content)
        session = open_session(temporary.read_bytes(), 1)
        for part in map(np.ascontiguousarray, (images[:2], images[:1, :height], images[:2, :, :width])):
            (maps,) = session.run([output], {name: part})
            _check_close(output, np.asarray(maps), predict_logits(model, part))


def in_half_precision(model: nn.Module) -> nn.Module:
    """Return a copy of `model`, in evaluation mode, with weights that float16 has: half the size of a file.

    Batch norms are folded into convolutions first, as `export_onnx` would do after the rounding.
    """
    rounded = folded(model)
    with torch.no_grad():
        for weights in rounded.parameters():
            if weights.numel() >= LARGE:
                weights.copy_(weights.half())
    return rounded


def folded(model: nn.Module) -> nn.Module:
    """Return a copy of `model`, in evaluation mode, whose convolutions do what batch norms behind them did."""
    whole = copy.deepcopy(model).eval()
    for layers in [each for each in whole.modules() if isinstance(each, nn.Sequential)]:
        for place, norm in enumerate(layers):
            before = _place_before(layers, place)
            conv = layers[before]
            if isinstance(norm, nn.BatchNorm2d) and isinstance(conv, nn.Conv2d):
                layers[before], layers[place] = fuse_conv_bn_eval(conv, norm), nn.Identity()
    return whole


def _place_before(layers: nn.Sequential, place: int) -> int:
    """Return the place of the layer that could do what the batch norm at `place` does: 0 of the first.

    A max pooling is passed over if all scales are above 0: what was the largest is so after them.
    """
    before = max(place - 1, 0)
    scale = getattr(layers[place], "weight", None)
    if isinstance(layers[before], nn.MaxPool2d) and isinstance(scale, Tensor) and bool((scale > 0).all()):
        before = max(before - 1, 0)
    return before


def _content(
    model: nn.Module,
    images: UInt8,
    name: str,
    outputs: Sequence[str],
    dynamic: Mapping[int, str],
    about: Mapping[str, object],
) -> bytes:
    """Return the file of `model`: its input and outputs so named, the input's `dynamic` axes of any length."""
    graph = graph_of(model, torch.from_numpy(images[:2]), name, outputs, dynamic)
    # The exporter adds stack traces, which hold paths of the machine, and intermediate shapes.
    del graph.metadata_props[:], graph.graph.metadata_props[:], graph.graph.value_info[:]
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    graph.graph.name = "digitscope"
    _halve(graph)
    onnx.checker.check_model(graph, full_check=True)
    if about:
        onnx.helper.set_model_props(graph, {ABOUT: json.dumps(about, ensure_ascii=False)})
    content: bytes = graph.SerializeToString(deterministic=True)
    return content


def graph_of(
    model: nn.Module, example: Tensor, name: str, outputs: Sequence[str], dynamic: Mapping[int, str]
) -> onnx.ModelProto:
    """Return `model` as PyTorch exports it; `example` is an input, and its `dynamic` axes have any length.

    Raises:
        ExportError: PyTorch exports nothing.
    """
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision, which nothing here needs
        program = torch.onnx.export(
            model,
            (example,),
            input_names=[name],
            output_names=list(outputs),
            dynamic_shapes=(dict(dynamic),),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ExportError("PyTorch exported nothing: expected an ONNX program")
    return program.model_proto


def _halve(model: onnx.ModelProto) -> None:
    """Store large weights that lose nothing by it as float16, and cast them where they were."""
    casts = []
    for tensor in model.graph.initializer:
        weights = onnx.numpy_helper.to_array(tensor)
        if weights.dtype != np.float32 or weights.size < LARGE:
            continue
        with np.errstate(over="ignore"):
            half = weights.astype(np.float16)
        if np.array_equal(half.astype(np.float32), weights):
            name = tensor.name
            tensor.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}.half"))
            casts.append(onnx.helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _check_close(name: str, found: np.ndarray, expected: np.ndarray, largest: float | None = None) -> None:
    """Refuse differences above 1e-5 times `largest`, the largest number expected if None, and 1 at least."""
    difference = float(np.abs(found - expected).max())
    largest = float(np.abs(expected).max()) if largest is None else largest
    if not difference <= LARGEST_DIFFERENCE * max(1.0, largest):
        raise ExportError(
            f"the exported {name} differ from the network's by {difference:.2g}: nothing was written"
        )


# The way back


def start_from(path: Path, model: nn.Module, images: UInt8) -> None:
    """Give `model` the weights in an ONNX file that was exported from such a network.

    In the file, convolutions do what the batch norms behind them did. Here each batch norm gets the mean and the
    variance that it meets on `images`, uint8 (N, H, W), and the scale and the shift that undo both. So `model`
    computes the logits of the file, before its temperature, and can go on learning.

    Raises:
        DataError: the file is missing, is no ONNX file, or has the weights of another network.
    """
    weights, norms = _weights_in(path), []
    try:
        for path_of, layers in model.named_modules():
            prefix = f"{path_of}." if path_of else ""
            for place, norm in enumerate(layers) if isinstance(layers, nn.Sequential) else ():
                if isinstance(norm, nn.BatchNorm2d) and f"{prefix}{place}.weight" not in weights:
                    shift = weights[f"{prefix}{_place_before(layers, place)}.bias"]
                    name, ones = f"{prefix}{place}", torch.ones_like(shift)
                    weights |= {f"{name}.weight": ones, f"{name}.bias": torch.zeros_like(shift)}
                    weights |= {f"{name}.running_mean": -shift, f"{name}.running_var": ones - norm.eps}
                    norms.append(norm)
        state = model.state_dict()
        weights |= {key: value for key, value in state.items() if key.endswith("num_batches_tracked")}
        model.load_state_dict({key: weights[key] for key in state})
    except (KeyError, RuntimeError):
        raise DataError(f"{path}: expected the weights of a network such as this one to start from") from None
    hooks = [norm.register_forward_pre_hook(_take_apart) for norm in norms]
    with torch.no_grad():
        model.eval()(torch.from_numpy(images).to(next(model.parameters()).device))
    for hook in hooks:
        hook.remove()


def _weights_in(path: Path) -> dict[str, Tensor]:
    """Return the weights in an ONNX file, by their names in the network."""
    try:
        tensors = onnx.load(path).graph.initializer
    except OSError as error:
        raise DataError(f"{path}: expected an ONNX file to start from: {error.strerror}") from None
    except DecodeError:
        raise DataError(f"{path}: expected an ONNX file to start from, which this is not") from None
    arrays = {tensor.name.removesuffix(".half"): onnx.numpy_helper.to_array(tensor) for tensor in tensors}
    inside = any(name.startswith("model.") for name in arrays)  # of a graph with temperature and distance
    names = {name: name.removeprefix("model.") for name in arrays if name.startswith("model.") or not inside}
    return {short: torch.tensor(arrays[name], dtype=torch.float32) for name, short in names.items()}


def _take_apart(norm: nn.Module, inputs: tuple[Any, ...]) -> None:
    """Give a batch norm that adds a shift the mean and the variance of its input; it adds the same still."""
    norm = cast("nn.BatchNorm2d", norm)
    shift = -cast("Tensor", norm.running_mean)
    variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3), correction=0)
    norm.running_mean, norm.running_var = mean, variance
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.copy_(mean + shift)
