"""How a network is built and taught, as one frozen value that is checked when it is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np

from digitscope.data.augmentation import Augmentation
from digitscope.errors import SettingError
from digitscope.scratch.functions import activation_named

FloatName = Literal["float32", "float64"]


@dataclass(frozen=True)
class ScratchSettings:
    """How a network is built and taught, checked once when made. The loss is softmax cross-entropy.

    Attributes:
        hidden: units of each hidden layer, first to last; () for softmax regression.
        activation: what follows each hidden layer, a name in `ACTIVATIONS`.
        epochs: passes over the training split.
        batch_size: examples a step.
        learning_rate: of the first step; it falls in a straight line and would be 0 one step after the last.
        momentum: in [0, 1).
        nesterov: look ahead along the velocity; needs momentum.
        rotation: degrees that each example is turned by at most, anew at every step.
        scale: share by which it grows or shrinks at most.
        shear: columns a row that it leans at most.
        shift: pixels along each axis that it moves at most.
        elastic: pixels that its points move by, as the standard deviation of a smooth random field.
        dtype: of weights and arithmetic; float64 is for checking, and half as fast.

    Raises:
        SettingError: a value is of the wrong kind, out of range, unknown or contradicts another.
    """

    hidden: tuple[int, ...] = (128,)
    activation: str = "relu"
    epochs: int = 9
    batch_size: int = 64
    learning_rate: float = 0.15
    momentum: float = 0.9
    nesterov: bool = True
    rotation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    dtype: FloatName = "float32"

    def __post_init__(self) -> None:
        activation_named(self.activation)
        for name, (accepted, text) in ACCEPTED.items():
            value = getattr(self, name)
            if not accepted(value):
                raise SettingError(f"{name} is {value!r}: expected {text}")
        if self.nesterov and self.momentum == 0:
            raise SettingError("nesterov is True: expected momentum above 0, or False")
        object.__setattr__(self, "hidden", tuple(self.hidden))  # JSON has only lists
        _ = self.augmentation  # which checks its numbers

    @property
    def augmentation(self) -> Augmentation:
        """How far each example is warped."""
        return Augmentation(
            rotation=self.rotation, scale=self.scale, shear=self.shear, shift=self.shift, elastic=self.elastic
        )


def _is_count(value: object) -> bool:
    # A bool is an int to Python, and never what is meant by a count.
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 1)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


ACCEPTED: Mapping[str, tuple[Callable[[Any], bool], str]] = MappingProxyType(
    {
        "hidden": (
            lambda value: isinstance(value, tuple | list) and all(_is_count(units) for units in value),
            "a tuple of whole numbers from 1, such as (128,) or ()",
        ),
        "epochs": (_is_count, "a whole number from 1"),
        "batch_size": (_is_count, "a whole number from 1"),
        "learning_rate": (lambda value: _is_number(value) and 0 < value < np.inf, "a number above 0"),
        "momentum": (lambda value: _is_number(value) and 0 <= value < 1, "a number from 0 to below 1"),
        "nesterov": (lambda value: isinstance(value, bool | np.bool_), "True or False"),
        "dtype": (lambda value: isinstance(value, str) and value in get_args(FloatName), "float32 or float64"),
    }
)
"""The accepted values of each setting except the activation: a test, and the words for errors."""
