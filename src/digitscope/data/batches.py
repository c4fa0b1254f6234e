"""The order in which a network meets its examples: what a training loop iterates over, epoch by epoch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from digitscope.data.augmentation import NO_AUGMENTATION, Augmentation, augment
from digitscope.data.negatives import NO_DIGIT, make_negative_pairs, make_negatives
from digitscope.data.overlapping import DrawPairs, random_pairs
from digitscope.data.pen_digits import PenDigits
from digitscope.data.splits import Split, UInt8, joined
from digitscope.data.styles import restyle
from digitscope.errors import SettingError

Batch = tuple[UInt8, UInt8]
"""Images, uint8 (B, H, W), and their labels, uint8 (B,), (B, 2) or (B, 2, H, W); 255 for what is no digit."""

COURSE_SEED = 12321
"""The seed that every script of the course sets before it shuffles, and before it makes weights."""


class BatchSource(Protocol):
    """Where a training loop gets its batches. Sources refuse a batch size that an epoch cannot fill."""

    @property
    def n_batches(self) -> int:
        """Batches an epoch."""

    def epoch(self, generator: np.random.Generator, /, *, plain: bool = False) -> Iterator[Batch]:
        """Yield one epoch's batches; what is random in them is drawn from `generator`, and no warp if `plain`."""


@dataclass(frozen=True, eq=False)
class FixedOrder:
    """The same batches in the same order each epoch, the remainder dropped: the course's protocol.

    Raises:
        SettingError: `batch_size` is below 1 or above the number of examples.
    """

    split: Split
    batch_size: int

    def __post_init__(self) -> None:
        check_batch_size(self.batch_size, len(self.split))

    @property
    def n_batches(self) -> int:
        """Batches an epoch, each of them full."""
        return len(self.split) // self.batch_size

    def epoch(self, _: np.random.Generator, /, *, plain: bool = False) -> Iterator[Batch]:
        """Yield the batches, which nothing random enters and no warp touches, `plain` or not."""
        del plain
        for start in range(0, self.n_batches * self.batch_size, self.batch_size):
            chosen = slice(start, start + self.batch_size)
            yield self.split.images[chosen], self.split.labels[chosen]


