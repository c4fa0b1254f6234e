"""Small real data for every task, and run folders as bytes."""

from pathlib import Path

from digitscope.data import PAIRS_FOR, Dataset, make_two_digit
from digitscope.experiments.recipes import Recipe


def small(sample: Dataset, n: int = 100) -> Dataset:
    """Return the first `n` training digits of the sample, and 70 of each other split."""
    return Dataset(sample.name, sample.source, sample.train[:n], sample.validation[:70], sample.test[:70])


def data_for(recipe: Recipe, sample: Dataset, n: int = 100) -> Dataset:
    """Return about `n` training examples of the recipe's task."""
    singles = small(sample, n)
    if recipe.task == "digit":
        return singles
    return make_two_digit(singles, n_train=n, n_test=20, seed=0, draw=PAIRS_FOR[recipe.task])


def shortened(recipe: Recipe, epochs: int) -> Recipe:
    """Return `recipe` with fewer epochs, all but the first of them plain if its last ones are."""
    if recipe.settings.epochs_without_augmentation:
        return recipe.with_changes({"epochs": epochs, "epochs_without_augmentation": epochs - 1})
    return recipe.with_changes({"epochs": epochs})


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
