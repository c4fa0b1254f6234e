"""A residual network, for pictures that are harder to tell apart than digits are."""

from torch import Tensor, nn

from digitscope.models.convolutional import convolution, pooled_convolution
from digitscope.models.pixels import COURSE_SCALE, Normalize

RESNET_SIZES = ((28, 28), (32, 32))
"""Height and width of the images that `resnet` takes."""


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions that add to what they were given: relu(F(x) + shortcut(x)) (He et al. 2016, eq. 1, 2).

    Input: (N, `channels_in`, H, W). Output: (N, `channels_out`, ceil(H / stride), ceil(W / stride)). The shortcut
    is the input itself, or a 1x1 convolution of it where the shape changes (the paper's option B).
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        conv, norm, _ = convolution(channels_out, channels_out, 3)  # the sum is what the last ReLU is of
        self.body = nn.Sequential(*convolution(channels_in, channels_out, 3, stride), conv, norm)
        self.shortcut = (
            nn.Identity()
            if (channels_in, stride) == (channels_out, 1)
            else nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out)
            )
        )
        self.activation = nn.ReLU()

    def forward(self, features: Tensor) -> Tensor:
        """Return the sum of both ways, where it is positive."""
        total: Tensor = self.activation(self.body(features) + self.shortcut(features))
        return total


def resnet() -> nn.Sequential:
    """Return a residual network for ten kinds of objects in images of 28x28 or 32x32, 1,209,834 parameters.

    uint8 (N, 28, 28) -> (N, 1, 28, 28) -> conv 32 3x3, pool: (N, 32, 14, 14) -> block 64: (N, 64, 14, 14)
    -> block 128, stride 2: (N, 128, 7, 7) -> block 256, stride 2: (N, 256, 4, 4) -> mean over pixels
    -> 256 -> logits float32 (N, 10). Of 32x32 the blocks see 16x16, 8x8 and 4x4.
    """
    return nn.Sequential(
        Normalize(*COURSE_SCALE),  # black is 0, as the padding around an image is
        *pooled_convolution(1, 32, 3),
        ResidualBlock(32, 64),
        ResidualBlock(64, 128, stride=2),
        ResidualBlock(128, 256, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(256, 10),
    )
