"""The recipes as a scikit-learn estimator."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitscope.data import Dataset, Split
from digitscope.errors import MissingExtraError, SettingError
from digitscope.files import write_text
from digitscope.metrics import N_CLASSES, log_softmax
from digitscope.records import EpochRecord, write_history

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ModuleNotFoundError as error:
    raise MissingExtraError("scikit-learn", "sklearn") from error

if TYPE_CHECKING:
    from digitscope.experiments.recipes import Recipe
    from digitscope.experiments.run import Run

DIGITS = frozenset("0123456789")

SIDE = 28
N_PIXELS = SIDE * SIDE
WHITE = 255.0

LEAST_BATCH, MOST_PASSES = 8, 10
"""Limits of a recipe's batch size and of its epoch, in passes through the examples, where these are few."""

BLOCK = 8
"""Images that are read at once, or blank ones behind them.

A matrix product adds up rows that fill no block in another order, and scikit-learn wants what is predicted of an
example to be the same wherever it stands.
"""


class DigitClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A network that learns to read digits, for scikit-learn's pipelines and searches.

    PyTorch is loaded at the first `fit`. On the CPU of one machine, fits with equal data, settings and integer
    `random_state` predict equally.

    Accepted X. The networks see images of 28x28 pixels, white ink on black, in 256 shades. X of 784 features
    counts as such images, row by row, if all values in `fit` are from 0 to 255. If they are from 0 to 1, then 1 is
    white. Any other X, of at most 784 features, is a table. Each feature is scaled from its range in `fit` to
    0..255 and drawn as a square of pixels. So 64 features become 8x8 squares of 3x3 pixels: an image of 8x8 is
    enlarged. Later values are clipped to the range of `fit`. But pixels from 0 to 1 are refused after a `fit` on 0
    to 255, and the other way round.

    Accepted y. Up to ten classes of any kind. Some recipes draw digits in other styles or add non-digits; they do
    so only if the classes are digits, as numbers or text, and X is no table. Pen digits, which a recipe may add,
    are left out of every fit.

    Few examples. The batch size is at most a tenth of the examples, but at least 8. Some recipes count an epoch in
    images, such as the 36,000 of "fast"; the epoch is then at most ten times through X. `settings` overrides both.

    A pickle holds the network as the bytes of a safetensors file and its settings as text, read back by the
    checks of a run folder. The pickle around them can run code as any other: load none that you do not trust.

    Args:
        recipe: the name of a recipe for one digit, such as "fast", "small", "best", "cnn" or "scratch".
        epochs: how many; None for the recipe's number.
        settings: settings of the recipe, or options of its model, to change, by name.
        validation_fraction: stratified share of X that is held out and scored after every epoch; may be 0.
        device: "auto", "cpu", "cuda" or "mps".
        random_state: an integer from 0 to 2**32 - 1, the seed that `digitscope train` has; a RandomState; or None.
        verbose: write a line an epoch to standard error.

    Attributes:
        classes_: the distinct values of y, sorted, (n_classes,).
        n_features_in_: features of X.
        feature_names_in_: their names, if X was a table with names of text.
        run_: the trained network with its recipe, all changes applied.
        scale_: how X becomes pixels.
    """

    def __init__(
        self,
        recipe: str = "fast",
        *,
        epochs: int | None = None,
        settings: Mapping[str, Any] | None = None,
        validation_fraction: float = 0.0,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.recipe = recipe
        self.epochs = epochs
        self.settings = settings
        self.validation_fraction = validation_fraction
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @property
    def history_(self) -> tuple[EpochRecord, ...]:
        """One record an epoch; its validation figures are NaN if `validation_fraction` is 0."""
        check_is_fitted(self, "run_")
        return tuple(self.run_.history)

    def fit(self, X: ArrayLike, y: ArrayLike) -> "DigitClassifier":
        """Train a new network on `X`, numbers (N, n_features) as the class says, and `y`, a class each (N,).

        Raises:
            SettingError: a ValueError; the recipe, a setting or the device is refused.
            ValueError: X is not finite or has more than 784 features, y has more than ten classes, or a class is
                too rare to be divided as `validation_fraction` says.
            TypeError: X is sparse.
            DivergedError: the loss is not finite.
            MissingExtraError: PyTorch is not installed.
        """
        run_recipe, recipe = _load_training(self.recipe)
        rows, labels = validate_data(self, X, y)
        classes, codes, scale = _learn_scales(rows, labels)
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31 - 1)
        split = Split(scale.images(rows), codes)
        train, validation = self._divide(split, int(seed))
        changes = {**(self.settings or {}), **({} if self.epochs is None else {"epochs": self.epochs})}
        # A search takes its values from NumPy's arrays, and a model's options are of Python's own types.
        changes = {name: each.item() if isinstance(each, np.generic) else each for name, each in changes.items()}
        run = run_recipe(
            _fit_to(recipe, len(train), changes, with_digits=scale.of_pixels and _are_digits(classes)),
            Dataset("X", "an array", train, validation, split[:0]),
            seed=int(seed),
            device=self.device,
            on_epoch=self._tell,
        )
        if not self.validation_fraction:  # the scores are of the one image that stood for validation
            unscored = {"validation_loss": np.nan, "validation_accuracy": np.nan}
            run = replace(run, history=tuple(replace(record, **unscored) for record in run.history))
        self.classes_, self.scale_, self.run_ = classes, scale, run
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class (N,) of each row of X (N, n_features); errors as for `predict_proba`."""
        logits = self._logits(X)
        return np.asarray(self.classes_[logits.argmax(axis=1)])

    def predict_proba(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Return the probability (N, n_classes) of each class, in the order of `classes_`; not calibrated.

        Raises:
            NotFittedError: `fit` has not been called.
            ValueError: X has other features than `fit` saw or pixels in another range, or is not finite.
            TypeError: X is sparse.
        """
        logits = self._logits(X)
        return np.exp(log_softmax(logits)).astype(logits.dtype)

    def _logits(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        check_is_fitted(self, "run_")
        images = self.scale_.images(validate_data(self, X, reset=False))
        blank = np.zeros((-len(images) % BLOCK, *images.shape[1:]), np.uint8)
        logits = self.run_.logits(np.concatenate([images, blank]))[: len(images)]
        return np.asarray(logits[:, _codes(self.classes_)])

    def _divide(self, split: Split, seed: int) -> tuple[Split, Split]:
        """Return what is learned from and what is scored: one image of the former if nothing is held out."""
        fraction = self.validation_fraction
        if not 0 <= fraction < 1:
            raise SettingError(f"validation_fraction is {fraction!r}: expected a number from 0 to below 1")
        if fraction == 0:
            return split, split[:1]
        rows = np.arange(len(split))
        train, held_out = train_test_split(rows, test_size=fraction, stratify=split.labels, random_state=seed)
        return split[train], split[held_out]

    def _tell(self, record: EpochRecord) -> None:
        if not self.verbose:
            return
        scored = f", validation {record.validation_accuracy:.2%}" if self.validation_fraction else ""
        line = f"epoch {record.epoch}: training {record.train_accuracy:.2%}{scored}, {record.seconds:.1f} s\n"
        sys.stderr.write(line)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "run_" in state:
            state["run_"] = _as_files(state["run_"])
            state["scale_"] = dict(vars(state["scale_"]))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        if "run_" in state:
            state["run_"] = _from_files(state["run_"], state["device"])
            state["scale_"] = Scale(**state["scale_"])
        super().__setstate__(state)


def _load_training(recipe: str) -> tuple[Any, "Recipe"]:
    """Return `run_recipe` and the recipe; PyTorch is loaded here."""
    try:
        from digitscope.experiments.recipes import get_recipe
        from digitscope.experiments.run import run_recipe
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError("torch", "train") from error
    return run_recipe, get_recipe(recipe)


def _learn_scales(X: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.uint8], "Scale"]:
    """Return the classes, the code of each example (N,), and the scale of X."""
    check_classification_targets(y)
    classes, positions = np.unique(y, return_inverse=True)
    if len(classes) > N_CLASSES:
        raise ValueError(f"y has {len(classes)} classes: expected at most {N_CLASSES}, the network's outputs")
    if X.shape[1] > N_PIXELS:
        raise ValueError(f"X has {X.shape[1]} features: expected at most {N_PIXELS}, the pixels of an image")
    return classes, _codes(classes)[positions], Scale.of(X)


def _are_digits(classes: NDArray[Any]) -> bool:
    if classes.dtype.kind in "iuf":
        return bool(np.isin(classes, range(N_CLASSES)).all())
    return classes.dtype.kind in "UO" and set(classes) <= DIGITS


def _codes(classes: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the network's output (n_classes,) for each class: digits have their own, others count from 0."""
    return np.array([int(each) for each in classes] if _are_digits(classes) else range(len(classes)), np.uint8)


def _fit_to(recipe: "Recipe", n: int, changes: Mapping[str, Any], *, with_digits: bool) -> "Recipe":
    """Return `recipe` with `changes`, fitted to `n` training examples and to what is written on them."""
    sizes = {"batch_size": min(recipe.settings.batch_size, max(LEAST_BATCH, n // 10))}
    if recipe.settings.epoch_size:
        sizes["epoch_size"] = min(recipe.settings.epoch_size, MOST_PASSES * n)
    fitted = recipe.with_changes({**sizes, **changes})
    settings = fitted.settings
    others = ("pens",) if with_digits else ("styles", "pens", "negatives")  # X is all there is to learn from
    unfit = {name: 0.0 for name in others if getattr(settings, name)}
    return fitted.with_changes({"batch_size": min(settings.batch_size, settings.epoch_size or n), **unfit})


# How any table of numbers becomes images of the size that the networks see


@dataclass(frozen=True, eq=False)
class Scale:
    """The values that become pixels 0 and 255, float64 (n_features,); of an image, if they are `of_pixels`."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    of_pixels: bool

    @classmethod
    def of(cls, X: NDArray[Any]) -> "Scale":
        """Return the scale that `X` (N, n_features) is in, as `DigitClassifier` says."""
        low, high = (bound.astype(np.float64) for bound in (X.min(axis=0), X.max(axis=0)))
        if len(low) != N_PIXELS or low.min() < 0 or high.max() > WHITE:
            return cls(low, high, of_pixels=False)
        white = 1.0 if high.max() <= 1 else WHITE
        return cls(np.zeros(N_PIXELS), np.full(N_PIXELS, white), of_pixels=True)

    def images(self, X: NDArray[Any]) -> NDArray[np.uint8]:
        """Return `X` (N, n_features) as uint8 images (N, 28, 28), each feature a square as large as fits.

        Raises:
            ValueError: X has pixels from 0 to 1 where the scale is of 0 to 255, or the other way round.
        """
        white, brightest = self.high[0], X.max(initial=0)
        if self.of_pixels and (0 < brightest <= 1 < white or (white == 1 and brightest >= 2)):
            raise ValueError(
                f"X has pixels up to {brightest:g}, and fit saw them from 0 to {white:g}: give X in that range"
            )
        span = self.high / 2 - self.low / 2  # of halves: a range may be wider than float64 holds
        values = X / 2 - self.low / 2
        with np.errstate(over="ignore"):  # far outside the range counts as its end
            values /= np.where(span > 0, span, 1)
        pixels = np.rint(values.clip(0, 1, out=values) * WHITE).astype(np.uint8)
        n, n_features = pixels.shape
        side = int(np.ceil(np.sqrt(n_features)))
        room = SIDE // side
        small = np.pad(pixels, ((0, 0), (0, side * side - n_features))).reshape(n, side, side)
        large = small.repeat(room, axis=1).repeat(room, axis=2)
        margin = SIDE - side * room
        around = (margin // 2, margin - margin // 2)
        return np.pad(large, ((0, 0), around, around))


# What a pickle holds of a trained network: the content of files


def _as_files(run: "Run") -> dict[str, bytes]:
    """Return a run as the content of its folder, by file name: text, and weights in safetensors."""
    from digitscope.experiments.run import save_network
    from digitscope.experiments.run_folder import CONFIG_FILE, METRICS_FILE, WEIGHTS_FILE

    config = {
        "recipe": run.recipe.name,
        "summary": run.recipe.summary,
        **run.recipe.described(),
        "options": dict(run.recipe.options),
        "seed": run.seed,
        "data": {"sha256": run.data_sha256},
    }
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_text(folder / CONFIG_FILE, json.dumps(config))
        write_history(folder / METRICS_FILE, run.history)
        save_network(folder / WEIGHTS_FILE, run.network)
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _from_files(files: Mapping[str, bytes], device: str) -> "Run":
    """Return the run in what `_as_files` gave, on `device`, or on the CPU if this machine has no such device."""
    from digitscope.experiments.run import load_run
    from digitscope.experiments.run_folder import CONFIG_FILE, METRICS_FILE, WEIGHTS_FILE

    with TemporaryDirectory() as name:
        for file in (CONFIG_FILE, METRICS_FILE, WEIGHTS_FILE):
            (Path(name) / file).write_bytes(files[file])
        try:
            return load_run(Path(name), device=device)
        except SettingError:
            return load_run(Path(name), device="cpu")
