"""Convolutional networks for one digit: the course's, and a small one that learns in seconds."""

from torch import Tensor, nn

from digitscope.models.columns import Columns
from digitscope.models.options import check_dropout
from digitscope.models.pixels import COURSE_SCALE, MNIST_SCALE, Normalize
from digitscope.models.shifts import ShiftAveraged


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


def convolution(
    channels_in: int, channels_out: int, size: int, stride: int = 1, *, padded: bool = True
) -> list[nn.Module]:
    """Return a `size` x `size` convolution with batch norm and ReLU.

    Padded it keeps ceil(H / stride) rows, unpadded floor((H - size) / stride) + 1. The convolution has no bias
    because the batch norm that follows subtracts the mean.
    """
    padding = size // 2 if padded else 0
    return [
        nn.Conv2d(channels_in, channels_out, size, stride, padding, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    ]


def pooled_convolution(channels_in: int, channels_out: int, size: int, *, padded: bool = True) -> list[nn.Module]:
    """Return likewise a convolution that halves rows and columns: the largest of each 2x2 goes on.

    Pooled before it is normalised, a batch norm and a ReLU have a quarter of the work.
    """
    conv, norm, relu = convolution(channels_in, channels_out, size, padded=padded)
    return [conv, nn.MaxPool2d(2, ceil_mode=True), norm, relu]  # an odd last row or column is its own largest


class FlattenChannelsLast(nn.Module):
    """(N, C, H, W) to (N, H * W * C), the order of channels-last memory, so nothing is copied.

    `nn.Flatten` gives (N, C * H * W). This needs a copy in the forward pass. In the backward pass, the gradient
    then has another layout than the activations, which makes PyTorch's backward of ReLU 30 times slower.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Return the features of each image in one row."""
        return features.permute(0, 2, 3, 1).flatten(1)


def fast_cnn() -> nn.Sequential:
    """Return a small network that passes 99 % on MNIST's test set within an epoch, 22,362 parameters.

    uint8 (N, 28, 28) -> (N, 1, 28, 28) -> conv 16 5x5 stride 2: (N, 16, 12, 12) -> conv 16 3x3: (N, 16, 10, 10)
    -> conv 64 3x3 stride 2: (N, 64, 4, 4) -> 1,024 -> logits float32 (N, 10), averaged over shifts.
    The strides take the work of pooling, and no convolution is padded, since MNIST's margin is empty: most of the
    arithmetic happens on 10x10.
    """
    return nn.Sequential(
        Normalize(*MNIST_SCALE),
        ShiftAveraged(
            *convolution(1, 16, 5, stride=2, padded=False),
            *convolution(16, 16, 3, padded=False),
            *convolution(16, 64, 3, stride=2, padded=False),
            FlattenChannelsLast(),
            nn.Linear(1024, 10),
        ),
    )


def small_cnn() -> nn.Sequential:
    """Return a network that reads 20,000 digits a second on a laptop's processor, 131,514 parameters.

    uint8 (N, 28, 28) -> (N, 1, 28, 28) -> conv 16 5x5, pool: (N, 16, 12, 12) -> conv 32 3x3: (N, 32, 10, 10)
    -> conv 64 3x3, pool: (N, 64, 4, 4) -> conv 64 3x3: (N, 64, 4, 4) -> conv 96 3x3: (N, 96, 4, 4) -> 1,536
    -> logits float32 (N, 10). MNIST's margin is empty, so padding would only make more arithmetic.
    """
    return nn.Sequential(
        Normalize(*MNIST_SCALE),
        *pooled_convolution(1, 16, 5, padded=False),
        *convolution(16, 32, 3, padded=False),
        *pooled_convolution(32, 64, 3, padded=False),
        *convolution(64, 64, 3),
        *convolution(64, 96, 3),
        FlattenChannelsLast(),
        nn.Linear(1536, 10),
    )


def best_cnn() -> nn.Sequential:
    """Return the most accurate network for one digit, 688,830 parameters: three columns alike.

    uint8 (N, 28, 28) -> (N, 1, 28, 28) -> in each column conv 32 5x5, pool: (N, 32, 12, 12)
    -> conv 64 3x3: (N, 64, 12, 12) -> conv 64 3x3, pool: (N, 64, 6, 6) -> conv 96 3x3 twice: (N, 96, 6, 6)
    -> 3,456 -> logits float32 (N, 10), the mean of the columns'.
    """
    return nn.Sequential(Normalize(*MNIST_SCALE), Columns(_best_column(), _best_column(), _best_column()))


def _best_column() -> nn.Sequential:
    return nn.Sequential(
        *pooled_convolution(1, 32, 5, padded=False),
        *convolution(32, 64, 3),
        *pooled_convolution(64, 64, 3),
        *convolution(64, 96, 3),
        *convolution(96, 96, 3),
        FlattenChannelsLast(),
        nn.Linear(3456, 10),
    )
