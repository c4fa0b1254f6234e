"""Convolutional networks for one digit: the course's, and a small one that learns in seconds."""

from torch import nn

from digitscope.models.options import check_dropout
from digitscope.models.pixels import COURSE_SCALE, MNIST_SCALE, Normalize


def course_cnn(dropout: float = 0.5) -> nn.Sequential:
    """Return the course's convolutional network, 225,034 parameters.

    uint8 (N, 28, 28) -> (N, 1, 28, 28) -> conv 32 3x3: (N, 32, 26, 26) -> pool: (N, 32, 13, 13)
    -> conv 64 3x3: (N, 64, 11, 11) -> pool: (N, 64, 5, 5) -> 1,600 -> 128 -> dropout -> logits float32 (N, 10).
    As in the handout, no activation follows the layer of 128.

    Raises:
        SettingError: `dropout` is not from 0 to below 1.
    """
    check_dropout(dropout)
    return nn.Sequential(
        Normalize(*COURSE_SCALE),
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1600, 128),
        nn.Dropout(dropout),
        nn.Linear(128, 10),
    )


def convolution(channels_in: int, channels_out: int, size: int, stride: int = 1) -> list[nn.Module]:
    """Return a `size` x `size` convolution that keeps ceil(H / stride), with batch norm and ReLU.

    The convolution has no bias because the batch norm that follows subtracts the mean.
    """
    return [
        nn.Conv2d(channels_in, channels_out, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    ]


def fast_cnn() -> nn.Sequential:
    """Return a small network that passes 99 % on MNIST's test set within one epoch.

    uint8 (N, 28, 28) -> (N, 1, 28, 28) -> conv 24 5x5 stride 2: (N, 24, 14, 14) -> conv 32 3x3: (N, 32, 14, 14)
    -> conv 48 3x3 stride 2: (N, 48, 7, 7) -> 2,352 -> logits float32 (N, 10).
    The strides take the work of pooling: most of the arithmetic happens on 14x14.
    """
    return nn.Sequential(
        Normalize(*MNIST_SCALE),
        *convolution(1, 24, 5, stride=2),
        *convolution(24, 32, 3),
        *convolution(32, 48, 3, stride=2),
        nn.Flatten(),
        nn.Linear(2352, 10),
    )


def small_cnn() -> nn.Sequential:
    """Return a network that reads 20,000 digits a second on a laptop's processor, 60,706 parameters.

    uint8 (N, 28, 28) -> (N, 1, 28, 28) -> conv 24 5x5 stride 2: (N, 24, 14, 14) -> conv 24 3x3: (N, 24, 14, 14)
    -> conv 48 3x3 stride 2: (N, 48, 7, 7) -> conv 48 3x3: (N, 48, 7, 7) -> 2,352 -> logits float32 (N, 10).
    """
    return nn.Sequential(
        Normalize(*MNIST_SCALE),
        *convolution(1, 24, 5, stride=2),
        *convolution(24, 24, 3),
        *convolution(24, 48, 3, stride=2),
        *convolution(48, 48, 3),
        nn.Flatten(),
        nn.Linear(2352, 10),
    )


def best_cnn(dropout: float = 0.0) -> nn.Sequential:
    """Return the most accurate network for one digit, 340,842 parameters.

    uint8 (N, 28, 28) -> (N, 1, 28, 28) -> conv 32 5x5: (N, 32, 28, 28) -> conv 64 3x3 stride 2: (N, 64, 14, 14)
    -> conv 64 3x3: (N, 64, 14, 14) -> conv 128 3x3 stride 2: (N, 128, 7, 7) -> conv 128 3x3: (N, 128, 7, 7)
    -> 6,272 -> dropout -> logits float32 (N, 10).

    Raises:
        SettingError: `dropout` is not from 0 to below 1.
    """
    check_dropout(dropout)
    return nn.Sequential(
        Normalize(*MNIST_SCALE),
        *convolution(1, 32, 5),
        *convolution(32, 64, 3, stride=2),
        *convolution(64, 64, 3),
        *convolution(64, 128, 3, stride=2),
        *convolution(128, 128, 3),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(6272, 10),
    )
