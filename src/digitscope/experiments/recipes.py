"""The recipes: each a model, the way to train it, and the task it is for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from digitscope.data.splits import Dataset, Task
from digitscope.errors import DataError, SettingError
from digitscope.experiments.shared_settings import COURSE, COURSE_FC, FOR_PICTURES, MUON, OURS, WARPED
from digitscope.models import MODELS, PAGE_MODELS, SEPARATION_MODELS, TWO_DIGIT_MODELS, options_of, sizes_of
from digitscope.scratch import ScratchSettings
from digitscope.training.settings import TrainingSettings

SCRATCH = "scratch"
"""The model that is NumPy's and not PyTorch's; all there is to choose about it is among its settings."""


@dataclass(frozen=True)
class Recipe:
    """One way to get a trained network.

    Attributes:
        name: what `digitscope train` calls it.
        summary: one line for people.
        model: a name in `digitscope.models.MODELS`, or "scratch".
        settings: how to train; `ScratchSettings` for "scratch", and for no other model.
        options: the model's options; what is left out has the model's default. "scratch" has none.

    Raises:
        SettingError: there is no such model, or the settings or the options do not fit it.
    """

    name: str
    summary: str
    model: str
    settings: TrainingSettings | ScratchSettings
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        expected = settings_type(self.model)
        if not isinstance(self.settings, expected):
            raise SettingError(f"{self.name} has the model {self.model!r}: expected {expected.__name__} with it")
        if isinstance(self.settings, ScratchSettings):
            if self.options:
                raise SettingError(f"{self.name} has options: expected none with the model {self.model!r}")
        elif self.settings.order == "fresh-pairs" and self.task == "digit":
            raise SettingError(
                f"order is 'fresh-pairs', but {self.name} reads one digit: expected reshuffled or fixed"
            )
        elif (self.task == "page") != (self.settings.order == "fresh-pages"):
            raise SettingError(f"{self.name} has the order {self.settings.order!r}: pages alone have fresh-pages")
        elif self.task == "separation" and (self.settings.order != "fresh-pairs" or self.settings.non_digits):
            raise SettingError(
                f"{self.name} separates pixels: expected order fresh-pairs and non_digits 0 with it"
            )
        elif self.task == "two-digit" and self.settings.order == "reshuffled":
            for name in ("styles", "pens", "non_digits"):
                if getattr(self.settings, name):
                    raise SettingError(f"{self.name} reads two digits: expected {name} of 0, which wants one")

    @property
    def task(self) -> Task:
        """The use of the model.

        "digit" is for one in an image, "two-digit" and "separation" for 42x28 images of two, "page" for pages.
        """
        if self.model in SEPARATION_MODELS:
            return "separation"
        if self.model in PAGE_MODELS:
            return "page"
        return "two-digit" if self.model in TWO_DIGIT_MODELS else "digit"

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
        """Refuse data that the model does not take.

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

        Fewer `epochs` than there are `plain_epochs` are all plain, unless `changes` says otherwise.

        Raises:
            SettingError: a name is neither a training setting nor an option of the model, or a value is refused.
        """
        known = [field.name for field in fields(self.settings)]
        settings = {name: value for name, value in changes.items() if name in known}
        options = {name: value for name, value in changes.items() if name not in known}
        epochs, plain_epochs = settings.get("epochs"), getattr(self.settings, "plain_epochs", 0)
        if isinstance(epochs, int) and epochs < plain_epochs:
            settings = {"plain_epochs": epochs, **settings}
        accepted = default_options(self.model)
        for option in options:
            if option not in accepted:
                names = ", ".join([*known, *accepted])
                raise SettingError(f"the recipe {self.name!r} has no setting {option!r}: expected one of {names}")
        return replace(self, settings=replace(self.settings, **settings), options={**self.options, **options})


def settings_type(model: str) -> type[TrainingSettings] | type[ScratchSettings]:
    """Return the kind of settings that `model` is trained with.

    Raises:
        SettingError: there is no such model.
    """
    if model not in (SCRATCH, *MODELS):
        raise SettingError(f"no model is called {model!r}: expected one of {', '.join([*MODELS, SCRATCH])}")
    return ScratchSettings if model == SCRATCH else TrainingSettings


def default_options(model: str) -> dict[str, Any]:
    """Return the options of `model` with their defaults, as `options_of` does; "scratch" has none."""
    return {} if model == SCRATCH else options_of(model)


def get_recipe(name: str) -> Recipe:
    """Return the recipe called `name`.

    Raises:
        SettingError: there is none.
    """
    if name not in RECIPES:
        raise SettingError(f"no recipe is called {name!r}: expected one of {', '.join(RECIPES)}")
    return RECIPES[name]


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
        "scratch-128", "the NumPy network, 128 hidden units, on digits as they are", SCRATCH, ScratchSettings()
    ),
    Recipe("fc", "the course's fully connected network, 10 hidden units", "fc", COURSE_FC),
    Recipe("fc-128", "the course's fully connected network, 128 hidden units", "fc", COURSE_FC, {"hidden": 128}),
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
    ),
    Recipe(
        "two-digit-cnn",
        "the course's convolutional network for two digits",
        "two-digit-cnn",
        replace(COURSE, batch_size=64),
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
        replace(WARPED, **MUON, epochs=54, ema=0.995, **FOR_PICTURES, pens=0.15, plain_epochs=6),
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
            focus=4,
            erase=0.5,
            ema=0.995,
            plain_epochs=8,
        ),
    ),
    Recipe(
        "resnet",
        "a small residual network, for Fashion-MNIST and other objects of ten kinds",
        "resnet",
        replace(
            OURS, **MUON, epochs=12, shift=1.5, flip=0.5, plain_epochs=2, ema=0.995, precision="mixed", threads=1
        ),
    ),
    Recipe(
        "two-digit-fast",
        "a network on pairs made anew at every step, a few minutes",
        "two-digit-fast",
        replace(OURS, epochs=8, order="fresh-pairs", learning_rate=0.15),
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
            non_digits=0.1,
            plain_epochs=7,
        ),
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
    ),
    Recipe(
        "page",
        "the network that finds digits and signs on pages, on pages made anew at every step",
        "page",
        TrainingSettings(
            epochs=44,
            batch_size=8,
            order="fresh-pages",
            epoch_size=2048,
            optimizer="adamw",
            learning_rate=0.002,
            weight_decay=0.01,
            schedule="one-cycle",
            warmup=0.08,
            ema=0.998,
            threads=1,  # another core makes the pages
        ),
    ),
)

RECIPES: Mapping[str, Recipe] = MappingProxyType({recipe.name: recipe for recipe in _ALL})
