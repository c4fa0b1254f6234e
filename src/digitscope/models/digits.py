"""Networks that read one digit, or two over each other: the course's, small and accurate ones; one for objects."""

from torch import Tensor, nn

from digitscope.errors import SettingError
from digitscope.models.layers import (
    COURSE_SCALE,
    MNIST_SCALE,
    Columns,
    FlattenChannelsLast,
    Normalize,
    ShiftAveraged,
    check_dropout,
    check_hidden,
    convolution,
    pooled_convolution,
)

ACTIVATIONS = {"relu": nn.ReLU, "leaky-relu": nn.LeakyReLU}
RESNET_SIZES = ((28, 28), (32, 32))
"""Height and width of the images that `resnet` takes."""


def fully_connected(hidden: int = 10, activation: str = "relu", dropout: float = 0.0) -> nn.Sequential:
    """Return the course's network of one hidden layer.

    uint8 (N, 28, 28) -> 784 -> `hidden` (the course uses 10 and 128) -> logits float32 (N, 10). The activation is
    "relu", or "leaky-relu" with slope 0.01. `dropout` is the share of the hidden neurons that a training step
    leaves out (Srivastava et al. 2014); the course's has none.

    Raises:
        SettingError: no hidden neuron, an unknown activation, or `dropout` is not from 0 to below 1.
    """
    check_hidden(hidden)
    check_dropout(dropout)
    if activation not in ACTIVATIONS:
        raise SettingError(f"activation is {activation!r}: expected one of {', '.join(ACTIVATIONS)}")
    return nn.Sequential(
        Normalize(*COURSE_SCALE),
        nn.Flatten(),
        nn.Linear(784, hidden),
        ACTIVATIONS[activation](),
        *([nn.Dropout(dropout)] if dropout else []),
        nn.Linear(hidden, 10),
    )


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


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions that add to what they were given: relu(F(x) + shortcut(x)) (He et al. 2016, eq. 1, 2).

    Input: (N, `channels_in`, H, W). Output: (N, `channels_out`, ceil(H / stride), ceil(W / stride)). The shortcut
    is the input itself, or a 1x1 convolution of it where the shape changes (the paper's option B).
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        conv, norm, _ = convolution(channels_out, channels_out, 3)  # the sum is what the last ReLU is of
        self.body = nn.Sequential(*convolution(channels_in, channels_out, 3, stride), conv, norm)
        is_same = (channels_in, stride) == (channels_out, 1)
        self.shortcut = (
            nn.Identity() if is_same else nn.Sequential(*convolution(channels_in, channels_out, 1, stride)[:2])
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


# Two digits written over each other: one logit row for the upper, one for the lower


class TwoHeads(nn.Module):
    """Two read-outs of the same features, as the course's networks end.

    Input: float32 (N, `features`). Output: logits float32 (N, 2, 10): row 0 the upper digit, row 1 the lower.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.heads = nn.Linear(features, 20)

    def forward(self, features: Tensor) -> Tensor:
        """Return both positions' logits."""
        logits: Tensor = self.heads(features)
        return logits.reshape(-1, 2, 10)


def two_digit_mlp(hidden: int = 64) -> nn.Sequential:
    """Return the course's fully connected network for two digits.

    uint8 (N, 42, 28) -> 1,176 -> `hidden` -> logits float32 (N, 2, 10)

    Raises:
        SettingError: no hidden neuron.
    """
    check_hidden(hidden)
    return nn.Sequential(
        Normalize(*COURSE_SCALE),
        nn.Flatten(),
        nn.Linear(1176, hidden),
        nn.ReLU(),
        TwoHeads(hidden),
    )


def two_digit_cnn(dropout: float = 0.5) -> nn.Sequential:
    """Return the course's convolutional network for two digits.

    uint8 (N, 42, 28) -> (N, 1, 42, 28) -> conv 32 5x5: (N, 32, 38, 24) -> pool: (N, 32, 19, 12) -> dropout
    -> 7,296 -> logits float32 (N, 2, 10).

    The handout's listing calls `F.dropout(x)` without its training flag, and so drops half of the features
    when it evaluates too. Here dropout is a layer: it acts in training and is the identity in evaluation.

    Raises:
        SettingError: `dropout` is not from 0 to below 1.
    """
    check_dropout(dropout)
    return nn.Sequential(
        Normalize(*COURSE_SCALE),
        nn.Conv2d(1, 32, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(dropout),
        nn.Flatten(),
        TwoHeads(7296),
    )


def two_digit_fast(dropout: float = 0.3) -> nn.Sequential:
    """Return a network for two digits that learns in minutes, 1,088,468 parameters, most of them in one layer.

    uint8 (N, 42, 28) -> (N, 1, 42, 28) -> conv 32 5x5 stride 2: (N, 32, 21, 14) -> conv 48 3x3: (N, 48, 21, 14)
    -> conv 96 3x3 stride 2: (N, 96, 11, 7) -> conv 96 3x3: (N, 96, 11, 7) -> 7,392 -> 128 -> dropout
    -> logits float32 (N, 2, 10).

    Raises:
        SettingError: `dropout` is not from 0 to below 1.
    """
    check_dropout(dropout)
    return nn.Sequential(
        Normalize(*MNIST_SCALE),
        *convolution(1, 32, 5, stride=2),
        *convolution(32, 48, 3),
        *convolution(48, 96, 3, stride=2),
        *convolution(96, 96, 3),
        nn.Flatten(),
        nn.Linear(7392, 128),
        nn.ReLU(),
        nn.Dropout(dropout),
        TwoHeads(128),
    )


def two_digit_best() -> nn.Sequential:
    """Return the most accurate network for two digits, 963,624 parameters: two columns alike.

    uint8 (N, 42, 28) -> (N, 1, 42, 28) -> in each column conv 32 5x5, pool: (N, 32, 19, 12)
    -> conv 64 3x3 twice: (N, 64, 19, 12) -> conv 112 3x3, pool: (N, 112, 10, 6)
    -> conv 112 3x3 twice: (N, 112, 10, 6) -> 6,720 -> logits float32 (N, 2, 10), the mean of the columns'.
    """
    return nn.Sequential(Normalize(*MNIST_SCALE), Columns(_best_pair_column(), _best_pair_column()))


def _best_pair_column() -> nn.Sequential:
    return nn.Sequential(
        *pooled_convolution(1, 32, 5, padded=False),
        *convolution(32, 64, 3),
        *convolution(64, 64, 3),
        *pooled_convolution(64, 112, 3),
        *convolution(112, 112, 3),
        *convolution(112, 112, 3),
        FlattenChannelsLast(),
        TwoHeads(6720),
    )
