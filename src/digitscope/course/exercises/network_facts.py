"""Facts about a PyTorch network: its values for three images, and its steps between layers.

The latter is measured by values, and not by the names of operations. A probe replaces the output of one layer by
chosen values, the same at all places of a map. All images are the same. Later layers give all images the same
output. So a difference between images comes from the probe, and has passed no other layer. Rows that are parts of
an image differ without a probe too, and do not count.
"""

import contextlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from digitscope.course.exercises.tracing import Layer, Trace

N_IMAGES = 3

LEVELS = torch.tensor([-1.0, 1, 0, -0.004, 0.004, -0.1, 0.1, 3, -3, 30, -30, 1e5, -1e5])
"""Values that a layer gives: small and large, as a function may differ from ReLU near 0 or far from it.

Sentences show the first that goes wrong. The number of levels is the number of images of a probe.
"""

ROUNDING = 0.01
"""Largest difference by rounding; a normalisation divides it by the root of 1e-5."""

Outputs = Callable[[torch.Size], Tensor]
"""Makes the output of a layer, in which a probe replaces it."""


class Reach(NamedTuple):
    """Where the output of a layer arrives without passing another one.

    Attributes:
        layers: what layers get of it, by their index: (parts, images, values).
        heads: the network's outputs that it reaches, by their number.
    """

    layers: dict[int, Tensor]
    heads: dict[int, Tensor]


class Facts:
    """A network, and what it does with three images, of which the last is the mean of the others.

    Attributes:
        model: the network.
        images: the images, float32.
        training, evaluation: the calls of a forward pass in each mode.
        output: what the network returned in evaluation mode.
        heads, repeated_heads, trained_heads: what it returned as a list: in evaluation mode, there a second time,
            and in training mode.
        convolutions, linears: the convolutions and fully connected layers, in the order of their calls.
        values: the name for what the network works on.
        warnings: what PyTorch warned of.
        error: what the forward pass raised.
        failed: the operation that raised it, if it was one.
    """

    def __init__(self, model: nn.Module, images: Tensor) -> None:
        self.model, self.images = model, images
        if any(isinstance(each, UninitializedParameter) for each in model.parameters()):
            with contextlib.suppress(Exception):  # which the next run meets too
                model(images)
        parameters = [each for each in model.parameters() if not isinstance(each, UninitializedParameter)]
        self.training, self.evaluation = Trace(images, parameters), Trace(images, parameters)
        self.output: Any = None
        self.error: Exception | None = None
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                self._run()
            except Exception as error:  # noqa: BLE001 - it is code of a student
                self.error = error
        self.warnings = [str(each.message) for each in told]
        self.convolutions, self.linears = (self.training.layers(kind) for kind in ("convolution", "linear"))
        self.values = "maps" if self.convolutions else "images"
        calls = self.evaluation.calls or self.training.calls
        self.failed = calls[-1] if self.error is not None and calls and calls[-1].output is None else None
        self._reaches: dict[tuple[int, Outputs], Reach] = {}

    def _run(self) -> None:
        """Run the network in both modes, and its gradients."""
        self.model.zero_grad(set_to_none=True)
        with self.training:
            self.trained_heads = heads_of(self.model.train()(self.images))
        scores = [each for each in self.trained_heads if isinstance(each, Tensor) and each.requires_grad]
        if scores:
            torch.autograd.backward([each.sum() + each.square().sum() for each in scores])
        with self.evaluation:
            self.output = self.model.eval()(self.images)
        self.heads, self.repeated_heads = heads_of(self.output), heads_of(self.model(self.images))

    def reach(self, layer: Layer, outputs: Outputs) -> Reach:
        """Return where `outputs` of a layer arrive, in evaluation mode."""
        key = (layer.index, outputs)
        if key not in self._reaches:
            (layers, heads), same = self._probed(layer.index, outputs), self._probed(layer.index, zero)
            self._reaches[key] = Reach(
                {i: layers[i] for i in layers if i not in same.layers},
                {i: heads[i] for i in heads if i not in same.heads},
            )
        return self._reaches[key]

    def _probed(self, index: int, outputs: Outputs) -> Reach:
        """Return what differs with `outputs`; nothing if the network takes no batch of another size."""
        images = self.images[0].expand(len(LEVELS), *self.images[0].shape).contiguous()
        probe = _Probe(images, index, outputs)
        try:
            with torch.no_grad(), probe:
                heads = heads_of(self.model.eval()(images))
            return Reach(_that_differ(probe.inputs), _that_differ(dict(enumerate(heads))))
        except Exception:  # noqa: BLE001 - it is code of a student, which has run on three images
            return Reach({}, {})

    def lacks_activation(self, layer: Layer) -> list[int]:
        """Return the indices of the layers that get a linear function of what `layer` gives."""
        return [index for index, arrived in self.reach(layer, averaged).layers.items() if is_linear(arrived)]


