"""Augmentation that imitates other writers, pens and scanners.

Every image gets its own warp: a small rotation, scaling, shear, shift and elastic distortion. Each pixel of the
result is sampled from the image by bilinear interpolation; outside the image is black. Then strokes become
bolder or finer, and the image is blurred, reduced in resolution or partly erased.
"""

from dataclasses import asdict, dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from digitscope.data.splits import Float32, UInt8
from digitscope.errors import SettingError

# Pixels between the knots of an elastic field, and the deviation of the Gaussian that each knot spreads by.
# Simard, Steinkraus and Platt (2003) smooth their random field with a Gaussian of 4 pixels.
KNOT_DISTANCE = 4.0

# Share of its rows and columns that an image of low resolution has: a digit keeps 7 to 17 of its 20.
COARSEST, FINEST = 10 / 28, 24 / 28

# Pixels, the shortest and the longest side of what is erased; a digit of MNIST has 20 along its longer one.
ERASED_SIDES = (3, 8)

# The amounts that are shares, of a width, of a pixel or of the images; the others have no end.
BELOW_1 = frozenset({"scale", "stroke", "flip", "low_resolution", "erase"})


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far a warp may go. Each image's own amount is drawn evenly from both directions; 0 is none.

    The amounts and their units are those settings of `digitscope.settings.TrainingSettings` that have their names.
    `blur` is drawn from 0 up.

    Raises:
        SettingError: a number is negative or not finite, or one of the shares (all but `rotation`, `shear`,
            `shift`, `elastic` and `blur`) is 1 or above.
    """

    rotation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    stroke: float = 0.0
    blur: float = 0.0
    flip: float = 0.0
    low_resolution: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            end = 1 if name in BELOW_1 else float("inf")
            if type(value) not in (int, float) or not 0 <= value < end:
                raise SettingError(f"{name} is {value!r}: expected a number from 0 to below {end}")


NO_AUGMENTATION = Augmentation()


def augment(images: UInt8, augmentation: Augmentation, *, generator: np.random.Generator) -> UInt8:
    """Return uint8 images (N, H, W), each under a warp and with a pen drawn from `generator`."""
    if augmentation.flip:
        mirrored = generator.random((len(images), 1, 1)) < augmentation.flip
        images = np.where(mirrored, images[:, :, ::-1], images)
    if replace(augmentation, flip=0.0, low_resolution=0.0, erase=0.0) != NO_AUGMENTATION:
        images = _with_pen(_warped(images, augmentation, generator), augmentation, generator)
    if augmentation.low_resolution:
        images = _coarsened(images, augmentation.low_resolution, generator)
    if augmentation.erase:
        images = _erased(images, augmentation.erase, generator)
    return images


def _with_pen(images: UInt8, augmentation: Augmentation, generator: np.random.Generator) -> UInt8:
    """Return the images with strokes bolder or finer, by the grey dilation or erosion of a cross, and blurred."""
    if not (augmentation.stroke or augmentation.blur):
        return images
    growth = generator.uniform(-augmentation.stroke, augmentation.stroke, (len(images), 1, 1)).astype(np.float32)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))  # what is outside is black
    above, left = padded[:, :-2, 1:-1], padded[:, 1:-1, :-2]
    around = (padded[:, 2:, 1:-1], above, padded[:, 1:-1, 2:], left, images)
    target = np.where(growth > 0, np.max(around, axis=0), np.min(around, axis=0))
    drawn = images + np.abs(growth) * (target.astype(np.float32) - images)
    if augmentation.blur:
        deviations = generator.uniform(0, augmentation.blur, len(images)).astype(np.float32)
        down, across = (_gaussians(length, deviations) for length in images.shape[1:])
        drawn = down @ drawn @ across
    return np.asarray(drawn + 0.5, dtype=np.uint8)


def _gaussians(length: int, deviations: Float32) -> Float32:
    """Return the weight of each pixel of a row in each: (N, length, length), of unit sum in an endless row."""
    away = np.arange(1 - length, length, dtype=np.float32)
    weights = np.exp(-0.5 * (away / np.maximum(deviations, 0.01)[:, None]) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    pixels = np.arange(length)
    return weights[:, pixels[:, None] - pixels + length - 1]


def _coarsened(images: UInt8, share: float, generator: np.random.Generator) -> UInt8:
    """Return the images (N, H, W), about `share` of them reduced by a factor of their own and enlarged again."""
    chosen = np.flatnonzero(generator.random(len(images)) < share)
    down, across = (_resamplings(length) for length in images.shape[1:])
    factors = generator.integers(len(down), size=len(chosen))
    seen = down[factors] @ images[chosen].astype(np.float32) @ across[factors].transpose(0, 2, 1)
    coarse = images.copy()
    coarse[chosen] = np.clip(seen + 0.5, 0, 255)
    return coarse


def _erased(images: UInt8, share: float, generator: np.random.Generator) -> UInt8:
    """Return the images (N, H, W), about `share` of them without the ink of a rectangle somewhere in them."""
    chosen = generator.random(len(images)) < share
    down, across = (_spans(length, len(images), generator) for length in images.shape[1:])
    lost = chosen[:, None, None] & down[:, :, None] & across[:, None, :]
    return np.where(lost, np.uint8(0), images)


def _spans(length: int, n: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Return a span of `length` pixels for each of `n` images, True inside, bool (n, length)."""
    shortest, longest = ERASED_SIDES
    sides = generator.integers(shortest, longest + 1, size=(n, 1))
    starts = generator.integers(length - sides + 1)
    pixels = np.arange(length)
    return (pixels >= starts) & (pixels < starts + sides)


