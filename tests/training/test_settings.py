from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from digitscope.data.augmentation import NO_AUGMENTATION, Augmentation
from digitscope.errors import SettingError
from digitscope.training import TrainingSettings, setting_names

WHOLE = "expected a whole number from 1"
BELOW_ONE = "expected a number from 0 to below 1"
NOT_OF = (
    "momentum and nesterov are settings of sgd and muon, not of {}: expected --momentum 0 --no-nesterov with it"
)
NO_WARPS = "plain_epochs are without warps, but there are none: expected --plain-epochs 0"
NAN, INFINITY = float("nan"), float("inf")

WARPS = ("rotation", "shear", "shift", "elastic", "stroke", "blur", "low_resolution", "erase")

REFUSED = [
    *[("epochs", value, WHOLE) for value in (0, -1, 2.0, True, "3", None)],
    *[("batch_size", value, WHOLE) for value in (0, -32, 32.0, True, "32", None)],
    ("order", "random", "expected one of fixed, reshuffled, fresh-pairs"),
    ("order", None, "expected one of fixed"),
    *[("train_size", value, "expected a whole number from 0") for value in (-1, 1.5, True)],
    *[("epoch_size", value, "expected a whole number from 0") for value in (-1, 1.5, True)],
    ("optimizer", "SGD", "expected one of sgd, muon, adam, adamw"),
    ("schedule", "cosine", "expected one of constant, one-cycle"),
    *[("learning_rate", value, "expected a number above 0") for value in (0, -0.1, NAN, INFINITY, "0.1", True)],
    *[("momentum", value, BELOW_ONE) for value in (-0.1, 1, 1.5, NAN, "0.9")],
    *[("weight_decay", value, "expected a number from 0") for value in (-1e-9, NAN, INFINITY, "0")],
    *[("warmup", value, BELOW_ONE) for value in (-0.1, 1, NAN, None)],
    *[("label_smoothing", value, BELOW_ONE) for value in (-0.1, 1.0, NAN, False)],
    *[("focus", value, "expected a number from 1") for value in (0.9, -1, NAN, INFINITY, True, "2")],
    *[
        (name, value, "expected a number from 0 to 1")
        for name in ("styles", "pens", "non_digits")
        for value in (-0.1, 1.1, NAN, True, "0.1")
    ],
    *[("plain_epochs", value, "expected a whole number from 0") for value in (-1, 1.0, True, "1", None)],
    *[
        (name, value, "expected a number from 0 to below inf")
        for name in ("rotation", "shear", "shift", "elastic", "blur")
        for value in (-1, NAN, INFINITY, "1")
    ],
    *[
        (name, value, BELOW_ONE)
        for name in ("scale", "stroke", "low_resolution", "erase")
        for value in (-0.1, 1, NAN, None)
    ],
    *[("ema", value, BELOW_ONE) for value in (-0.1, 1, NAN, True, "0.9")],
    *[("precision", value, "expected one of float32, mixed") for value in ("bfloat16", 16, None)],
    *[("threads", value, "expected a whole number from 0") for value in (-1, 1.5, True)],
    *[("nesterov", value, "expected True or False") for value in (0, 1, "no", None)],
]


