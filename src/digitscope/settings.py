"""How a network is trained, as one frozen value that is checked when it is made."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from math import inf
from typing import Annotated, Any, Literal, NamedTuple, get_args

import numpy as np

from digitscope.data.augmentation import NO_AUGMENTATION, Augmentation
from digitscope.errors import SettingError

Order = Literal["fixed", "reshuffled", "fresh-pairs", "fresh-pages"]
OptimizerName = Literal["sgd", "muon", "adam", "adamw"]
Schedule = Literal["constant", "one-cycle"]
Precision = Literal["float32", "mixed"]


class Accepted(NamedTuple):
    """The accepted values of a setting: a test, and the words for errors."""

    test: Callable[[Any], bool]
    words: str


FROM_1 = Accepted(lambda n: n >= 1, "a whole number from 1")
FROM_0 = Accepted(lambda n: n >= 0, "a whole number from 0")
POSITIVE = Accepted(lambda x: 0 < x < inf, "a number above 0")
NOT_NEGATIVE = Accepted(lambda x: 0 <= x < inf, "a number from 0")
BELOW_1 = Accepted(lambda x: 0 <= x < 1, "a number from 0 to below 1")
AT_LEAST_1 = Accepted(lambda x: 1 <= x < inf, "a number from 1")
SHARE = Accepted(lambda x: 0 <= x <= 1, "a number from 0 to 1")


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Everything that training depends on beside the model, the data and the seed.

    Each field's annotation says what it is; `digitscope train --help` shows these texts.

    Raises:
        SettingError: a value is unknown or out of range, or two contradict each other.
    """

    epochs: Annotated[int, "passes over the training set.", FROM_1] = 10
    batch_size: Annotated[int, "examples a step.", FROM_1] = 32
    order: Annotated[
        Order,
        'how examples come. "fixed" is the course\'s protocol: one permutation, the same batches in every epoch, '
        'the remainder dropped. "reshuffled" draws a new order each epoch and drops nothing. "fresh-pairs" '
        'overlaps new pairs of single training digits at every step. "fresh-pages" writes new pages with them, '
        "and with pen strokes; the item network gets what the page network finds there.",
    ] = "fixed"
    train_size: Annotated[
        int,
        "training examples to learn from, drawn by the seed: those for a smaller number are among those for a "
        'larger one. 0 for all; "fresh-pairs" makes its own.',
        FROM_0,
    ] = 0
    epoch_size: Annotated[
        int, 'examples an epoch; 0 for as many as the training set has. The order "fixed" takes only 0.', FROM_0
    ] = 0
    optimizer: Annotated[
        OptimizerName,
        '"sgd", "muon" (Jordan et al. 2024), "adam" (Kingma and Ba 2015) or "adamw" (Loshchilov and Hutter 2019).',
    ] = "sgd"
    learning_rate: Annotated[float, 'the rate, or with "one-cycle" its peak.', POSITIVE] = 0.1
    momentum: Annotated[float, 'of "sgd" and "muon"; the other optimizers keep their own.', BELOW_1] = 0.0
    nesterov: Annotated[bool, "look ahead (Sutskever et al. 2013); needs momentum."] = False
    weight_decay: Annotated[
        float,
        'a step\'s pull of every weight towards 0, as the optimizer defines it; "muon", which holds the length of '
        "weights, has none.",
        NOT_NEGATIVE,
    ] = 0.0
    schedule: Annotated[
        Schedule, '"constant", or "one-cycle": a linear rise and a linear fall to 0, step by step (Smith 2018).'
    ] = "constant"
    warmup: Annotated[float, 'the share of all steps that "one-cycle" rises.', BELOW_1] = 0.25
    label_smoothing: Annotated[
        float, "probability mass spread evenly over the classes (Szegedy et al. 2016).", BELOW_1
    ] = 0.0
    hard_example_weight: Annotated[
        float,
        "weight of the highest loss in a batch; the lowest has 1, the others stand between by rank (Loshchilov "
        "and Hutter 2016). 1 for equal weights. With several processes, each ranks its own examples.",
        AT_LEAST_1,
    ] = 1.0
    rotation: Annotated[
        float,
        "degrees that each example is turned by at most, anew at every step; this and the next nine need an order "
        'that is not "fixed". Pairs are warped before they are overlapped.',
    ] = 0.0
    scale: Annotated[float, "share by which it grows or shrinks at most."] = 0.0
    shear: Annotated[float, "columns a row that it leans at most."] = 0.0
    shift: Annotated[float, "pixels along each axis that it moves at most."] = 0.0
    elastic: Annotated[
        float, "pixels that its points move by, as the standard deviation of a smooth random field."
    ] = 0.0
    stroke: Annotated[float, "share of a pixel that strokes grow or shrink by at each side at most."] = 0.0
    blur: Annotated[
        float, "pixels, the standard deviation of the Gaussian that each example is blurred with at most."
    ] = 0.0
    flip: Annotated[float, "share of the examples that are mirrored, left to right."] = 0.0
    low_resolution: Annotated[
        float, "share of the examples that a coarse scanner saw: reduced, and enlarged again."
    ] = 0.0
    erase: Annotated[float, "share of the examples that lose the ink of a small rectangle."] = 0.0
    styles: Annotated[
        float,
        "share of the 1s and 7s that are written as elsewhere in the world, with an upstroke and a foot or a bar. "
        'It needs single digits, and an order that is "reshuffled".',
        SHARE,
    ] = 0.0
    pens: Annotated[
        float,
        "how many digits drawn from UNIPEN's pen strokes come with each example, as a share. It needs single "
        'digits, an order that is "reshuffled", and the files that `digitscope data pens` writes.',
        SHARE,
    ] = 0.0
    negatives: Annotated[
        float,
        "negatives per example: images of no digit, or of no pair, whose target is equal probabilities (Hendrycks "
        'et al. 2019). They are made of single digits. They need the order "reshuffled", or "fresh-pairs" for '
        "pairs.",
        SHARE,
    ] = 0.0
    epochs_without_augmentation: Annotated[
        int,
        "last epochs without augmentation, on images like those read later (Ge et al. 2021). 0 if there is no "
        "augmentation.",
        FROM_0,
    ] = 0
    ema: Annotated[
        float,
        "share that the average of the weights keeps at each step (Polyak and Juditsky 1992; An et al. 2020); the "
        "average is what is validated and kept. 0 for the last weights.",
        BELOW_1,
    ] = 0.0
    precision: Annotated[
        Precision,
        '"float32", or "mixed": convolutions and matrix products of training steps in bfloat16 where the device '
        "computes in it natively (Micikevicius et al. 2018), in float32 elsewhere. Weights and evaluation are "
        "float32 in both.",
    ] = "float32"
    threads: Annotated[
        int,
        "on the CPU; 0 for as many as PyTorch has, by default one a core. Small networks are faster on one.",
        FROM_0,
    ] = 0

    def __post_init__(self) -> None:
        for field in fields(TrainingSettings):
            kind, _, *accepted = get_args(field.type)
            self._check(field.name, kind, *accepted)
        if self.optimizer in {"adam", "adamw"} and (self.momentum or self.nesterov):
            raise SettingError(
                f"momentum and nesterov are settings of sgd and muon, not of {self.optimizer}: "
                "expected --momentum 0 --no-nesterov with it"
            )
        if self.optimizer == "muon" and self.weight_decay:
            raise SettingError("muon holds the length of weights: expected --weight-decay 0 with it")
        if self.nesterov and self.momentum == 0:
            raise SettingError("nesterov needs momentum: expected momentum above 0, such as 0.9")
        augmentation = self.augmentation  # which checks its numbers
        if self.epochs_without_augmentation and augmentation == NO_AUGMENTATION:
            raise SettingError("nothing warps digits in any epoch: expected --epochs-without-augmentation 0")
        if self.epochs_without_augmentation > self.epochs:
            without = self.epochs_without_augmentation
            raise SettingError(f"epochs_without_augmentation is {without}: expected up to {self.epochs} epochs")
        self._check_order(augmentation)

    def _check(self, name: str, kind: Any, accepted: Accepted | None = None) -> None:
        """Refuse a value of another kind or out of range; NumPy's numbers become Python's."""
        value = getattr(self, name)
        if isinstance(value, np.generic):
            value = value.item()
            object.__setattr__(self, name, value)
        if kind is bool and not isinstance(value, bool):
            raise SettingError(f"{name} is {value!r}: expected True or False")
        choices = get_args(kind)
        if choices and (not isinstance(value, str) or value not in choices):
            raise SettingError(f"{name} is {value!r}: expected one of {', '.join(choices)}")
        kinds = (int,) if kind is int else (int, float)
        if accepted is not None and (type(value) not in kinds or not accepted.test(value)):
            raise SettingError(f"{name} is {value!r}: expected {accepted.words}")

    def _check_order(self, augmentation: Augmentation) -> None:
        """Refuse settings that have no effect on examples that come in this order."""
        if self.order == "fixed" and self.epoch_size:
            raise SettingError(
                "order is 'fixed', which shows all examples: use reshuffled to choose an epoch_size"
            )
        if self.order == "fixed" and augmentation != NO_AUGMENTATION:
            raise SettingError("order is 'fixed', which shows examples as they are: use reshuffled to warp them")
        if self.order == "fixed" and self.negatives:
            raise SettingError("order is 'fixed', which has no negatives: use reshuffled, fresh-pairs, or 0")
        if self.order == "fresh-pairs" and self.train_size:
            raise SettingError("order is 'fresh-pairs', which makes its own examples: expected --train-size 0")
        for name in ("styles", "pens"):
            if self.order != "reshuffled" and getattr(self, name):
                raise SettingError(f"order is {self.order!r}, which has no {name}: use reshuffled, or 0")
        if self.order == "fresh-pages":
            neutral = {
                "train_size": 0,
                "label_smoothing": 0,
                "hard_example_weight": 1,
                "negatives": 0,
                **vars(NO_AUGMENTATION),
            }
            for name, value in neutral.items():
                if getattr(self, name) != value:
                    raise SettingError(f"order is 'fresh-pages', which has no {name}: expected {value:g}")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the settings that there are to choose, in their order."""
        return tuple(field.name for field in fields(cls))

    def as_dict(self) -> dict[str, Any]:
        """Return the settings that there are to choose, by name."""
        return {name: getattr(self, name) for name in self.names()}

    @property
    def augmentation(self) -> Augmentation:
        """How far each example is warped."""
        return Augmentation(**{each.name: getattr(self, each.name) for each in fields(Augmentation)})

    @property
    def pen(self) -> Augmentation:
        """The part of `augmentation` that imitates other pens and scanners, not other writers."""
        return Augmentation(stroke=self.stroke, blur=self.blur, low_resolution=self.low_resolution)
