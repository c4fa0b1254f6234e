"""Where a form lies in a picture: features of its print are matched with those of the empty form."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from digitscope.errors import MissingExtraError

try:
    import cv2
except ImportError:
    raise MissingExtraError("opencv-python-headless", "forms") from None

UInt8 = NDArray[np.uint8]
Float64 = NDArray[np.float64]

SIDE = 1600  # pixels of the longer side at which pictures are matched
FEATURES = 6000  # features of a picture at most, the strongest
UNLIKE_SECOND = 0.8  # how far the nearest feature must be in comparison with the second nearest (Lowe 2004)
APART = 4.0  # pixels of the reference by which two matched features may miss each other
FEWEST = 20  # matched features that agree, at least

PRINT, TOLERANCE = 0.8, 4  # share of the form's print that must be in the picture, within so many pixels


@dataclass(frozen=True, eq=False)
class Reference:
    """An empty form, ready to be found in pictures."""

    gray: UInt8  # (H, W), at most `SIDE` pixels high and wide
    points: NDArray[np.float32]  # (N, 2), x and y of its features
    features: NDArray[np.float32]  # (N, 128), SIFT descriptors (Lowe 2004)

    @classmethod
    def of(cls, gray: UInt8) -> "Reference":
        """Return the reference for the picture of an empty form, uint8 (H, W)."""
        gray, _ = _matched_size(gray)
        return cls(gray, *_features(gray))

    def place_in(self, gray: UInt8) -> Float64 | None:
        """Return the matrix (3, 3) that maps pixels of the reference to those of a picture, uint8 (H, W).

        None if the picture does not show this form.
        """
        small, scale = _matched_size(gray)
        points, features = _features(small)
        if min(len(points), len(self.points)) < FEWEST:
            return None
        pairs = cv2.BFMatcher().knnMatch(self.features, features, k=2)
        good = [first for first, second in pairs if first.distance < UNLIKE_SECOND * second.distance]
        if len(good) < FEWEST:
            return None
        ours = self.points[[match.queryIdx for match in good]]
        theirs = points[[match.trainIdx for match in good]]
        cv2.setRNGSeed(0)  # equal pictures get equal places
        found, agree = cv2.findHomography(ours, theirs, cv2.USAC_MAGSAC, APART, maxIters=5000, confidence=0.999)
        matrix = np.asarray(found, dtype=np.float64)  # of one NaN, if none was found
        if matrix.shape != (3, 3) or agree.sum() < FEWEST or not self._is_seen(small, matrix):
            return None
        return np.diag([1 / scale, 1 / scale, 1.0]) @ matrix

    def _is_seen(self, gray: UInt8, matrix: Float64) -> bool:
        """Tell whether nearly all print of the empty form is where the matrix says that it is."""
        ink = ndimage.maximum_filter(_dark(laid_on(gray, matrix, self.gray.shape)), 2 * TOLERANCE + 1)
        own = _dark(self.gray)
        return bool(own.any() and ink[own].mean() >= PRINT)

    def ink_beside_print(self, laid: UInt8) -> NDArray[np.bool_]:
        """Return where a page laid onto the form, uint8 (H, W) at any scale, has ink that the form has not."""
        size = laid.shape[1], laid.shape[0]
        own = ndimage.maximum_filter(_dark(self.gray), 2 * TOLERANCE + 1)
        print_ = np.asarray(Image.fromarray(own).resize(size, Image.Resampling.NEAREST))
        return np.asarray(_dark(laid) & ~print_)


def laid_on(gray: UInt8, matrix: Float64, shape: tuple[int, ...]) -> UInt8:
    """Return a picture, uint8 (H, W), as it looks on a reference of `shape`; `matrix` maps the other way."""
    flags = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
    seen = cv2.warpPerspective(gray, matrix, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, dtype=np.uint8)


def _matched_size(gray: UInt8) -> tuple[UInt8, float]:
    """Return a picture with at most `SIDE` pixels a side, and by how much its sides are shorter or longer."""
    scale = SIDE / max(gray.shape)
    if scale >= 1:
        return gray, 1.0
    size = round(gray.shape[1] * scale), round(gray.shape[0] * scale)
    return np.asarray(Image.fromarray(gray).resize(size, Image.Resampling.BOX)), scale


def _features(gray: UInt8) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the places (N, 2) and the descriptors (N, 128) of a picture's features."""
    found, features = cv2.SIFT.create(FEATURES).detectAndCompute(np.ascontiguousarray(gray), None)
    if features is None:
        return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
    return np.array([each.pt for each in found], np.float32), np.asarray(features, np.float32)


def _dark(gray: UInt8) -> NDArray[np.bool_]:
    """Tell which pixels are darker than their surroundings, as print is in any light."""
    light = cv2.GaussianBlur(gray, (0, 0), 12).astype(np.float32)
    return np.asarray(gray < 0.8 * light)
