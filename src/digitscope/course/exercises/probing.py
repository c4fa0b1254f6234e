"""Measure by values, and not by the names of operations, what stands between two layers of a network.

A probe replaces the output of one layer by chosen values, the same at all places of a map. All images are the
same. Later layers give all images the same output. So a difference between images comes from the probe, and has
passed no other layer. Rows that are parts of an image differ without a probe too, and do not count.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from digitscope.course.exercises.tracing import Layer, Trace

LEVELS = torch.tensor([-1.0, 1, 0, -0.004, 0.004, -0.1, 0.1, 3, -3, 30, -30, 1e5, -1e5])
"""Values that a layer gives: small and large, as a function may differ from ReLU near 0 or far from it.

Sentences show the first that goes wrong. The number of levels is the number of images of a probe.
"""

ROUNDING = 0.01
"""Largest difference by rounding; a normalisation divides it by the root of 1e-5."""


@dataclass
class Reach:
    """Where the output of a layer arrives without passing another one.

    Attributes:
        layers: what layers get of it, by their index: (parts, images, values).
        heads: the network's outputs that it reaches, by their number.
    """

    layers: dict[int, Tensor] = field(default_factory=dict)
    heads: dict[int, Tensor] = field(default_factory=dict)


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


def reach(model: nn.Module, image: Tensor, index: int, outputs: Callable[[torch.Size], Tensor]) -> Reach:
    """Return where `outputs` of a layer arrive; nothing if the network takes no batch of another size."""
    images = image.expand(len(LEVELS), *image.shape).contiguous()
    found = []
    for each in (outputs, zero):
        probe = _Probe(images, index, each)
        try:
            with torch.no_grad(), probe:
                output = model.eval()(images)
            heads = [output] if isinstance(output, Tensor) else output
            found.append([_that_differ(probe.inputs), _that_differ(dict(enumerate(heads)))])
        except Exception:  # noqa: BLE001 - it is code of a student, which has run on three images
            return Reach()
    probed, same = found
    return Reach(
        *({i: each[i] for i in each if i not in others} for each, others in zip(probed, same, strict=True))
    )


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
    known = torch.isclose(values[:, :, None], function).any(dim=2)
    return bool(known.all())


class _Probe(Trace):  # type: ignore[no-untyped-call]
    def __init__(self, images: Tensor, index: int, outputs: Callable[[torch.Size], Tensor]) -> None:
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
