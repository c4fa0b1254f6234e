"""How unlike the digits that a network learned from an image is, told from what the network sees in it."""

import torch
from torch import Tensor, nn

from digitscope.models.columns import Columns
from digitscope.models.residual import ResidualBlock


def logits_and_features(model: nn.Sequential, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits of `model`, and the means of the channels of its second and last convolution, (N, F).

    Early layers respond to strokes and the last one to digits (Lee et al. 2018, 2.2, use all layers). Features of
    columns are concatenated. A network without such layers has no features: F is 0.
    """
    values, seen, columns = images, list[Tensor](), list[Tensor]()
    for layer in model:
        if isinstance(layer, Columns):
            read = [logits_and_features(_sequential(column), values) for column in layer.columns]
            values = torch.stack([logits for logits, _ in read]).mean(dim=0)
            columns = [features for _, features in read]
        else:
            values = layer(values)
        if isinstance(layer, nn.ReLU | ResidualBlock) and values.ndim == 4:
            seen.append(values)
    second_and_last = seen[1:2] + seen[2:][-1:] or seen
    features = [_channel_means(maps) for maps in second_and_last] + columns
    return values, torch.cat(features, dim=1) if features else images.new_zeros(
        (len(images), 0), dtype=torch.float32
    )


def _channel_means(maps: Tensor) -> Tensor:
    """Return the means of maps (N, C, H, W), (N, C); as a pooling they need no other order of memory in ONNX."""
    return nn.functional.avg_pool2d(maps, maps.shape[2:]).flatten(1)


def _sequential(column: nn.Module) -> nn.Sequential:
    assert isinstance(column, nn.Sequential)  # noqa: S101 - what a network's columns are made of
    return column


class Distance(nn.Module):
    """The Mahalanobis distance to the nearest class, whose features spread alike in all (Lee et al. 2018, eq. 2).

    Input: features float32 (N, F). Output: distances float32 (N,), in the unit that `whitening` holds.

    Args:
        whitening: float32 (F, F); features times it have the same spread in every direction.
        centres: float32 (10, F), the means of the ten classes' features, times `whitening`.
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
