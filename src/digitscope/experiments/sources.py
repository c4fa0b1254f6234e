"""The training examples of a network: their number, order and styles."""

import numpy as np

from digitscope.data import PAIRS_FOR, augment
from digitscope.data.batches import BatchSource, FixedOrder, FreshPairs, Reshuffled, course_order
from digitscope.data.hands import Material
from digitscope.data.page_batches import FreshExamples
from digitscope.data.pen_digits import PenDigits
from digitscope.data.splits import Dataset, Split, joined
from digitscope.data.styles import restyle
from digitscope.errors import SettingError
from digitscope.experiments.items import make_items
from digitscope.experiments.recipes import Recipe
from digitscope.settings import TrainingSettings

MIXED_ITEMS = 30_000
"""Items from which a batch is drawn."""

PENNED = 0.3
"""Share of digits with another pen or scanner among those that the out-of-distribution distance is fitted on.

A higher share rejects fewer letters, a lower share rejects more small digits of pages. Chosen on validation digits
and pages of them.
"""


def make_source(
    settings: TrainingSettings,
    dataset: Dataset,
    singles: Dataset | None,
    seed: int,
    pens: PenDigits | None = None,
    material: Material | None = None,
) -> BatchSource:
    """Return the training examples in the order that the settings name.

    Raises:
        SettingError: single digits, material or pen digits are missing, or an epoch, a batch or `train_size` is
            too large.
    """
    if settings.order == "fresh-pages":
        if material is None:
            raise SettingError("order is 'fresh-pages', but there is nothing to make pages of: use reshuffled")
        n = settings.epoch_size or len(dataset.train)
        if dataset.train.task == "item":
            return FreshExamples(material, settings.batch_size, n, make=make_items, mixed=MIXED_ITEMS)
        return FreshExamples(material, settings.batch_size, n)
    if settings.order == "fixed":
        return FixedOrder(course_order(_drawn(dataset.train, settings, seed), seed), settings.batch_size)
    if settings.pens and pens is None:
        raise SettingError(f"pens is {settings.pens}, but there are no pen digits: expected --pens 0 without them")
    if settings.order == "reshuffled":
        return Reshuffled(
            _drawn(dataset.train, settings, seed),
            settings.batch_size,
            settings.augmentation,
            settings.epoch_size or None,
            settings.negatives,
            settings.styles,
            settings.pens,
            pens,
        )
    if singles is None:
        raise SettingError(
            "order is 'fresh-pairs', but there are no single digits to make pairs from: use reshuffled"
        )
    return FreshPairs(
        singles.train,
        settings.batch_size,
        settings.epoch_size or len(dataset.train),
        settings.augmentation,
        settings.negatives,
        PAIRS_FOR[dataset.train.task],
    )


def _drawn(split: Split, settings: TrainingSettings, seed: int) -> Split:
    """Return the examples to learn from: all, or as many as `train_size` says."""
    if not settings.train_size:
        return split
    if settings.train_size > len(split):
        raise SettingError(f"train_size is {settings.train_size}: expected at most {len(split)}, which there are")
    # The epochs' generators are those of (seed, 1), (seed, 2) and so on.
    return split[np.random.default_rng([seed, 0]).permutation(len(split))[: settings.train_size]]


def as_met(recipe: Recipe, split: Split, pens: PenDigits | None = None) -> Split:
    """Return single digits in the styles, and some with the pens, that `recipe` shows its network.

    Behind them stand as many digits of `pens` as the recipe has for so many examples. The network's distance is
    measured on all of them, so that none is strange to it. Pairs are returned as they are.
    """
    settings, generator = recipe.settings, np.random.default_rng(0)  # equal files of equal runs; any would do
    if recipe.task != "digit":
        return split
    images = restyle(split.images, split.labels, settings.styles, generator=generator).copy()
    chosen = np.flatnonzero(generator.random(len(images)) < PENNED)
    images[chosen] = augment(images[chosen], settings.pen, generator=generator)
    met = Split(images, split.labels)
    n_pens = round(settings.pens * len(split))
    return joined(met, pens.sample(n_pens, generator)) if pens is not None and n_pens else met
