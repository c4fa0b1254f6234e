"""Real images of the height that a model reads."""

import torch
from torch import Tensor

from digitscope.data import Dataset, overlap


def images_for(name: str, sample: Dataset, n: int) -> Tensor:
    """Return uint8 (n, 28, 28), or (n, 42, 28) if the model `name` reads two digits."""
    digits = sample.test.images
    return torch.from_numpy(overlap(digits[:n], digits[n : 2 * n]) if "two-digit" in name else digits[:n])


def logits_shape(name: str, n: int) -> tuple[int, ...]:
    return (n, 2, 10) if "two-digit" in name else (n, 10)
