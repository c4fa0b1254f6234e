"""How the NumPy network is built and taught, as one frozen value that is checked when it is made."""

from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

import numpy as np

from digitscope.errors import SettingError
from digitscope.scratch.functions import activation_named
from digitscope.settings import Order, Schedule, TrainingSettings

FloatName = Literal["float32", "float64"]


@dataclass(frozen=True, kw_only=True)
class ScratchSettings(TrainingSettings):
    """The settings of `TrainingSettings` that the NumPy network has, and three that it alone has.

    The loss is softmax cross-entropy. The learning rate is that of the first step; it falls in a straight line and
    would be 0 one step after the last. Every epoch has a new order and new warps. Other settings have one value.

    Raises:
        SettingError: a value is of the wrong kind, out of range, unknown or contradicts another.
    """

    hidden: Annotated[tuple[int, ...], "neurons of each hidden layer; () for softmax regression."] = (128,)
    activation: Annotated[str, "what follows each hidden layer, a name in `ACTIVATIONS`."] = "relu"
    dtype: Annotated[FloatName, "of weights and arithmetic; float64 is for checking, and half as fast."] = (
        "float32"
    )

    epochs: int = 9
    batch_size: int = 64
    order: Order = "reshuffled"
    learning_rate: float = 0.15
    momentum: float = 0.9
    nesterov: bool = True
    schedule: Schedule = "one-cycle"
    warmup: float = 0.0
    threads: int = 1

    def __post_init__(self) -> None:
        activation_named(self.activation)
        units: Any = self.hidden
        if not isinstance(units, tuple | list) or not all(map(_is_count, units)):
            raise SettingError(
                f"hidden is {units!r}: expected a tuple of whole numbers from 1, such as (128,) or ()"
            )
        object.__setattr__(self, "hidden", tuple(map(int, units)))  # JSON has only lists
        self._check("dtype", FloatName)
        super().__post_init__()
        for field in fields(self):
            if field.name not in self.names() and getattr(self, field.name) != field.default:
                raise SettingError(f"the NumPy network has no {field.name}: expected {field.default!r}")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the settings that there are to choose, in their order."""
        trained = ("epochs", "batch_size", "learning_rate", "momentum", "nesterov")
        warped = ("rotation", "scale", "shear", "shift", "elastic")
        return ("hidden", "activation", *trained, *warped, "dtype")


def _is_count(value: object) -> bool:
    # A bool is an int to Python, and never what is meant by a count.
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 1)