def heads_of(output: Any) -> list[Any]:
    """Return what a network returned as a list; a single tensor is one head."""
    return list(output) if isinstance(output, tuple | list) else [output]


# Outputs of a layer


def constant(shape: torch.Size) -> Tensor:
    """Return the output of a layer for each image (images, ...): one level for all its values."""
    return LEVELS.reshape(-1, *[1] * (len(shape) - 1)).expand(shape)


def varied(shape: torch.Size) -> Tensor:
    """Return the output of a layer for each image: each channel has another level."""
    n_images, n_channels = shape[:2]
    places = (torch.arange(n_images)[:, None] + torch.arange(n_channels)) % len(LEVELS)
    return LEVELS[places].reshape(n_images, n_channels, *[1] * (len(shape) - 2)).expand(shape)


def zero(shape: torch.Size) -> Tensor:
    """Return the same output of a layer for all images."""
    return torch.zeros(()).expand(shape)


def averaged(shape: torch.Size) -> Tensor:
    """Return random outputs of a layer, each channel another; the third image has the mean of the first two."""
    values = 10 * torch.randn(shape[:2], generator=torch.Generator().manual_seed(0))
    values[2] = values[:2].mean(dim=0)
    return values.reshape(*shape[:2], *[1] * (len(shape) - 2)).expand(shape)


# How images and chosen values come through


def is_linear(arrived: Tensor) -> bool:
    """Return whether what arrives of `averaged` differs, and has the mean of two images as its third one."""
    first, second, third = (arrived[:, i] for i in range(3))
    is_mean = torch.allclose(third, (first + second) / 2, rtol=1e-4, atol=1e-3)
    return is_mean and not torch.allclose(first, second, atol=ROUNDING)


def table(arrived: Tensor) -> Tensor | None:
    """Return what arrives of each of `LEVELS`: one number for all values of an image, and not the same for all."""
    values = arrived.transpose(0, 1).flatten(1)
    is_same = torch.allclose(values, values[:, :1].expand_as(values))
    small = values[LEVELS.abs() < 1e3, 0]
    return values[:, 0] if is_same and small.max() - small.min() > ROUNDING else None


def is_elementwise(arrived: Tensor, function: Tensor) -> bool:
    """Return whether what arrives of `varied` are the values of a function, given by its table, in any order."""
    values = arrived.transpose(0, 1).flatten(1).sort(dim=1).values
    return bool(torch.isclose(values[:, :, None], function).any(dim=2).all())


class _Probe(Trace):  # type: ignore[no-untyped-call]
    def __init__(self, images: Tensor, index: int, outputs: Outputs) -> None:
        super().__init__(images)
        self.n_images, self.index, self.outputs = len(images), index, outputs
        self.inputs: dict[int, Tensor] = {}

    def computed(self, layer: Layer) -> None:
        """Replace the output of the layer by the probe, and that of later layers by the first image's."""
        if layer.index < self.index or len(layer.rows) % self.n_images:
            return
        parts = layer.rows.view(-1, self.n_images, *layer.rows.shape[1:])
        if layer.index == self.index:
            parts.copy_(self.outputs(parts.shape[1:]).expand_as(parts))
        else:
            self.inputs.setdefault(layer.index, layer.given.clone())
            parts.copy_(parts[:, :1].nan_to_num(0, 0, 0).expand_as(parts))


def _that_differ(arrived: Mapping[int, Tensor]) -> dict[int, Tensor]:
    """Return those that are not the same for all images, as (parts, images, values)."""
    found = {}
    for index, values in arrived.items():
        if values.dim() and len(values) and len(values) % len(LEVELS) == 0:
            parts = values.reshape(-1, len(LEVELS), values[0].numel())
            if not torch.allclose(parts, parts[:, :1].expand_as(parts)):
                found[index] = parts
    return found
