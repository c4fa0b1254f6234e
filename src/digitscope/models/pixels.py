"""From stored pixels to what a network computes with: the first layer of every model."""

import torch
from torch import Tensor, nn

COURSE_SCALE = (0.0, 256.0)
"""Mean and deviation that turn a pixel p into p/256, the course's scaling."""

MNIST_SCALE = (33.318421, 78.567490)
"""Mean and standard deviation of all pixels of MNIST's 60,000 training images."""


class Normalize(nn.Module):
    """(pixel - mean) / deviation, and a channel axis.

    Input: uint8 (N, H, W), or any real dtype of that shape.
    Output: float32 (N, 1, H, W), in the channels-last memory layout, which CPU convolutions prefer.
    """

    def __init__(self, mean: float, deviation: float) -> None:
        super().__init__()
        self.mean = mean
        self.deviation = deviation

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the normalised images."""
        scaled = (pixels.unsqueeze(1).float() - self.mean) / self.deviation
        return scaled.contiguous(memory_format=torch.channels_last)

    def extra_repr(self) -> str:
        """Return the settings, for printing."""
        return f"mean={self.mean}, deviation={self.deviation}"
