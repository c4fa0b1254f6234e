"""Small values that the tests of figures draw from."""

import numpy as np

from digitscope.data import Split, overlap
from digitscope.records import EpochRecord


def history(n: int, *, offset: float = 0.0) -> tuple[EpochRecord, ...]:
    return tuple(
        EpochRecord(
            epoch=epoch,
            train_loss=2.0 / epoch + offset,
            train_accuracy=1 - 0.3 / epoch,
            validation_loss=2.2 / epoch + offset,
            validation_accuracy=1 - 0.4 / epoch,
            learning_rate=0.1,
            seconds=1.5,
        )
        for epoch in range(1, n + 1)
    )


def digits(n: int, *, seed: int = 0) -> Split:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
    return Split(images, rng.integers(0, 10, n, dtype=np.uint8))


def pairs(n: int) -> Split:
    upper, lower = digits(n, seed=1), digits(n, seed=2)
    return Split(overlap(upper.images, lower.images), np.stack([upper.labels, lower.labels], axis=1))
