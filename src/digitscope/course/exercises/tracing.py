"""The operations of a network's forward pass: layers and functions of PyTorch end in the same few."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode  # PyTorch documents it, and has no other name for it


@dataclass(eq=False)
class Call:
    """An operation, with its arguments, and its output unless it failed; `kind` is one of `KINDS`, or the name."""

    name: str
    kind: str
    arguments: Sequence[Any]
    output: Any = None


KINDS = {
    "convolution": ("convolution", "convolution_overrideable", "mkldnn_convolution"),
    "linear": ("addmm", "mm", "linear"),
    "activation": (
        *("relu", "relu_", "leaky_relu", "leaky_relu_", "elu", "elu_", "gelu", "silu", "silu_", "tanh", "tanh_"),
        *("sigmoid", "sigmoid_", "hardtanh", "hardtanh_", "clamp", "clamp_", "clamp_min", "clamp_min_", "maximum"),
        *("softplus", "mish", "mish_", "hardswish", "hardswish_", "where", "_prelu_kernel"),
        *("abs", "abs_", "threshold", "gt", "ge", "lt", "le"),
    ),
    "softmax": ("_softmax", "softmax"),
    "log_softmax": ("_log_softmax", "log_softmax"),
    "max_pool": ("max_pool2d_with_indices", "max_pool2d", "adaptive_max_pool2d"),
    "mean_pool": ("avg_pool2d", "_adaptive_avg_pool2d", "mean"),
    "dropout": ("bernoulli_", "native_dropout"),
    "shape": ("view", "reshape", "_unsafe_view", "_reshape_alias"),
}
"""The operations of PyTorch ("aten") that a layer of a kind becomes; nn.Linear multiplies matrices, for one.

A comparison counts as an activation function: h * (h > 0) is ReLU.
"""


class Trace(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The calls that were made while it was entered; the last one has no output if it failed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Call] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function.name().removeprefix("aten::").partition(".")[0]
        call = Call(name, next((kind for kind, names in KINDS.items() if name in names), name), args)
        self.calls.append(call)
        call.output = function(*args, **(kwargs or {}))
        return call.output

    def of(self, kind: str) -> list[Call]:
        """Return the calls of a kind, in their order."""
        return [call for call in self.calls if call.kind == kind]

    def layers(self, *kinds: str) -> list[Call]:
        """Return the calls of convolutions or matrix products; two of a layer on the same tensor are one."""
        calls: dict[tuple[int, int], Call] = {}
        for call in self.calls:
            if call.kind in kinds:
                calls.setdefault((weight(call).data_ptr(), given(call).data_ptr()), call)
        return list(calls.values())

    def follows(self, kind: str, first: Call, last: Call | None) -> bool:
        """Return whether a call of `kind` stands between `first` and `last`, or the end if that is None."""
        start = self.calls.index(first)
        end = len(self.calls) if last is None else self.calls.index(last)
        return any(call.kind == kind for call in self.calls[start:end])


def weight(call: Call) -> Tensor:
    """Return the weight of a convolution or of a matrix product: (out, in, height, width) or (in, out)."""
    tensors = [each for each in call.arguments if isinstance(each, Tensor)]
    return tensors[1] if call.kind == "convolution" else tensors[-1]


def features(call: Call) -> tuple[int, int]:
    """Return how many inputs and outputs a matrix product has."""
    n_in, n_out = weight(call).shape
    return n_in, n_out


def given(call: Call) -> Tensor:
    """Return the tensor that a convolution or a matrix product is given."""
    tensors = [each for each in call.arguments if isinstance(each, Tensor)]
    return tensors[0] if call.kind == "convolution" else tensors[-2]


def again(call: Call) -> Tensor:
    """Return the output of a call anew: what follows in place may have changed the first one."""
    output: Tensor = getattr(torch.ops.aten, call.name)(*call.arguments)
    return output


def storages(tensors: Iterable[Any]) -> set[int]:
    """Return the addresses of the memory that the tensors among these have."""
    return {each.untyped_storage().data_ptr() for each in tensors if isinstance(each, Tensor)}


def drop_rate(call: Call) -> float:
    """Return the share of features that a call of dropout drops; it draws those that stay."""
    return 1 - call.arguments[1] if len(call.arguments) > 1 else 0.5
