"""The recipes: each a model, the way to train it, and the task it is for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, get_args

import torch

from digitscope.data.splits import Dataset, Task
from digitscope.errors import DataError, SettingError
from digitscope.models import MODELS, build, options_of, sizes_of
from digitscope.scratch import ScratchSettings
from digitscope.settings import TrainingSettings

SCRATCH = "scratch"
"""The model that is NumPy's and not PyTorch's; all there is to choose about it is among its settings."""


@dataclass(frozen=True)
class Recipe:
    """One way to get a trained network.

    Attributes:
        name: what `digitscope train` calls it.
        summary: one line for people.
        model: a name in `digitscope.models.MODELS`, or "scratch".
        settings: how to train; `ScratchSettings` for "scratch" alone.
        options: the model's, where they differ from its defaults. "scratch" has none.
        task: what it is for: "digit", "two-digit" or "separation", both of 42x28 images of two, "page" or "item".

    Raises:
        SettingError: there is no such model, or the settings or the options do not fit it.
    """

    name: str
    summary: str
    model: str
    settings: TrainingSettings
    options: Mapping[str, Any] = field(default_factory=dict)
    task: Task = "digit"

    def __post_init__(self) -> None:
        expected, settings = settings_type(self.model), self.settings
        if self.task not in get_args(Task):
            raise SettingError(
                f"{self.name} has the task {self.task!r}: expected one of {', '.join(get_args(Task))}"
            )
        if (self.model == SCRATCH) != isinstance(settings, ScratchSettings):
            raise SettingError(f"{self.name} has the model {self.model!r}: expected {expected.__name__} with it")
        if self.model == SCRATCH and self.options:
            raise SettingError(f"{self.name} has options: expected none with the model {self.model!r}")
        if settings.order == "fresh-pairs" and self.task == "digit":
            raise SettingError(
                f"order is 'fresh-pairs', but {self.name} reads one digit: expected reshuffled or fixed"
            )
        if (self.task in ("page", "item")) != (settings.order == "fresh-pages"):
            raise SettingError(
                f"{self.name} has the order {settings.order!r}: fresh-pages is for the tasks page and item"
            )
        if self.task == "separation" and (settings.order != "fresh-pairs" or settings.negatives):
            raise SettingError(f"{self.name} separates pixels: expected order fresh-pairs and negatives 0 with it")
        if self.task == "two-digit" and settings.order == "reshuffled":
            for name in ("styles", "pens", "negatives"):
                if getattr(settings, name):
                    raise SettingError(f"{self.name} reads two digits: expected {name} of 0, which wants one")

    @property
    def all_options(self) -> dict[str, Any]:
        """The options of the model, also those that have their defaults."""
        return {**default_options(self.model), **self.options}

    def described(self) -> dict[str, Any]:
        """Return what decides how a network is trained, ready for JSON: model, options and settings."""
        return {"model": self.model, "options": self.all_options, "settings": self.settings.as_dict()}

    def check_options(self) -> None:
        """Check that the model takes its options.

        Raises:
            SettingError: it refuses one.
        """
        if self.model != SCRATCH:
            self.n_parameters()  # which builds the model

    def n_parameters(self) -> int:
        """Return the number of trainable parameters of a model of PyTorch.

        Raises:
            SettingError: the model refuses an option, or is "scratch".
        """
        with torch.device("meta"):  # shapes without numbers
            return sum(parameter.numel() for parameter in build(self.model, self.options).parameters())

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Height and width of the images that the model takes."""
        return ((28, 28),) if self.model == SCRATCH else sizes_of(self.model)

    @property
    def measure(self) -> str:
        """The measure of the validation accuracies in the history of its runs, in words."""
        return {"separation": "mean IoU", "page": "F1"}.get(self.task, "accuracy")

    @property
    def training_measure(self) -> str:
        """The measure of the training accuracies there: to match boxes after every step would take long."""
        return "class accuracy" if self.task == "page" else self.measure

    def check_data(self, dataset: Dataset) -> None:
        """Check that the recipe can learn from `dataset`.

        Raises:
            SettingError: `dataset` is for another task.
            DataError: its images are of another size.
        """
        found, size = dataset.train.task, dataset.train.images.shape[1:]
        if found != self.task:
            raise SettingError(
                f"the recipe {self.name!r} is for the task {self.task!r}, but {dataset.name} is for {found!r}"
            )
        if size not in self.sizes:
            expected = " or ".join(f"{height} x {width}" for height, width in self.sizes)
            found_size = f"images of {size[0]} x {size[1]}"
            raise DataError(f"{dataset.source}: {found_size}: expected {expected}, as {self.name!r} takes them")

    def with_changes(self, changes: Mapping[str, Any]) -> "Recipe":
        """Return the recipe with some settings or model options replaced, each named in `changes`.

        Fewer `epochs` than there are `epochs_without_augmentation` are all plain, unless `changes` says otherwise.

        Raises:
            SettingError: a name is neither a training setting nor an option of the model, or a value is refused.
        """
        known, accepted = self.settings.names(), default_options(self.model)
        settings = {name: value for name, value in changes.items() if name in known}
        options = {name: value for name, value in changes.items() if name not in known}
        for option in options:
            if option not in accepted:
                names = ", ".join([*known, *accepted])
                raise SettingError(f"the recipe {self.name!r} has no setting {option!r}: expected one of {names}")
        epochs = settings.get("epochs")
        if isinstance(epochs, int) and epochs < self.settings.epochs_without_augmentation:
            settings = {"epochs_without_augmentation": epochs, **settings}
        return replace(self, settings=replace(self.settings, **settings), options={**self.options, **options})


