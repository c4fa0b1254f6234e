"""Real images of the height that a model reads, and the shape of what it says."""

import numpy as np
import torch
from torch import Tensor

from digitscope.data import Dataset, overlap
from digitscope.models import DIGIT_MODELS, ITEM_MODELS, PAGE_MODELS, SEPARATION_MODELS, TWO_DIGIT_MODELS


def images_for(name: str, sample: Dataset, n: int) -> Tensor:
    """Return uint8 (n, 28, 28); (n, 42, 28) if the model `name` is for two digits, (n, 32, 64) if for pages."""
    digits = sample.test.images
    if name in PAGE_MODELS or name in ITEM_MODELS:
        return torch.from_numpy(np.pad(digits[:n], ((0, 0), (2, 2), (18, 18))))
    return torch.from_numpy(digits[:n] if name in DIGIT_MODELS else overlap(digits[:n], digits[n : 2 * n]))


def logits_shape(name: str, n: int) -> tuple[int, ...]:
    if name in SEPARATION_MODELS:
        return (n, 2, 42, 28)
    if name in PAGE_MODELS:
        return (n, 42, 8, 16)
    if name in ITEM_MODELS:
        return (n, 43)
    return (n, 2, 10) if name in TWO_DIGIT_MODELS else (n, 10)
