"""The course's fully connected network."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import nn

from digitscope.errors import SettingError
from digitscope.models.options import check_dropout, check_hidden
from digitscope.models.pixels import COURSE_SCALE, Normalize

ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = MappingProxyType(
    {"relu": nn.ReLU, "leaky-relu": nn.LeakyReLU}
)


def fully_connected(hidden: int = 10, activation: str = "relu", dropout: float = 0.0) -> nn.Sequential:
    """Return the course's network of one hidden layer.

    uint8 (N, 28, 28) -> 784 -> `hidden` -> logits float32 (N, 10)

    Args:
        hidden: units of the hidden layer; the course uses 10 and 128.
        activation: "relu", or "leaky-relu" with slope 0.01.
        dropout: share of the hidden units that a training step leaves out (Srivastava et al. 2014); the course's
            has none.

    Raises:
        SettingError: no hidden unit, an unknown activation, or `dropout` is not from 0 to below 1.
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
