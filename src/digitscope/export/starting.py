"""The way back from an ONNX file: a network that can learn, with the weights of the file."""

from pathlib import Path
from typing import Any, cast

import onnx
import torch
from google.protobuf.message import DecodeError
from torch import Tensor, nn

from digitscope.data.splits import UInt8
from digitscope.errors import DataError
from digitscope.export.graphs import place_before


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
            name = f"{path_of}." if path_of else ""
            for place, norm in enumerate(layers) if isinstance(layers, nn.Sequential) else ():
                if isinstance(norm, nn.BatchNorm2d) and f"{name}{place}.weight" not in weights:
                    shift = weights[f"{name}{place_before(layers, place)}.bias"]
                    weights |= _that_add(f"{name}{place}", shift, norm.eps)
                    norms.append(norm)
        state = model.state_dict()
        counts = {key: value for key, value in state.items() if key.endswith("num_batches_tracked")}
        weights |= counts
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


def _that_add(name: str, shift: Tensor, eps: float) -> dict[str, Tensor]:
    """Return the state of a batch norm that adds `shift` to each channel."""
    ones = torch.ones_like(shift)
    return {
        f"{name}.weight": ones,
        f"{name}.bias": torch.zeros_like(shift),
        f"{name}.running_mean": -shift,
        f"{name}.running_var": ones - eps,
    }


def _take_apart(norm: nn.Module, inputs: tuple[Any, ...]) -> None:
    """Give a batch norm that adds a shift the mean and the variance of its input; it adds the same still."""
    norm = cast("nn.BatchNorm2d", norm)
    shift = -cast("Tensor", norm.running_mean)
    variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3), correction=0)
    norm.running_mean, norm.running_var = mean, variance
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.copy_(mean + shift)
