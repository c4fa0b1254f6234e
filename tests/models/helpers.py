"""Real images of the height that a model reads."""

import torch
from torch import Tensor

from digitscope.data import Dataset, overlap
from digitscope.models import DIGIT_MODELS, SEPARATION_MODELS, TWO_DIGIT_MODELS


def images_for(name: str, sample: Dataset, n: int) -> Tensor:
    """Return uint8 (n, 28, 28), or (n, 42, 28) if the model `name` is for two digits."""
    digits = sample.test.images
    return torch.from_numpy(digits[:n] if name in DIGIT_MODELS else overlap(digits[:n], digits[n : 2 * n]))


def logits_shape(name: str, n: int) -> tuple[int, ...]:
    if name in SEPARATION_MODELS:
        return (n, 2, 42, 28)
    return (n, 2, 10) if name in TWO_DIGIT_MODELS else (n, 10)