@pytest.mark.parametrize(("name", "value", "accepted"), REFUSED)
def test_a_refused_value_is_named_with_what_is_accepted(name: str, value: object, accepted: str) -> None:
    settings: dict[str, Any] = {name: value}
    with pytest.raises(SettingError) as caught:
        TrainingSettings(**settings)
    assert str(caught.value).startswith(f"{name} is {value!r}: {accepted}")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"nesterov": True}, "nesterov needs momentum: expected momentum above 0"),
        ({"nesterov": True, "optimizer": "adam"}, NOT_OF.format("adam")),
        ({"momentum": 0.9, "optimizer": "adam"}, NOT_OF.format("adam")),
        ({"momentum": 0.9, "nesterov": True, "optimizer": "adam"}, NOT_OF.format("adam")),
        ({"momentum": 0.9, "optimizer": "adamw"}, NOT_OF.format("adamw")),
        ({"nesterov": True, "optimizer": "adamw"}, NOT_OF.format("adamw")),
        (
            {"optimizer": "muon", "weight_decay": 0.1},
            "muon holds the length of weights: expected --weight-decay 0",
        ),
        (
            {"train_size": 10, "order": "fresh-pages"},
            "order is 'fresh-pages', which has no train_size: expected 0",
        ),
        ({"focus": 2, "order": "fresh-pages"}, "order is 'fresh-pages', which has no focus: expected 1"),
        ({"train_size": 10, "order": "fresh-pairs"}, "order is 'fresh-pairs', which makes its own examples"),
        ({"epoch_size": 10}, "order is 'fixed', which shows all examples: use reshuffled"),
        *[({name: 0.5}, "order is 'fixed', which shows examples as they are") for name in (*WARPS, "scale")],
        *[
            ({"order": order, name: 0.1}, f"order is '{order}', which has no {name}")
            for order, name in (
                ("fixed", "styles"),
                ("fixed", "pens"),
                ("fixed", "non_digits"),
                ("fresh-pairs", "styles"),
                ("fresh-pairs", "pens"),
                *(("fresh-pages", name) for name in ("styles", "pens", "non_digits", "rotation", "blur")),
                ("fresh-pages", "label_smoothing"),
            )
        ],
        ({"plain_epochs": 1}, NO_WARPS),
        ({"plain_epochs": 1, "order": "reshuffled"}, NO_WARPS),
        ({"plain_epochs": 11, "order": "fresh-pairs"}, NO_WARPS),
        (
            {"plain_epochs": 4, "epochs": 3, "order": "reshuffled", "shift": 1},
            "plain_epochs is 4: expected 0 to 3, the epochs",
        ),
    ],
)
def test_contradictions(settings: Any, message: str) -> None:
    with pytest.raises(SettingError) as caught:
        TrainingSettings(**settings)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"epochs": 1, "batch_size": 1},
        {"momentum": 0, "learning_rate": 1, "weight_decay": 0},
        {"momentum": 0.999, "nesterov": True, "warmup": 0.0, "label_smoothing": 0.0},
        {"ema": 0.999, "precision": "mixed"},
        {"optimizer": "muon", "momentum": 0.6, "nesterov": True},
        {"order": "reshuffled", "epoch_size": 36_000},
        {"order": "reshuffled", "rotation": 180, "scale": 0.5, "shear": 1, "shift": 5, "elastic": 2},
        {"order": "fresh-pairs", "rotation": 0.5},
        {"plain_epochs": 0, "epochs": 1},
        {"order": "reshuffled", "non_digits": 1, "styles": 1, "pens": 1},
        {"order": "fresh-pairs", "non_digits": 0.5},
        {"order": "fresh-pages", "epoch_size": 8, "optimizer": "adamw", "ema": 0.9},
        *[{"plain_epochs": n, "epochs": 3, "order": "fresh-pairs", "elastic": 0.5} for n in (0, 1, 3)],
        {"optimizer": "adamw", "weight_decay": 5.0, "schedule": "one-cycle", "order": "fresh-pairs"},
    ],
)
def test_accepted(settings: Any) -> None:
    made = TrainingSettings(**settings)
    assert {name: getattr(made, name) for name in settings} == settings


def test_the_augmentation_is_that_of_the_fields() -> None:
    amounts = {
        "rotation": 1.0,
        "scale": 0.2,
        "shear": 0.3,
        "shift": 4.0,
        "elastic": 0.5,
        "stroke": 0.6,
        "blur": 0.7,
        "low_resolution": 0.8,
        "erase": 0.9,
    }
    made: dict[str, Any] = {"order": "reshuffled", **amounts}
    assert TrainingSettings(**made).augmentation == Augmentation(**amounts)
    assert TrainingSettings().augmentation == NO_AUGMENTATION


def test_an_unknown_setting_and_a_position_are_refused() -> None:
    factory: Any = TrainingSettings
    with pytest.raises(TypeError, match="lr"):
        factory(lr=0.1)
    with pytest.raises(TypeError):
        factory(10)


def test_settings_cannot_be_changed() -> None:
    settings: Any = TrainingSettings()
    with pytest.raises(FrozenInstanceError):
        settings.epochs = 3


def test_the_names_are_the_fields() -> None:
    assert setting_names() == tuple(field.name for field in fields(TrainingSettings))
    assert setting_names()[:3] == ("epochs", "batch_size", "order")
