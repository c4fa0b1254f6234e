"""The networks, and nothing else: no data, no optimizer.

Every model takes uint8 images (N, H, W) and returns float32 logits: (N, 10) for single digits and (N, 2, 10) for
pairs. Separation returns (N, 2, H, W), one map for each digit. The page network returns maps
(N, 42, H / 4, W / 4), the item network (N, 43). The first layer of each model normalises.
"""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from torch import nn

from digitscope.errors import SettingError
from digitscope.models.digits import (
    RESNET_SIZES,
    best_cnn,
    course_cnn,
    fast_cnn,
    fully_connected,
    resnet,
    small_cnn,
    two_digit_best,
    two_digit_cnn,
    two_digit_fast,
    two_digit_mlp,
)
from digitscope.models.pages import item_network, page_network
from digitscope.models.separation import unet

__all__ = [
    "DIGIT_MODELS",
    "ITEM_MODELS",
    "MODELS",
    "PAGE_MODELS",
    "SEPARATION_MODELS",
    "TWO_DIGIT_MODELS",
    "build",
    "options_of",
    "sizes_of",
]

Factories = Mapping[str, Callable[..., nn.Sequential]]

DIGIT_MODELS: Factories = MappingProxyType(
    {
        "fc": fully_connected,
        "cnn": course_cnn,
        "fast": fast_cnn,
        "small": small_cnn,
        "best": best_cnn,
        "resnet": resnet,
    }
)
"""The networks that read one digit, 28x28."""

TWO_DIGIT_MODELS: Factories = MappingProxyType(
    {
        "two-digit-mlp": two_digit_mlp,
        "two-digit-cnn": two_digit_cnn,
        "two-digit-fast": two_digit_fast,
        "two-digit-best": two_digit_best,
    }
)
"""The networks that read two digits over each other, 42x28."""

SEPARATION_MODELS: Factories = MappingProxyType({"unet": unet})
"""The networks that tell which pixels of such an image belong to which digit."""

PAGE_MODELS: Factories = MappingProxyType({"page": page_network})
"""The networks that find digits and signs on pages."""

ITEM_MODELS: Factories = MappingProxyType({"item": item_network})
"""The networks that tell what such an item is."""

MODELS: Factories = MappingProxyType(
    {**DIGIT_MODELS, **TWO_DIGIT_MODELS, **SEPARATION_MODELS, **PAGE_MODELS, **ITEM_MODELS}
)
"""All networks by name: functions that return a new one."""

_DIGIT, _PAIR = ((28, 28),), ((42, 28),)
_SIZES: Mapping[str, tuple[tuple[int, int], ...]] = MappingProxyType(
    {
        **dict.fromkeys(DIGIT_MODELS, _DIGIT),
        **dict.fromkeys((*TWO_DIGIT_MODELS, *SEPARATION_MODELS), _PAIR),
        "resnet": RESNET_SIZES,
        "page": ((256, 256),),
        "item": ((32, 64),),
    }
)


def sizes_of(name: str) -> tuple[tuple[int, int], ...]:
    """Return height and width of the images that the model `name` takes, all of a call alike.

    Raises:
        KeyError: there is no such model.
    """
    return _SIZES[name]


def options_of(name: str) -> dict[str, Any]:
    """Return the options of the model `name` with their defaults.

    Raises:
        SettingError: there is no such model.
    """
    if name not in MODELS:
        raise SettingError(f"no model is called {name!r}: expected one of {', '.join(MODELS)}")
    return {option.name: option.default for option in inspect.signature(MODELS[name]).parameters.values()}


def build(name: str, options: Mapping[str, Any]) -> nn.Sequential:
    """Return a new model; its weights come from torch's current generator.

    Raises:
        SettingError: there is no such model, it does not have one of the options, or it refuses an option's value.
    """
    known = options_of(name)
    for option in options:
        if option not in known:
            accepted = f"expected {', '.join(known)}" if known else "it takes none"
            raise SettingError(f"the model {name!r} has no option {option!r}: {accepted}")
    return MODELS[name](**options)
