"""Telling ink from paper: dark on light and light on dark, whatever the light that falls on the page.

The paper at a pixel is what a closing (for dark ink) or an opening (for light ink) finds around it with a square
wider than a stroke: it follows gradients and the edges of shadows, panels and tables, and passes over strokes
(Serra 1982, chapter XII, the top-hat transform). Which of the two it is, the median of a wider surrounding tells:
most of that is paper.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

from digitscope.inference.morphology import extent, grey_closing, grey_opening, highest_around
from digitscope.inference.rules import without_rules

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
Pixels = TypeVar("Pixels", UInt8, Float32)

COARSE_SIDE = 640
"""Pixels of the longer side at which paper is looked for: it changes slowly, and closings are slow."""

MEDIAN_WINDOW = 11
"""Pixels of a window when its median is taken: the time grows with its square, so the picture is reduced first."""

LEAST_CONTRAST = 0.08
"""Of ink to paper, of which 1 is all there can be: the texture of paper stays below it, pencil does not."""

LEAST_CONTRAST_OF_SMALL = 0.2
"""Of ink to paper in a picture that a digit fills, in which noise cannot be told from ink by how common it is."""

LEAST_RANGE, LEAST_RANGE_OF_LIGHT = 120.0, 160.0
"""Levels of 255 from paper to the darkest or lightest ink that are assumed at least: less would blow up noise.

Paper in shadow still has dark ink; light ink is for dark grounds, and nearly white paper has none.
"""

LARGEST_WINDOW = 0.3
"""Share of the picture's shorter side up to which closings find paper: a digit that fills more leaves none."""

EVEN_SIDE = 128
"""Pixels of the longer side up to which paper counts as evenly lit: a single digit, cut out."""

FREE_RIM = 0.04
"""Share of the rim that may look like ink before it is asked which of its two shades is paper."""

WIDE_ENOUGH = 8.0
"""Pixels of a stroke's width that closings need; bolder ones are reduced to it, which saves time."""

FINE_ENOUGH = 2.0
"""Pixels of a stroke's width in which it is voted which way round ink and paper are."""

WEAK = 0.38
"""Share of the strongest contrast around that all of a stroke reaches, and rules and bleed-through do not."""

FAINTEST_AROUND = 0.6
"""Share of the contrast where there is most ink that ink has elsewhere too."""

DEVIATIONS = 5.0
"""Of the paper's own contrast that ink must exceed."""


@dataclass(frozen=True, eq=False)
class Ink:
    """Where the ink is.

    Attributes:
        gray: uint8 (H, W), the picture, without its noise.
        strength: float32 (H, W), the contrast to the paper, 0 to 1.
        mask: bool (H, W), the pixels that belong to strokes.
        stroke: the usual width of strokes, in pixels.
    """

    gray: UInt8
    strength: Float32
    mask: Mask
    stroke: float


def find_ink(gray: UInt8) -> Ink:
    """Return the ink on a picture, uint8 (H, W)."""
    if _noise(gray) > 3:
        gray = ndimage.gaussian_filter(gray, 0.7)
    coarse = coarsened(gray, COARSE_SIDE)
    share = max(coarse.shape) / max(gray.shape)
    stroke = _stroke_width(coarse) / share
    coarse = coarsened(coarse, round(max(gray.shape) * min(share, WIDE_ENOUGH / stroke)))
    width = stroke * max(coarse.shape) / max(gray.shape)
    strength = _strength(gray, coarse, width)
    mask = strength > _stretched(_least_strength(strength, coarse.shape, width), strength.shape)
    return Ink(gray, strength, without_rules(mask, stroke), stroke)


