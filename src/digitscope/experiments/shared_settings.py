"""Settings that several recipes share."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from digitscope.training.settings import TrainingSettings

COURSE = TrainingSettings(epochs=30, batch_size=32, order="fixed", learning_rate=0.01, momentum=0.9)
"""The defaults of the course's `train_model`; each of its scripts changes some."""

COURSE_FC = replace(COURSE, epochs=10, learning_rate=0.1, momentum=0.0, threads=1)

OURS = TrainingSettings(
    epochs=1,
    batch_size=128,
    order="reshuffled",
    learning_rate=0.1,
    momentum=0.9,
    nesterov=True,
    weight_decay=5e-4,
    schedule="one-cycle",
    label_smoothing=0.05,
)

WARPED = replace(
    OURS,
    learning_rate=0.2,
    rotation=15,
    scale=0.12,
    shear=0.12,
    shift=2,
    elastic=0.7,
    ema=0.998,
    precision="mixed",
)

MUON: Mapping[str, Any] = MappingProxyType(
    {"optimizer": "muon", "learning_rate": 0.05, "momentum": 0.6, "weight_decay": 0.0}
)

FOR_PICTURES: Mapping[str, Any] = MappingProxyType(
    {"stroke": 0.8, "blur": 0.7, "low_resolution": 0.2, "styles": 0.3, "non_digits": 0.15}
)
"""For digits of other pens, scanners and countries, and ink that is no digit."""
