"""The training digits of the embedded sample that a network sees most alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitscope.data import load_sample
from digitscope.serve.feature_maps import FeatureMaps

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Neighbour:
    """A training digit, and how far away it is.

    Attributes:
        image: uint8 (28, 28).
        label: what it is.
        distance: between the features of both, which are the means of the last layer's channels.
    """

    image: UInt8
    label: int
    distance: float


class TrainingDigits:
    """The embedded sample's 4,000 training digits with their features."""

    def __init__(self, maps: FeatureMaps) -> None:
        """Send all of them through the network, which takes a fraction of a second."""
        self._digits = load_sample().train
        self._features = maps.features(self._digits.images)

    def nearest(self, features: Float32, n: int = 8) -> list[Neighbour]:
        """Return the `n` digits whose features are nearest to `features`, float32 (C,), the nearest first."""
        distances = np.linalg.norm(self._features - features, axis=1)
        return [
            Neighbour(self._digits.images[k], int(self._digits.labels[k]), float(distances[k]))
            for k in np.argsort(distances, kind="stable")[:n]
        ]