def settings_type(model: str) -> type[TrainingSettings]:
    """Return the kind of settings that `model` is trained with.

    Raises:
        SettingError: there is no such model.
    """
    if model not in (SCRATCH, *MODELS):
        raise SettingError(f"no model is called {model!r}: expected one of {', '.join([*MODELS, SCRATCH])}")
    return ScratchSettings if model == SCRATCH else TrainingSettings


def default_options(model: str) -> dict[str, Any]:
    """Return the options of `model` with their defaults; "scratch" has none."""
    return {} if model == SCRATCH else options_of(model)


def get_recipe(name: str) -> Recipe:
    """Return the recipe called `name`.

    Raises:
        SettingError: there is none.
    """
    if name not in RECIPES:
        raise SettingError(f"no recipe is called {name!r}: expected one of {', '.join(RECIPES)}")
    return RECIPES[name]


# Settings that several recipes share

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

ON_PAGES = TrainingSettings(
    epochs=1,
    batch_size=8,
    order="fresh-pages",
    optimizer="adamw",
    learning_rate=0.002,
    schedule="one-cycle",
    warmup=0.08,
    ema=0.999,
    precision="mixed",
    threads=1,  # other processes make the pages meanwhile
)

FOR_PICTURES: Mapping[str, Any] = MappingProxyType(
    {"stroke": 0.8, "blur": 0.7, "low_resolution": 0.2, "styles": 0.3, "negatives": 0.15}
)
"""For digits of other pens, scanners and countries, and ink that is no digit."""

# The recipes

_ALL = (
    Recipe(
        SCRATCH,
        "the NumPy network, every step in sight, on warped digits",
        SCRATCH,
        ScratchSettings(
            hidden=(512,),
            epochs=20,
            batch_size=128,
            learning_rate=0.1,
            rotation=7,
            scale=0.07,
            shear=0.07,
            shift=0.7,
            elastic=1.0,
        ),
    ),
    Recipe(
        "scratch-128", "the NumPy network, 128 hidden neurons, on digits as they are", SCRATCH, ScratchSettings()
    ),
    Recipe("fc", "the course's fully connected network, 10 hidden neurons", "fc", COURSE_FC),
    Recipe("fc-128", "the course's fully connected network, 128 hidden neurons", "fc", COURSE_FC, {"hidden": 128}),
    Recipe(
        "cnn",
        "the course's convolutional network",
        "cnn",
        replace(COURSE, epochs=10, nesterov=True),
    ),
    Recipe(
        "two-digit-mlp",
        "the course's fully connected network for two digits",
        "two-digit-mlp",
        replace(COURSE, batch_size=64, threads=1),
        task="two-digit",
    ),
    Recipe(
        "two-digit-cnn",
        "the course's convolutional network for two digits",
        "two-digit-cnn",
        replace(COURSE, batch_size=64),
        task="two-digit",
    ),
    Recipe(
        "fast",
        "a small convolutional network, 36,000 digits met once",
        "fast",
        replace(OURS, **{**MUON, "learning_rate": 0.14}, batch_size=160, epoch_size=36_000, precision="mixed"),
    ),
    Recipe(
        "small",
        "a network for a laptop's processor, on digits of other hands and pens",
        "small",
        replace(WARPED, **MUON, epochs=54, ema=0.995, **FOR_PICTURES, pens=0.15, epochs_without_augmentation=6),
    ),
    Recipe(
        "best",
        "the most accurate network for one digit, its three columns learning side by side",
        "best",
        replace(
            WARPED,
            **MUON,
            epochs=90,
            batch_size=384,  # 128 for each column
            hard_example_weight=4,
            erase=0.5,
            ema=0.995,
            epochs_without_augmentation=8,
        ),
    ),
    Recipe(
        "resnet",
        "a small residual network, for Fashion-MNIST and other objects of ten kinds",
        "resnet",
        replace(
            OURS,
            **MUON,
            epochs=12,
            shift=1.5,
            flip=0.5,
            epochs_without_augmentation=2,
            ema=0.995,
            precision="mixed",
            threads=1,
        ),
    ),
    Recipe(
        "two-digit-fast",
        "a network on pairs made anew at every step, a few minutes",
        "two-digit-fast",
        replace(OURS, epochs=8, order="fresh-pairs", learning_rate=0.15),
        task="two-digit",
    ),
    Recipe(
        "two-digit-best",
        "the most accurate network for two digits, on warped pairs made anew at every step",
        "two-digit-best",
        replace(
            WARPED,
            **MUON,
            epochs=54,
            order="fresh-pairs",
            batch_size=256,  # 128 for each column
            rotation=10,
            scale=0.1,
            shear=0.1,
            shift=1,
            stroke=0.4,
            blur=0.6,
            negatives=0.1,
            epochs_without_augmentation=7,
        ),
        task="two-digit",
    ),
    Recipe(
        "separation",
        "a small U-Net that tells which pixels of two digits are whose, on pairs made anew at every step",
        "unet",
        replace(
            OURS,
            **MUON,
            epochs=8,
            order="fresh-pairs",
            label_smoothing=0.0,
            ema=0.995,
            precision="mixed",
            threads=1,
        ),
        task="separation",
    ),
    Recipe(
        "page",
        "the network that finds digits and signs on pages, on pages made anew at every step",
        "page",
        replace(ON_PAGES, epochs=80, epoch_size=2048, weight_decay=0.01),
        task="page",
    ),
    Recipe(
        "item",
        "the network that classifies each item that the page network finds",
        "item",
        replace(ON_PAGES, epochs=9, batch_size=256, epoch_size=393_216, learning_rate=0.003, weight_decay=0.02),
        task="item",
    ),
)

RECIPES: Mapping[str, Recipe] = MappingProxyType({recipe.name: recipe for recipe in _ALL})