@cache
def _resamplings(length: int) -> Float32:
    """Return what 15 factors make of `length` pixels, (15, length, length): means, then bicubic."""
    from PIL import Image  # only this needs it

    both = []
    for n in np.rint(length * np.linspace(COARSEST, FINEST, 15)).astype(int).tolist():
        few = Image.fromarray(np.eye(length, dtype=np.float32)).resize((length, n), Image.Resampling.BOX)
        many = Image.fromarray(np.eye(n, dtype=np.float32)).resize((n, length), Image.Resampling.BICUBIC)
        both.append(np.asarray(many) @ np.asarray(few))
    return np.stack(both)


def _warped(images: UInt8, augmentation: Augmentation, generator: np.random.Generator) -> UInt8:
    """Return the images, each pixel from another place, drawn from `generator`.

    About the middle of the image, a place is matrix @ pixel + shift, and the matrix is scale @ shear @ rotation.
    """
    n, height, width = images.shape

    def drawn(reach: float) -> Float32:
        return generator.uniform(-reach, reach, (n, 1, 1)).astype(np.float32)

    angle: Float32 = drawn(augmentation.rotation) * np.float32(np.pi / 180)
    row_scale, column_scale = 1 + drawn(augmentation.scale), 1 + drawn(augmentation.scale)
    shear = drawn(augmentation.shear)
    row_shift, column_shift = drawn(augmentation.shift), drawn(augmentation.shift)
    y = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
    x = np.arange(width, dtype=np.float32) - (width - 1) / 2
    turned_y = np.cos(angle) * y - np.sin(angle) * x
    turned_x = np.sin(angle) * y + np.cos(angle) * x
    rows: Float32 = row_scale * turned_y + row_shift + np.float32((height - 1) / 2)
    columns: Float32 = column_scale * (turned_x + shear * turned_y) + column_shift + np.float32((width - 1) / 2)
    if augmentation.elastic:
        rows += augmentation.elastic * _smooth_fields(images.shape, generator)
        columns += augmentation.elastic * _smooth_fields(images.shape, generator)
    return _look_up(images, rows, columns)


def _smooth_fields(shape: tuple[int, ...], generator: np.random.Generator) -> Float32:
    """Return smooth random fields (N, H, W), at each pixel with mean 0 and standard deviation 1."""
    n, height, width = shape
    down, across = _spread(height), _spread(width)
    knots = generator.standard_normal((n, down.shape[1], across.shape[1]), dtype=np.float32)
    return np.asarray(down @ knots @ across.T, dtype=np.float32)


@cache
def _spread(length: int) -> Float32:
    """Return the weight of each knot in each pixel, (length, knots), of unit sum of squares for every pixel."""
    knots = np.arange(-KNOT_DISTANCE, length + KNOT_DISTANCE, KNOT_DISTANCE)
    away = (np.arange(length)[:, None] - knots) / KNOT_DISTANCE
    weights = np.exp(-0.5 * away**2)
    weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
    return weights.astype(np.float32)


def _look_up(images: UInt8, rows: Float32, columns: Float32) -> UInt8:
    """Return the brightness of each image at (rows, columns), all (N, H, W), rounded."""
    n, height, width = images.shape
    # Two black rows and columns on every side: whatever lies outside is moved onto them.
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    rows, columns = np.clip(rows + 2, 0, height + 2), np.clip(columns + 2, 0, width + 2)
    top, left = rows.astype(np.int32), columns.astype(np.int32)
    down, across = rows - top, columns - left
    stride = width + 4
    first = (np.arange(n, dtype=np.int32) * (height + 4) * stride)[:, None, None] + top * stride + left

    def brightness(offset: int) -> Float32:
        return np.asarray(padded.ravel().take(first + offset), dtype=np.float32)

    upper = brightness(0)
    upper += across * (brightness(1) - upper)
    lower = brightness(stride)
    lower += across * (brightness(stride + 1) - lower)
    upper += down * (lower - upper)
    upper += 0.5
    return upper.astype(np.uint8)
