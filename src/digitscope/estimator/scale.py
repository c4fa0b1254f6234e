"""How any table of numbers becomes images of the size that the networks see."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 28
N_PIXELS = SIDE * SIDE
WHITE = 255.0


@dataclass(frozen=True, eq=False)
class Scale:
    """The values of black and white.

    Attributes:
        low: float64 (n_features,), the values that become pixel 0, as do lower ones.
        high: float64 (n_features,), the values that become pixel 255, as do higher ones.
        of_pixels: whether the features are the pixels of an image.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    of_pixels: bool

    @classmethod
    def of(cls, X: NDArray[Any]) -> "Scale":
        """Return the scale that `X` (N, n_features) is in, as `DigitClassifier` says."""
        low, high = (bound.astype(np.float64) for bound in (X.min(axis=0), X.max(axis=0)))
        if len(low) != N_PIXELS or low.min() < 0 or high.max() > WHITE:
            return cls(low, high, of_pixels=False)
        white = 1.0 if high.max() <= 1 else WHITE
        return cls(np.zeros(N_PIXELS), np.full(N_PIXELS, white), of_pixels=True)

    def images(self, X: NDArray[Any]) -> NDArray[np.uint8]:
        """Return `X` (N, n_features) as uint8 images (N, 28, 28): each feature a pixel, or a square of several.

        Raises:
            ValueError: X has pixels from 0 to 1 where the scale is of 0 to 255, or the other way round.
        """
        white, brightest = self.high[0], X.max(initial=0)
        if self.of_pixels and (0 < brightest <= 1 < white or (white == 1 and brightest >= 2)):
            raise ValueError(
                f"X has pixels up to {brightest:g}, and fit saw them from 0 to {white:g}: give X in that range"
            )
        span = self.high / 2 - self.low / 2  # of halves: a range may be wider than float64 holds
        values = X / 2 - self.low / 2
        with np.errstate(over="ignore"):  # far outside the range counts as its end
            values /= np.where(span > 0, span, 1)
        pixels = np.rint(values.clip(0, 1, out=values) * WHITE).astype(np.uint8)
        return _in_squares(pixels)


def _in_squares(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return rows of at most 784 values as images, each value a square as large as there is room for."""
    n, n_features = pixels.shape
    side = int(np.ceil(np.sqrt(n_features)))
    room = SIDE // side
    small = np.pad(pixels, ((0, 0), (0, side * side - n_features))).reshape(n, side, side)
    large = small.repeat(room, axis=1).repeat(room, axis=2)
    margin = SIDE - side * room
    around = (margin // 2, margin - margin // 2)
    return np.pad(large, ((0, 0), around, around))