@dataclass(frozen=True, eq=False)
class Reshuffled:
    """The examples in an order that is new in each epoch; the last batch may be smaller.

    Attributes:
        split: the examples.
        batch_size: examples a batch.
        augmentation: how far each example is warped, anew in every epoch.
        examples_per_epoch: None for each once. Fewer are drawn anew for every epoch; for more, all are gone
            through again, in another order.
        negatives: non-digits per example, made of a batch's single digits and put after them.
        styles: share of the 1s and 7s that are written as elsewhere in the world, see `digitscope.data.styles`.
        pens: `pen_digits` per example, put between the examples and the non-digits, and warped alike.
        pen_digits: where these come from; None without.

    Raises:
        SettingError: `batch_size` is below 1 or above the number of examples of an epoch.
    """

    split: Split
    batch_size: int
    augmentation: Augmentation = NO_AUGMENTATION
    examples_per_epoch: int | None = None
    negatives: float = 0.0
    styles: float = 0.0
    pens: float = 0.0
    pen_digits: PenDigits | None = None

    def __post_init__(self) -> None:
        check_batch_size(self.batch_size, self.size)

    @property
    def size(self) -> int:
        """Examples an epoch."""
        return len(self.split) if self.examples_per_epoch is None else self.examples_per_epoch

    @property
    def n_batches(self) -> int:
        """Batches an epoch, the last one included."""
        return -(-self.size // self.batch_size)

    def epoch(self, generator: np.random.Generator, /, *, plain: bool = False) -> Iterator[Batch]:
        """Yield the batches, warped unless `plain`; `generator` draws their order when the first is asked for."""
        augmentation = NO_AUGMENTATION if plain else self.augmentation
        passes = -(-self.size // len(self.split))
        order = np.concatenate([generator.permutation(len(self.split)) for _ in range(passes)])[: self.size]
        for start in range(0, len(order), self.batch_size):
            digits = self.split[order[start : start + self.batch_size]]
            if self.styles:
                images = restyle(digits.images, digits.labels, self.styles, generator=generator)
                digits = Split(images, digits.labels)
            n_pens = round(self.pens * len(digits))
            if self.pen_digits is not None and n_pens:
                digits = joined(digits, self.pen_digits.sample(n_pens, generator))
            images, labels = digits.images, digits.labels
            n_others = round(self.negatives * len(digits))
            if n_others:
                others = make_negatives(images, labels, n_others, generator=generator)
                images, labels = _with_others(digits, others)
            yield augment(images, augmentation, generator=generator), labels


@dataclass(frozen=True, eq=False)
class FreshPairs:
    """Overlapping pairs made anew for every batch, so that none is met twice; the last batch may be smaller.

    Attributes:
        singles: the single digits that pairs are made of.
        batch_size: pairs a batch.
        pairs_per_epoch: pairs after which an epoch ends.
        augmentation: how far each digit is warped before it is overlapped with another.
        negatives: non-pairs per pair, put after a batch's pairs, with both labels 255.
        draw: makes the pairs, and so decides what their labels are.

    Raises:
        SettingError: `singles` are not single digits, or there are none.
    """

    singles: Split
    batch_size: int
    pairs_per_epoch: int
    augmentation: Augmentation = NO_AUGMENTATION
    negatives: float = 0.0
    draw: DrawPairs = random_pairs

    def __post_init__(self) -> None:
        check_batch_size(self.batch_size, self.pairs_per_epoch)
        if self.singles.labels.ndim != 1 or len(self.singles) == 0:
            raise SettingError(
                f"pairs cannot be made of labels of shape {self.singles.labels.shape}: expected (N,), N at least 1"
            )

    @property
    def n_batches(self) -> int:
        """Batches an epoch, the last one included."""
        return -(-self.pairs_per_epoch // self.batch_size)

    def epoch(self, generator: np.random.Generator, /, *, plain: bool = False) -> Iterator[Batch]:
        """Yield batches of pairs drawn from `generator`, their digits unwarped if `plain`."""
        augmentation = NO_AUGMENTATION if plain else self.augmentation
        for start in range(0, self.pairs_per_epoch, self.batch_size):
            size = min(self.batch_size, self.pairs_per_epoch - start)
            pairs = self.draw(self.singles, size, augmentation=augmentation, generator=generator)
            n_others = round(self.negatives * size)
            if n_others == 0:
                yield pairs.images, pairs.labels
                continue
            digits = self.singles[generator.integers(len(self.singles), size=size)]
            warped = augment(digits.images, augmentation, generator=generator)
            yield _with_others(pairs, make_negative_pairs(warped, digits.labels, n_others, generator=generator))


def _with_others(digits: Split, others: UInt8) -> Batch:
    """Return digits or pairs, and behind them what is none."""
    labels = np.full((len(others), *digits.labels.shape[1:]), NO_DIGIT, np.uint8)
    return np.concatenate([digits.images, others]), np.concatenate([digits.labels, labels])


def course_order(split: Split, seed: int) -> Split:
    """Return `split` as the course's scripts shuffle it: once, after seeding with `seed`."""
    permutation = np.arange(len(split))
    # The course shuffles with NumPy's legacy generator; its order exists nowhere else.
    np.random.RandomState(seed).shuffle(permutation)
    return split[permutation]


def whole_batches(split: Split, batch_size: int) -> Split:
    """Return `split` without the remainder that fills no batch of `batch_size`, as the course scores it.

    Raises:
        SettingError: `batch_size` is below 1 or above the number of examples.
    """
    check_batch_size(batch_size, len(split))
    return split[: len(split) // batch_size * batch_size]


def check_batch_size(batch_size: int, examples: int) -> None:
    """Check that the examples of an epoch can fill a batch.

    Raises:
        SettingError: they cannot, or `batch_size` is below 1.
    """
    if not 1 <= batch_size <= examples:
        raise SettingError(f"batch_size = {batch_size}: expected 1 to {examples}, the examples of an epoch")
