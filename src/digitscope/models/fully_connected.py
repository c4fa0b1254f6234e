"""The course's fully connected network."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import nn

from digitscope.errors import SettingError
from digitscope.models.options import check_hidden
from digitscope.models.pixels import COURSE_SCALE, Normalize

ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = MappingProxyType(
    {"relu": nn.ReLU, "leaky-relu": nn.LeakyReLU}
)


def fully_connected(hidden: int = 10, activation: str = "relu") -> nn.Sequential:
    """Return the course's network of one hidden layer.

    uint8 (N, 28, 28) -> 784 -> `hidden` -> logits float32 (N, 10)

    Args:
        hidden: units of the hidden layer; the course uses 10 and 128.
        activation: "relu", or "leaky-relu" with slope 0.01.

    Raises:
        SettingError: no hidden unit, or an unknown activation.
    """
    check_hidden(hidden)
    if activation not in ACTIVATIONS:
        raise SettingError(f"activation is {activation!r}: expected one of {', '.join(ACTIVATIONS)}")
    return nn.Sequential(
        Normalize(*COURSE_SCALE),
        nn.Flatten(),
        nn.Linear(784, hidden),
        ACTIVATIONS[activation](),
        nn.Linear(hidden, 10),
    )
