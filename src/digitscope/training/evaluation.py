"""Scoring a trained network: every example counts."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from digitscope.data.splits import Split, UInt8
from digitscope.errors import SettingError
from digitscope.metrics import Evaluation, evaluate_logits

BATCH_SIZE = 1000
"""Images a forward pass: enough to keep the cores busy, small enough for any laptop."""


def evaluate(model: nn.Module, split: Split, *, batch_size: int = BATCH_SIZE) -> Evaluation:
    """Return the scores of `model` on every example of `split`; `batch_size` decides only the memory used."""
    return evaluate_logits(predict_logits(model, split.images, batch_size=batch_size), split.labels)


def predict_logits(model: nn.Module, images: UInt8, *, batch_size: int = BATCH_SIZE) -> NDArray[np.float32]:
    """Return the logits of uint8 `images` (N, H, W): float32 (N, 10), or (N, 2, 10) for pairs.

    The model is left in evaluation mode.

    Raises:
        SettingError: `batch_size` is below 1.
    """
    if batch_size < 1:
        raise SettingError(f"batch_size is {batch_size}: expected a whole number from 1")
    device = next(model.parameters()).device
    model.eval()
    with torch.inference_mode():
        parts = [
            model(torch.tensor(images[start : start + batch_size]).to(device)).float().cpu().numpy()
            for start in range(0, max(len(images), 1), batch_size)  # no image still gives (0, 10)
        ]
    return np.concatenate(parts)
