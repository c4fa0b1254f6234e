"""A network that tells which pixels belong to the upper and which to the lower of two digits."""

from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor, nn

from digitscope.models.layers import MNIST_SCALE, Normalize, convolution

GAIN = 8.0
"""Factor on the head's output.

Most pixels are certainly paper. Muon keeps the length of the head's weights, so its 32 channels alone could not
give logits that large.
"""


class UNet(nn.Module):
    """Down to see whole digits, up to say where: a U-Net (Ronneberger, Fischer and Brox 2015), padded.

    Input: (N, `channels_in`, H, W). Output: (N, `channels_out`, H, W). Each level down halves rows and columns, an
    odd one rounded up; on the way up each sees also what its level saw on the way down. `widths` are the channels
    of the levels, the finest first.
    """

    def __init__(self, channels_in: int, widths: tuple[int, ...], channels_out: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(_level(before, after) for before, after in pairwise((channels_in, *widths)))
        self.up = nn.ModuleList(_level(fine + coarse, fine) for coarse, fine in pairwise(widths[::-1]))
        self.head = nn.Conv2d(widths[0], channels_out, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return what the head makes of the finest level."""
        finest, *levels = self.down
        seen = [finest(features)]
        for level in levels:
            seen.append(level(F.max_pool2d(seen[-1], 2, ceil_mode=True)))
        found = seen.pop()
        for level in self.up:
            beside = seen.pop()
            height, width = beside.shape[-2:]
            enlarged = F.interpolate(found, scale_factor=2.0)[..., :height, :width]
            found = level(torch.cat([beside, enlarged], dim=1))
        masks: Tensor = GAIN * self.head(found)
        return masks


def _level(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(*convolution(channels_in, channels_out, 3), *convolution(channels_out, channels_out, 3))


class PixelsToChannels(nn.Module):
    """(N, 1, H, W) to (N, 4, H / 2, W / 2): what `nn.PixelUnshuffle` does, also of no image."""

    def forward(self, images: Tensor) -> Tensor:
        """Return each 2x2 pixels as the channels of one."""
        n, _, height, width = images.shape
        return images.reshape(n, height // 2, 2, width // 2, 2).permute(0, 2, 4, 1, 3).flatten(1, 2)


def unet() -> nn.Sequential:
    """Return a network that separates two digits, 472,712 parameters.

    Input: uint8 (N, 42, 28). Each 2x2 pixels become 4 channels, (N, 4, 21, 14). The U-Net has levels of
    (N, 32, 21, 14), (N, 64, 11, 7) and (N, 128, 6, 4), and returns (N, 8, 21, 14). Each 4 channels become 2x2
    pixels again. Output: float32 logits (N, 2, 42, 28), for the ink of the upper and of the lower digit. A pixel
    can belong to both. Half the rows and columns take a quarter of the time, and no pixel is lost (Shi et al.
    2016).
    """
    return nn.Sequential(
        Normalize(*MNIST_SCALE),
        PixelsToChannels(),
        UNet(4, (32, 64, 128), 8),
        nn.PixelShuffle(2),
    )
