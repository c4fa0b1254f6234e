"""Networks that read two digits written over each other: one logit row for the upper, one for the lower."""

from torch import Tensor, nn

from digitscope.models.layers import (
    COURSE_SCALE,
    MNIST_SCALE,
    Columns,
    FlattenChannelsLast,
    Normalize,
    check_dropout,
    check_hidden,
    convolution,
    pooled_convolution,
)


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
    """Return the course's fully connected network for two digits; a SettingError for a refused `hidden`.

    uint8 (N, 42, 28) -> 1,176 -> `hidden` -> logits float32 (N, 2, 10)
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
    """Return the course's convolutional network for two digits; a SettingError for a refused `dropout`.

    uint8 (N, 42, 28) -> (N, 1, 42, 28) -> conv 32 5x5: (N, 32, 38, 24) -> pool: (N, 32, 19, 12) -> dropout
    -> 7,296 -> logits float32 (N, 2, 10).

    The handout's listing calls `F.dropout(x)` without its training flag, and so drops half of the features
    when it evaluates too. Here dropout is a layer: it acts in training and is the identity in evaluation.
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
    -> logits float32 (N, 2, 10). A SettingError for a refused `dropout`.
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
    return nn.Sequential(Normalize(*MNIST_SCALE), Columns(_best_column(), _best_column()))


def _best_column() -> nn.Sequential:
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
