"""The operations of a network's forward pass: layers and functions of PyTorch end in the same few."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode  # PyTorch documents it, and has no other name for it


@dataclass(eq=False)
class Call:
    """An operation.

    Attributes:
        kind: one of `KINDS`, or PyTorch's name. A product of two values that depend on the images is no "linear".
        arguments: of the call.
        output: what it returned, unless it failed.
    """

    kind: str
    arguments: Sequence[Any]
    output: Any = None


@dataclass(eq=False, kw_only=True)
class Layer(Call):
    """A convolution, or a product of a matrix of weights.

    Attributes:
        given: its input, images first.
        weight: (out, in, height, width) or (in, out).
        index: its place among the layers. Two calls on the same tensor with the same weight have the same index.
        biased: whether it adds a bias, or an addition behind it does.
        rows: its output with the bias, images first. Later operations in place may change it.
        value: a copy of `rows`, which they leave alone.
    """

    given: Tensor
    weight: Tensor
    index: int
    biased: bool
    rows: Tensor = field(init=False)
    value: Tensor = field(init=False)


KINDS = {
    "convolution": ("convolution", "convolution_overrideable", "mkldnn_convolution"),
    "linear": ("addmm", "mm", "linear", "bmm"),
    "softmax": ("_softmax", "softmax"),
    "log_softmax": ("_log_softmax", "log_softmax"),
    "max_pool": ("max_pool2d_with_indices", "max_pool2d", "adaptive_max_pool2d"),
    "mean_pool": ("avg_pool2d", "_adaptive_avg_pool2d", "mean"),
    "dropout": ("bernoulli_", "native_dropout"),
    "shape": ("view", "reshape", "_unsafe_view", "_reshape_alias"),
    "sum": ("add", "add_"),
}
"""The operations of PyTorch ("aten") that a layer of a kind becomes; nn.Linear multiplies matrices, for one."""


class Trace(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The calls that were made while it was entered; the last one has no output if it failed.

    Args:
        images: the network's input.
        parameters: what its optimizer would train; `of_parameters` has them, and what is computed from them.
    """

    def __init__(self, images: Tensor, parameters: Iterable[Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Call] = []
        self._of_images = storages([images])
        self.of_parameters = storages(parameters)
        self._indices: dict[tuple[int, int], int] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        call = self._call(function.name().removeprefix("aten::").partition(".")[0], args)
        self.calls.append(call)
        call.output = function(*args, **(kwargs or {}))
        used = storages(_flat(args))
        for origin in (self._of_images, self.of_parameters):
            if used & origin:
                origin |= storages(_flat([call.output]))
        if isinstance(call, Layer):
            self._compute(call)
        elif call.kind == "sum":
            self._add_bias(call)
        return call.output

    def of(self, kind: str) -> list[Call]:
        """Return the calls of a kind, in their order."""
        return [call for call in self.calls if call.kind == kind]

    def layers(self, *kinds: str) -> list[Layer]:
        """Return the layers, of some kinds if there are any; two calls with the same index are one."""
        layers: dict[int, Layer] = {}
        for call in self.calls:
            if isinstance(call, Layer) and (not kinds or call.kind in kinds):
                layers.setdefault(call.index, call)
        return list(layers.values())

    def computed(self, layer: Layer) -> None:
        """Hook for each layer that has its output, and again when a bias is added to that."""

    def _call(self, name: str, args: Sequence[Any]) -> Call:
        kind = next((kind for kind, names in KINDS.items() if name in names), name)
        if kind == "convolution":
            return self._layer(kind, args, args[0], args[1], biased=args[2] is not None)
        if kind != "linear":
            return Call(kind, args)
        left, right = [each for each in args if isinstance(each, Tensor)][-2:]
        if name == "bmm" and len(left) == len(right) == 1:  # which einsum makes of matrices
            left, right = left[0], right[0]
        depends = [self._depends(left), self._depends(right)]
        if all(depends) or left.dim() != 2 or right.dim() != 2:
            return Call(name, args)
        given, weight = (right.t(), left.t()) if depends == [False, True] else (left, right)
        return self._layer(kind, args, given, weight, biased=name not in ("mm", "bmm"))

    def _layer(self, kind: str, args: Sequence[Any], given: Tensor, weight: Tensor, *, biased: bool) -> Layer:
        index = self._indices.setdefault((weight.data_ptr(), given.data_ptr()), len(self._indices))
        return Layer(kind, args, given=given, weight=weight, index=index, biased=biased)

    def _depends(self, tensor: Tensor) -> bool:
        return bool(storages([tensor]) & self._of_images)

    def _compute(self, layer: Layer) -> None:
        """Note what a layer computes."""
        rows = layer.output
        if layer.kind == "linear":
            rows = rows.flatten(0, -2) if rows.dim() > 2 else rows
            rows = rows if rows.shape == (len(layer.given), layer.weight.shape[1]) else rows.t()
        layer.rows = rows
        self.computed(layer)
        layer.value = rows.detach().clone()

    def _add_bias(self, call: Call) -> None:
        """Take a sum as part of a layer, if it adds what does not depend on the images."""
        operands = [each for each in call.arguments if isinstance(each, Tensor)]
        others = [each for each in operands if not self._depends(each)]
        if len(others) != 1:
            return
        for layer in self.layers():
            is_summed = storages([layer.output]) & storages(operands)
            if is_summed and not layer.biased and call.output.numel() == layer.output.numel():
                layer.biased, layer.output = True, call.output
                self._compute(layer)


def storages(tensors: Iterable[Any]) -> set[int]:
    """Return the addresses of the memory that the tensors among these have."""
    return {each.untyped_storage().data_ptr() for each in tensors if isinstance(each, Tensor)} - {0}


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for each in values:
        if isinstance(each, list | tuple):
            yield from _flat(each)
        else:
            yield each
