"""The variants of each study: what is trained, for as many training digits as there are."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from digitscope.experiments.recipes import Recipe, get_recipe
from digitscope.experiments.studies.study import Variant

Design = Callable[[int, bool], tuple[Variant, ...]]
"""Takes the number of training digits, and whether the study is to be quick."""

FEW_DIGITS = 5_000
"""Training digits in studies of overfitting; few enough for a network to memorise."""

WARPS: Mapping[str, float] = MappingProxyType(
    {"rotation": 7.0, "scale": 0.07, "shear": 0.07, "shift": 0.7, "elastic": 1.0}
)
"""The warps of the recipe `scratch`."""

MOMENTUM: Mapping[str, float] = MappingProxyType({"batch_size": 64, "learning_rate": 0.05, "momentum": 0.9})

OPTIMIZERS: Mapping[str, tuple[Mapping[str, Any], tuple[float, ...]]] = MappingProxyType(
    {
        "SGD": ({"optimizer": "sgd"}, (0.01, 0.03, 0.1, 0.3, 1.0)),
        "SGD + momentum": ({"optimizer": "sgd", "momentum": 0.9}, (0.003, 0.01, 0.03, 0.1, 0.3)),
        "SGD + Nesterov": (
            {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
            (0.003, 0.01, 0.03, 0.1, 0.3),
        ),
        "Adam": ({"optimizer": "adam"}, (0.0003, 0.001, 0.003, 0.01, 0.03)),
        "AdamW": ({"optimizer": "adamw", "weight_decay": 0.01}, (0.0003, 0.001, 0.003, 0.01, 0.03)),
        "Muon": ({"optimizer": "muon", "momentum": 0.6, "nesterov": True}, (0.01, 0.03, 0.1, 0.3, 1.0)),
    }
)
"""Each optimizer's settings, and the learning rates to choose the best from."""


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return `recipe` with `changes`, in an order that is new in each epoch, on one thread."""
    return recipe.with_changes({"order": "reshuffled", "threads": 1, **changes})


def capacity(n_train: int, quick: bool) -> tuple[Variant, ...]:
    """Return the fully connected network with 1, 2, 4, ... hidden neurons, on few digits."""
    most, n_epochs = (7, 8) if quick else (11, 20)
    sizes = {"train_size": min(1_000 if quick else FEW_DIGITS, n_train), "epochs": n_epochs}
    return tuple(
        Variant({"hidden": units}, changed(get_recipe("fc"), {**MOMENTUM, **sizes, "hidden": units}))
        for units in (2**power for power in range(most + 1))
    )


def epochs(n_train: int, quick: bool) -> tuple[Variant, ...]:
    """Return a wide network on few digits: plain, with dropout, with warped digits, and with both."""
    units, n_epochs, n_digits = (128, 8, 1_000) if quick else (256, 20, FEW_DIGITS)
    common = {**MOMENTUM, "hidden": units, "epochs": n_epochs, "train_size": min(n_digits, n_train)}
    ways: dict[str, Mapping[str, float]] = {
        "plain": {},
        "dropout": {"dropout": 0.5},
        "warped": WARPS,
        "both": {**WARPS, "dropout": 0.5},
    }
    return tuple(
        Variant({"training": name}, changed(get_recipe("fc"), {**common, **way})) for name, way in ways.items()
    )


def data(n_train: int, quick: bool) -> tuple[Variant, ...]:
    """Return three ways to learn, each from 100 digits up to 10,000, with equally many steps."""
    n_examples = 3_000 if quick else 20_000
    sizes = [size for size in (100, 300, 1_000, 3_000, 10_000) if size <= n_train]
    common = {"batch_size": 100, "epochs": 1, "epoch_size": n_examples}
    fc = {**common, "learning_rate": 0.2, "momentum": 0.9, "schedule": "one-cycle"}
    ways = {
        "fully connected": changed(get_recipe("fc-128"), fc),
        "the same, warped": changed(get_recipe("fc-128"), {**fc, **WARPS}),
        "convolutional": changed(get_recipe("fast"), common),
    }
    return tuple(
        Variant({"network": name, "digits": size}, recipe.with_changes({"train_size": size}))
        for name, recipe in ways.items()
        for size in sizes
    )


def optimizers(n_train: int, quick: bool) -> tuple[Variant, ...]:
    """Return the course's network, 128 hidden neurons, with each optimizer at several constant learning rates."""
    n_epochs, n_digits = (3, 1_000) if quick else (5, FEW_DIGITS)
    common = {"batch_size": 128, "epochs": n_epochs, "train_size": min(n_digits, n_train)}
    recipe = changed(get_recipe("fc-128"), common)
    return tuple(
        Variant(
            {"optimizer": name, "learning_rate": rate}, recipe.with_changes({**settings, "learning_rate": rate})
        )
        for name, (settings, rates) in OPTIMIZERS.items()
        for rate in rates
    )


DESIGNS: Mapping[str, Design] = MappingProxyType(
    {"capacity": capacity, "epochs": epochs, "data": data, "optimizers": optimizers}
)
