import json
from typing import Any

import numpy as np
import pytest

from digitscope.data.augmentation import NO_AUGMENTATION, Augmentation
from digitscope.errors import SettingError
from digitscope.scratch import ScratchSettings
from digitscope.training import TrainingSettings

WHOLE = "expected a whole number from 1"
BELOW_ONE = "expected a number from 0 to below 1"
NOT_OF = (
    "momentum and nesterov are settings of sgd and muon, not of {}: expected --momentum 0 --no-nesterov with it"
)
NO_WARPS = "nothing warps digits in any epoch: expected --epochs-without-augmentation 0"
NAN, INFINITY = float("nan"), float("inf")

REFUSED = [
    *(("epochs", value, WHOLE) for value in (0, 2.0, True, "3", None)),
    ("batch_size", -32, WHOLE),
    ("order", "random", "expected one of fixed, reshuffled, fresh-pairs"),
    ("order", None, "expected one of fixed"),
    ("train_size", -1, "expected a whole number from 0"),
    ("epoch_size", 1.5, "expected a whole number from 0"),
    ("optimizer", "SGD", "expected one of sgd, muon, adam, adamw"),
    ("schedule", "cosine", "expected one of constant, one-cycle"),
    *(("learning_rate", value, "expected a number above 0") for value in (0, NAN, INFINITY, "0.1", True)),
    ("momentum", 1, BELOW_ONE),
    ("weight_decay", -1e-9, "expected a number from 0"),
    ("warmup", None, BELOW_ONE),
    ("label_smoothing", False, BELOW_ONE),
    ("hard_example_weight", 0.9, "expected a number from 1"),
    *((name, 1.1, "expected a number from 0 to 1") for name in ("styles", "pens", "negatives")),
    ("epochs_without_augmentation", 1.0, "expected a whole number from 0"),
    *((name, -1, "expected a number from 0 to below inf") for name in ("rotation", "shear", "shift", "elastic")),
    *((name, 1, BELOW_ONE) for name in ("scale", "stroke", "low_resolution", "erase")),
    ("ema", 1, BELOW_ONE),
    ("precision", 16, "expected one of float32, mixed"),
    ("threads", -1, "expected a whole number from 0"),
    ("nesterov", 1, "expected True or False"),
]


def test_refused_values_are_named_with_what_is_accepted() -> None:
    for name, value, accepted in REFUSED:
        settings: dict[str, Any] = {name: value}
        with pytest.raises(SettingError) as caught:
            TrainingSettings(**settings)
        assert str(caught.value).startswith(f"{name} is {value!r}: {accepted}")


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"nesterov": True}, "nesterov needs momentum: expected momentum above 0"),
    ({"momentum": 0.9, "nesterov": True, "optimizer": "adam"}, NOT_OF.format("adam")),
    ({"nesterov": True, "optimizer": "adamw"}, NOT_OF.format("adamw")),
    (
        {"optimizer": "muon", "weight_decay": 0.1},
        "muon holds the length of weights: expected --weight-decay 0",
    ),
    (
        {"train_size": 10, "order": "fresh-pages"},
        "order is 'fresh-pages', which has no train_size: expected 0",
    ),
    (
        {"hard_example_weight": 2, "order": "fresh-pages"},
        "order is 'fresh-pages', which has no hard_example_weight: expected 1",
    ),
    ({"train_size": 10, "order": "fresh-pairs"}, "order is 'fresh-pairs', which makes its own examples"),
    ({"epoch_size": 10}, "order is 'fixed', which shows all examples: use reshuffled"),
    ({"low_resolution": 0.5}, "order is 'fixed', which shows examples as they are"),
    ({"order": "fixed", "negatives": 0.1}, "order is 'fixed', which has no negatives"),
    ({"order": "fixed", "styles": 0.1}, "order is 'fixed', which has no styles"),
    ({"order": "fresh-pairs", "pens": 0.1}, "order is 'fresh-pairs', which has no pens"),
    ({"order": "fresh-pages", "rotation": 0.1}, "order is 'fresh-pages', which has no rotation"),
    ({"order": "fresh-pages", "label_smoothing": 0.1}, "order is 'fresh-pages', which has no label_smoothing"),
    ({"epochs_without_augmentation": 1}, NO_WARPS),
    ({"epochs_without_augmentation": 11, "order": "fresh-pairs"}, NO_WARPS),
    (
        {"epochs_without_augmentation": 4, "epochs": 3, "order": "reshuffled", "shift": 1},
        "epochs_without_augmentation is 4: expected up to 3 epochs",
    ),
]


def test_contradictions() -> None:
    for settings, message in CONTRADICTIONS:
        with pytest.raises(SettingError) as caught:
            TrainingSettings(**settings)
        assert str(caught.value).startswith(message)


def test_accepted() -> None:
    accepted: list[dict[str, Any]] = [
        {"epochs": 1, "batch_size": 1, "epochs_without_augmentation": 0},
        {"momentum": 0.999, "nesterov": True, "warmup": 0.0, "label_smoothing": 0.0, "weight_decay": 0},
        {"order": "reshuffled", "epoch_size": 36_000, "negatives": 1, "styles": 1, "pens": 1},
        {"order": "fresh-pages", "epoch_size": 8, "optimizer": "adamw", "ema": 0.9, "precision": "mixed"},
        {"epochs_without_augmentation": 3, "epochs": 3, "order": "fresh-pairs", "elastic": 0.5},
    ]
    for settings in accepted:
        made = TrainingSettings(**settings)
        assert {name: getattr(made, name) for name in settings} == settings


def test_numbers_of_numpy_become_python_s() -> None:
    made: Any = TrainingSettings(epochs=np.int64(3), learning_rate=np.float32(0.5))  # type: ignore[arg-type]
    assert json.dumps([made.epochs, made.learning_rate]) == "[3, 0.5]"


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


def test_the_numpy_network_refuses_what_it_does_not_have() -> None:
    with pytest.raises(SettingError, match=r"the NumPy network has no pens: expected 0\.0"):
        ScratchSettings(pens=0.1)
