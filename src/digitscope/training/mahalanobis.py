"""How unlike the training digits an image is, told from what a network sees in it."""

import numpy as np
import torch
from torch import Tensor, nn

from digitscope.data.splits import Split, UInt8
from digitscope.models.digits import ResidualBlock
from digitscope.models.layers import Columns

MOST_EXAMPLES = 30_000
"""Training digits that are measured; more would hardly move the means."""

RIDGE = 1e-3
"""Ridge added to the covariance, as a share of its mean variance; some channels are constant."""

BEYOND_1 = 0.01
"""Share of the validation split whose distance is above 1."""


def logits_and_features(model: nn.Sequential, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits of `model`, and the means of the channels of its second and last convolution, (N, F).

    Early layers respond to strokes and the last one to digits (Lee et al. 2018, 2.2, use all layers). Features of
    columns are concatenated. A network without such layers has no features: F is 0.
    """
    values, seen, columns = images, list[Tensor](), list[Tensor]()
    for layer in model:
        if isinstance(layer, Columns):
            read = [logits_and_features(column, values) for column in layer.columns]  # type: ignore[arg-type]
            values = torch.stack([logits for logits, _ in read]).mean(dim=0)
            columns = [features for _, features in read]
        else:
            values = layer(values)
        if isinstance(layer, nn.ReLU | ResidualBlock) and values.ndim == 4:
            seen.append(values)
    second_and_last = seen[1:2] + seen[2:][-1:] or seen
    # The mean of each channel, as a pooling: it needs no other order of memory in ONNX.
    means = [nn.functional.avg_pool2d(maps, maps.shape[2:]).flatten(1) for maps in second_and_last]
    features = means + columns
    return values, torch.cat(features, dim=1) if features else images.new_zeros(
        (len(images), 0), dtype=torch.float32
    )


class Distance(nn.Module):
    """The Mahalanobis distance to the nearest class, whose features spread alike in all (Lee et al. 2018, eq. 2).

    Features float32 (N, F) to distances float32 (N,). Times `whitening` (F, F), features have the same spread in
    every direction; `centres` (10, F) are the means of the ten classes' features, times `whitening`.
    """

    def __init__(self, whitening: Tensor, centres: Tensor) -> None:
        super().__init__()
        self.register_buffer("whitening", whitening)
        self.register_buffer("centres", centres)

    def forward(self, features: Tensor) -> Tensor:
        """Return the distance of each image to the class that it is nearest to."""
        whitened = features @ self.whitening  # type: ignore[operator]
        away = whitened.unsqueeze(1) - self.centres  # type: ignore[operator]
        return away.square().sum(dim=2).amin(dim=1).sqrt()


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
    chunks = np.array_split(images, max(1, len(images) // 500))
    with torch.inference_mode():
        parts = [logits_and_features(model, torch.from_numpy(chunk))[1] for chunk in chunks]
    return torch.cat(parts).double().numpy()
