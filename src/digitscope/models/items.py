"""The network that looks once more at each item that the page network finds."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from digitscope.items import N_ITEM_CLASSES, VIEW
from digitscope.models.layers import FlattenChannelsLast, convolution, pooled_convolution

LEAST_DEVIATION = 0.03
"""Added to the deviation of a view's brightness, 0 to 1; it keeps the noise of empty paper small."""


class ViewContrast(nn.Module):
    """uint8 (N, 32, 64), two views side by side, to float32 (N, 2, 32, 32).

    Each is less its mean, divided by its deviation.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Return both views as channels."""
        views = torch.stack([images[..., :VIEW], images[..., VIEW:]], dim=1).float() / 255
        mean = views.mean(dim=(2, 3), keepdim=True)
        deviation = (views - mean).square().mean(dim=(2, 3), keepdim=True).sqrt()
        return ((views - mean) / (deviation + LEAST_DEVIATION)).contiguous(memory_format=torch.channels_last)


class TwoViews(nn.Module):
    """One network for each of two channels; their features (N, C) and (N, D) become (N, C + D)."""

    def __init__(self, near: nn.Module, around: nn.Module) -> None:
        super().__init__()
        self.near, self.around = near, around

    def forward(self, views: Tensor) -> Tensor:
        """Return the features of both views."""
        return torch.cat([self.near(views[:, :1]), self.around(views[:, 1:])], dim=1)


def _features(first: int, second: int, third: int, *later: int) -> nn.Sequential:
    """(N, 1, 32, 32) to (N, 25 * C), C being the last of the channels: of three layers, and of `later` ones."""
    deep = [layer for pair in pairwise((third, *later)) for layer in convolution(*pair, 3)]
    return nn.Sequential(
        *pooled_convolution(1, first, 5, padded=False),
        *convolution(first, second, 3, padded=False),
        *pooled_convolution(second, third, 3, padded=False),
        *deep,
        FlattenChannelsLast(),
    )


def item_network() -> nn.Sequential:
    """Return a network that tells what an item on a page is, 414,459 parameters.

    uint8 (N, 32, 64), see `digitscope.items` -> (N, 2, 32, 32) -> the item: (N, 128, 5, 5), its surroundings:
    (N, 48, 5, 5) -> 4,400 -> logits float32 (N, 43).
    """
    return nn.Sequential(
        ViewContrast(),
        TwoViews(_features(24, 48, 64, 96, 128), _features(8, 16, 32, 48)),
        nn.Linear(25 * (128 + 48), N_ITEM_CLASSES),
    )
