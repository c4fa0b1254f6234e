"""The parts of every export: fold batch norms, strip the graph of traces of the machine, compare."""

import copy
import logging
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from digitscope.errors import DigitscopeError

OPSET = 20
"""The version of ONNX operators in every file that is written."""

LARGEST_DIFFERENCE = 1e-5

LARGE = 1_000
"""Numbers of a tensor from which half of their bytes are worth a node that makes them float32 again."""


class ExportError(DigitscopeError):
    """The exported network does not compute what the trained one computes."""


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
            before = place_before(layers, place)
            conv = layers[before]
            if isinstance(norm, nn.BatchNorm2d) and isinstance(conv, nn.Conv2d):
                layers[before], layers[place] = fuse_conv_bn_eval(conv, norm), nn.Identity()
    return whole


def place_before(layers: nn.Sequential, place: int) -> int:
    """Return the place of the layer that could do what the batch norm at `place` does: 0 of the first.

    A max pooling is passed over if all scales are above 0: what was the largest is so after them.
    """
    before = max(place - 1, 0)
    scale = getattr(layers[place], "weight", None)
    if isinstance(layers[before], nn.MaxPool2d) and isinstance(scale, Tensor) and bool((scale > 0).all()):
        before = max(before - 1, 0)
    return before


def graph_of(
    model: nn.Module, example: Tensor, name: str, outputs: Sequence[str], dynamic: Mapping[int, str]
) -> onnx.ModelProto:
    """Return the graph of `model`, as it computes `example`.

    Args:
        model: a network in evaluation mode.
        example: an input.
        name: what the graph calls its input.
        outputs: what it calls its outputs.
        dynamic: names of the input's axes that may have any length.

    Raises:
        ExportError: PyTorch cannot export the model.
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


def stripped(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove what the exporter notes of the machine: stack traces with its paths, and intermediate shapes."""
    del model.metadata_props[:], model.graph.metadata_props[:], model.graph.value_info[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    model.graph.name = "digitscope"
    onnx.checker.check_model(model, full_check=True)
    return model


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
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
    onnx.checker.check_model(model, full_check=True)
    return model


def check_close(name: str, found: np.ndarray, expected: np.ndarray, largest: float | None = None) -> None:
    """Refuse differences above 1e-5 times `largest`, the largest number expected if None, and 1 at least."""
    difference = float(np.abs(found - expected).max())
    largest = float(np.abs(expected).max()) if largest is None else largest
    if not difference <= LARGEST_DIFFERENCE * max(1.0, largest):
        raise ExportError(
            f"the exported {name} differ from the network's by {difference:.2g}: nothing was written"
        )
