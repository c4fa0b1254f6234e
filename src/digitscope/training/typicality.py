"""The usual features of each class, measured on training digits."""

import numpy as np
import torch
from torch import nn

from digitscope.data.splits import Split, UInt8
from digitscope.models.distance import Distance, logits_and_features

MOST_EXAMPLES = 30_000
"""Training digits that are measured; more would hardly move the means."""

RIDGE = 1e-3
"""Ridge added to the covariance, as a share of its mean variance; some channels are constant."""

BEYOND_1 = 0.01
"""Share of the validation split whose distance is above 1."""


def fit_distance(model: nn.Module, train: Split, validation: Split) -> Distance | None:
    """Return the distance of features to the classes of `train`, 1 at the farthest hundredth of `validation`.

    It is None for a network for pairs and for one that has no convolutions in a row.
    """
    if train.labels.ndim != 1 or not isinstance(model, nn.Sequential):
        return None
    model = model.cpu().eval()
    labels = train.labels[:MOST_EXAMPLES].astype(np.intp)
    features = _features(model, train.images[:MOST_EXAMPLES])
    if features.shape[1] == 0 or len(np.unique(labels)) < 10:
        return None
    centres = np.stack([features[labels == label].mean(axis=0) for label in range(10)])
    spread = np.cov((features - centres[labels]).T)
    spread += RIDGE * np.eye(len(spread)) * np.trace(spread) / len(spread)
    whitening = np.linalg.cholesky(np.linalg.inv(spread))
    unscaled = _distance(whitening, centres)
    seen = torch.from_numpy(_features(model, validation.images)).float()
    return _distance(whitening / np.quantile(unscaled(seen).numpy(), 1 - BEYOND_1), centres)


def _distance(whitening: np.ndarray, centres: np.ndarray) -> Distance:
    return Distance(torch.from_numpy(whitening).float(), torch.from_numpy(centres @ whitening).float())


def _features(model: nn.Sequential, images: UInt8) -> np.ndarray:
    with torch.inference_mode():
        parts = [logits_and_features(model, torch.from_numpy(chunk))[1] for chunk in _chunks(images)]
    return torch.cat(parts).double().numpy()


def _chunks(images: UInt8) -> list[UInt8]:
    return np.array_split(images, max(1, len(images) // 500))