def _noise(gray: UInt8) -> float:
    """Return the standard deviation of the noise, in levels of 255, from second differences (Immerkaer 1996)."""
    rows = gray[:: max(1, gray.shape[0] // 500)].astype(np.int16)
    if rows.shape[1] < 5:
        return 0.0
    second = np.abs(rows[:, 2:] - 2 * rows[:, 1:-1] + rows[:, :-2])
    return float(1.4826 * _median(second) / np.sqrt(6))


def _median(values: NDArray[np.int16] | Float32) -> float:
    """Return the median of numbers of which none is negative."""
    if np.count_nonzero(values) < values.size / 2:  # as of a clean canvas, and sooner found out than sorted
        return 0.0
    return float(np.median(values))


def coarsened(image: Pixels, side: int) -> Pixels:
    """Return `image` with `side` pixels along its longer side; never larger than it is."""
    height, width = image.shape
    share = side / max(height, width)
    if share >= 1:
        return image
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX), dtype=image.dtype)


def _stretched(image: NDArray[np.generic], shape: tuple[int, ...]) -> Float32:
    if image.shape == shape:
        return np.asarray(image, dtype=np.float32)
    if image.min() == image.max():  # as paper on a canvas is
        return np.full(shape, image[0, 0], np.float32)
    height, width = shape
    stretched = Image.fromarray(image.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(stretched, dtype=np.float32)


def _surrounding(gray: UInt8, window: float) -> Float32:
    """Return the median of `gray` in a square of `window` pixels, or that of its rim if that is all there is."""
    if window >= min(gray.shape):
        return np.full(gray.shape, _rim(gray), np.float32)
    small = coarsened(gray, round(MEDIAN_WINDOW / window * max(gray.shape)))
    median = ImageFilter.MedianFilter(min(MEDIAN_WINDOW, round(window) | 1))
    return _stretched(np.asarray(Image.fromarray(small).filter(median)), gray.shape)


def _rim(gray: UInt8) -> np.float32:
    """Return the median of the outermost pixels."""
    return np.float32(np.median(_outermost(gray)))


def _outermost(image: Pixels) -> Pixels:
    """Return the pixels of the rim."""
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def _stroke_width(coarse: UInt8) -> float:
    """Return the width of usual strokes, in pixels of `coarse`: twice the distance of their middle from paper."""
    away = np.abs(coarse.astype(np.float32) - _surrounding(coarse, 0.5 * min(coarse.shape)))
    level = max(LEAST_RANGE * LEAST_CONTRAST, 0.35 * float(np.quantile(away[::2, ::2], 0.995)))
    is_ink = away > level
    labels, n = ndimage.label(is_ink[extent(is_ink)], np.ones((3, 3)))
    areas = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    if not (areas >= 6).any():
        return 2.0
    places = ndimage.find_objects(labels)
    widths = 2 * _depths(labels, n) - 1
    longer = np.array([max(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in places])
    likely = (widths < 0.5 * longer) & (areas >= 6) & (longer < 0.6 * max(coarse.shape))
    if areas[likely].sum() < 0.02 * areas.sum():  # one digit that fills the picture
        likely = areas >= 6
    return max(1.0, weighted_quantile(widths[likely], np.sqrt(areas[likely]), 0.7))


def _depths(labels: NDArray[np.int32], n: int) -> NDArray[np.float64]:
    """Return for each of `n` pieces, numbered in `labels` (H, W), how far its innermost pixel is from paper."""
    inside = ndimage.distance_transform_edt(np.pad(labels > 0, 1))[1:-1, 1:-1]
    deepest = np.zeros(n + 1)
    np.maximum.at(deepest, labels.ravel(), inside.ravel())
    return deepest[1:]


def weighted_quantile(values: NDArray[np.generic], weights: NDArray[np.generic], share: float) -> float:
    """Return the smallest of `values` below or at which lies `share` of the `weights`."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, share * reached[-1])])


def _strength(gray: UInt8, coarse: UInt8, stroke: float) -> Float32:
    """Return the contrast of each pixel to its paper; `stroke` is in pixels of `coarse`."""
    size = 2 * round(1.25 * stroke) + 3
    if max(gray.shape) <= EVEN_SIDE or size > LARGEST_WINDOW * min(coarse.shape):
        return _strength_on_even_paper(gray)
    above, below = grey_closing(coarse, size), grey_opening(coarse, size)
    is_light = _is_light(coarse, above, below, stroke)
    dark = _contrast_of_dark(gray, _stretched(above, gray.shape))
    if not is_light.any():
        return dark
    light = _contrast_of_light(gray, _stretched(below, gray.shape))
    return np.where(_stretched(is_light, gray.shape) > 0.5, light, dark)


def _strength_on_even_paper(gray: UInt8) -> Float32:
    """Return the contrast to the rim, for a picture that a digit fills: it has little else that is paper."""
    outermost = _outermost(gray)
    paper = np.float32(np.median(outermost))
    dark, light = _contrast_of_dark(gray, paper), _contrast_of_light(gray, paper)
    likely = light if light.sum() > dark.sum() else dark
    if (_outermost(likely) > 0.5 * likely.max()).mean() <= FREE_RIM:
        return likely
    middle = (float(gray.min()) + float(gray.max())) / 2  # ink reaches the rim, but most of that is paper
    on_dark = np.median(outermost) < middle
    paper = np.float32(np.median(outermost[(outermost < middle) == on_dark]))
    return _contrast_of_light(gray, paper) if on_dark else _contrast_of_dark(gray, paper)


def _contrast_of_dark(gray: UInt8, paper: Float32 | np.float32) -> Float32:
    """Return the contrast of ink darker than `paper`."""
    return np.asarray(np.clip((paper - gray) / np.maximum(paper, LEAST_RANGE), 0, 1))


def _contrast_of_light(gray: UInt8, paper: Float32 | np.float32) -> Float32:
    """Return the contrast of ink lighter than `paper`."""
    return np.asarray(np.clip((gray - paper) / np.maximum(255 - paper, LEAST_RANGE_OF_LIGHT), 0, 1))


def _is_light(coarse: UInt8, above: UInt8, below: UInt8, stroke: float) -> Mask:
    """Tell for each pixel whether ink around it is lighter than paper: whether paper is nearer to the opening."""
    paper = _surrounding(coarse, 11 * stroke)
    up, down = above.astype(np.float32) - paper, paper - below.astype(np.float32)
    votes = (up + down) * np.sign(np.abs(up) - np.abs(down))
    if votes.max() <= 0:  # of nearly every canvas
        return np.zeros(votes.shape, bool)
    share = min(1.0, FINE_ENOUGH / stroke)
    reduced = coarsened(votes, max(1, round(share * max(votes.shape))))
    return _stretched(ndimage.gaussian_filter(reduced, 2 * share * stroke), votes.shape) > 0


def _floor(strength: Float32) -> float:
    """Return the contrast that paper does not have.

    Its own lies around the median, as most pixels are paper; in a picture that a digit fills they are not.
    """
    sample = strength[:: max(1, strength.shape[0] // 400), :: max(1, strength.shape[1] // 400)]
    if max(strength.shape) <= EVEN_SIDE:
        strongest = float(np.quantile(sample, 0.99))
        return WEAK * strongest if strongest >= LEAST_CONTRAST_OF_SMALL else 1.0
    usual = _median(sample)
    return max(LEAST_CONTRAST, usual + DEVIATIONS * 1.4826 * _median(np.abs(sample - usual)))


def _least_strength(strength: Float32, shape: tuple[int, ...], stroke: float) -> Float32:
    """Return the contrast that ink exceeds at each pixel of the coarse `shape`, in which `stroke` is measured."""
    strongest = highest_around(coarsened(strength, max(shape)), 2 * round(8 * stroke) + 1)
    around = np.maximum(strongest, FAINTEST_AROUND * np.quantile(strongest, 0.9))
    return np.maximum(_floor(strength), WEAK * around).astype(np.float32)
