"""The network that finds digits and signs on pages in one pass, and the one that looks once more at each item."""

from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor, nn

from digitscope.detections import LAYOUT
from digitscope.items import N_ITEM_CLASSES, VIEW
from digitscope.models.layers import FlattenChannelsLast, convolution, pooled_convolution

RARE = -4.6
"""First bias of the heat, a probability of 0.01: few places are the middle of an item (Lin et al. 2017)."""

WINDOW, COARSE = 7, 8
"""Contrast is measured in a surrounding of 7x7 squares of 8x8 pixels."""

LEAST_DEVIATION = 0.02
"""Added to the deviation of the brightness, 0 to 1; it keeps the noise of empty paper small."""


class LocalContrast(nn.Module):
    """uint8 (N, H, W), sides multiples of 8, to float32 (N, 2, H, W): brightness and local contrast.

    The contrast is the brightness less the mean of its surrounding, divided by the deviation there.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Return both as channels."""
        grey = images.float()[:, None] / 255
        coarse = torch.cat([F.avg_pool2d(grey, COARSE), F.avg_pool2d(grey * grey, COARSE)], dim=1)
        around = F.avg_pool2d(coarse, WINDOW, stride=1, padding=WINDOW // 2, count_include_pad=False)
        mean, square = around[:, :1], around[:, 1:]
        deviation = (square - mean * mean).clamp_min(0).sqrt() + LEAST_DEVIATION
        local = torch.cat([mean, deviation], dim=1)
        local = F.interpolate(local, scale_factor=float(COARSE), mode="bilinear", align_corners=False)
        return torch.cat([grey - 0.5, (grey - local[:, :1]) / local[:, 1:]], dim=1)


class Residual(nn.Module):
    """Two convolutions of 3x3 beside a shortcut (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*convolution(channels, channels, 3), *convolution(channels, channels, 3)[:2])

    def forward(self, features: Tensor) -> Tensor:
        """Return the positive part of the features plus the body's output."""
        return F.relu(features + self.body(features))


def _level(before: int, after: int, blocks: int) -> nn.Sequential:
    """Return layers that halve rows and columns, then `blocks` residual ones."""
    return nn.Sequential(*convolution(before, after, 3, stride=2), *(Residual(after) for _ in range(blocks)))


class PageMaps(nn.Module):
    """(N, 2, H, W), sides multiples of 32, to maps (N, 42, H / 4, W / 4), see `digitscope.detections`.

    In the way of CenterNet (Zhou, Wang and Kraehenbuehl 2019) on a feature pyramid (Lin et al. 2017).
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*convolution(2, 16, 5, stride=2))
        self.down4, self.down8 = _level(16, 32, 1), _level(32, 64, 2)
        self.down16, self.down32 = _level(64, 96, 2), _level(96, 128, 1)
        self.side4, self.side8, self.side16 = nn.Conv2d(32, 48, 1), nn.Conv2d(64, 64, 1), nn.Conv2d(96, 96, 1)
        self.up32, self.up16, self.up8 = nn.Conv2d(128, 96, 1), nn.Conv2d(96, 64, 1), nn.Conv2d(64, 48, 1)
        self.smooth8 = nn.Sequential(*convolution(64, 64, 3))
        self.smooth4 = nn.Sequential(*convolution(48, 48, 3), Residual(48))
        fine = sum(LAYOUT[name] for name in ("heat", "classes", "geometry", "mask"))
        self.fine = nn.Conv2d(48, fine, 1)
        self.coarse = nn.Conv2d(64, sum(LAYOUT.values()) - fine, 1)
        nn.init.constant_(self.fine.bias[: LAYOUT["heat"]], RARE)  # type: ignore[index]

    def forward(self, features: Tensor) -> Tensor:
        """Return the maps."""
        at4 = self.down4(self.stem(features))
        at8 = self.down8(at4)
        at16 = self.down16(at8)
        at32 = self.down32(at16)
        at16 = F.relu(self.side16(at16) + _doubled(self.up32(at32)))
        at8 = self.smooth8(F.relu(self.side8(at8) + _doubled(self.up16(at16))))
        at4 = self.smooth4(F.relu(self.side4(at4) + _doubled(self.up8(at8))))
        return torch.cat([self.fine(at4), _doubled(self.coarse(at8))], dim=1)


def _doubled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2.0)


def page_network() -> nn.Sequential:
    """Return a network that finds digits and signs on pages, 1,123,354 parameters.

    Input: uint8 (N, H, W), sides multiples of 32. `LocalContrast` gives (N, 2, H, W), the stem (N, 32, H / 4, W
    / 4). The encoder has 64, 96 and 128 channels at strides 8, 16 and 32; the decoder returns to stride 4.
    Output: float32 maps (N, 42, H / 4, W / 4), see `digitscope.detections`.
    """
    return nn.Sequential(LocalContrast(), PageMaps())


# The network that classifies an item

LEAST_VIEW_DEVIATION = 0.03
"""Added to the deviation of a view's brightness, 0 to 1; it keeps the noise of empty paper small."""


class ViewContrast(nn.Module):
    """uint8 (N, 32, 64), two views side by side, to float32 (N, 2, 32, 32), each less its mean.

    It is divided by its deviation plus 0.03, so its own deviation is below 1.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Return both views as channels."""
        views = torch.stack([images[..., :VIEW], images[..., VIEW:]], dim=1).float() / 255
        mean = views.mean(dim=(2, 3), keepdim=True)
        deviation = (views - mean).square().mean(dim=(2, 3), keepdim=True).sqrt()
        return ((views - mean) / (deviation + LEAST_VIEW_DEVIATION)).contiguous(memory_format=torch.channels_last)


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
