"""Light, lens and file: how a camera or a scanner shows a document."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

from digitscope.data.splits import Float32, UInt8


def contrast_of(ink: dict[str, UInt8]) -> float:
    """Return the 80th percentile of the coverage by handwritten digits where there are any, 0 to 1; else 1."""
    covered = ink["digits"][ink["digits"] > 8]
    return float(np.quantile(covered, 0.8)) / 255 if len(covered) else 1.0


def lit(ink: dict[str, UInt8], paper: Float32, generator: np.random.Generator) -> UInt8:
    """Return the picture of layers (H, W) on paper, uint8 (H, W). A table lies around the paper."""
    shape = paper.shape
    brightness = generator.uniform(0.3, 1) if generator.random() < 0.5 else generator.uniform(0.75, 1)
    ground = brightness * (1 + generator.uniform(0, 0.1) * smooth(shape, 4, generator))
    if generator.random() < 0.3:
        ground = ground * (
            1 + generator.uniform(0, 0.04) * smooth(shape, int(generator.integers(30, 90)), generator)
        )
    ground = ground * _shade(shape, generator)
    darkness = generator.uniform(0, 0.35) if generator.random() < 0.75 else generator.uniform(0.35, 0.7)
    picture = _printed(ground, ink, darkness, generator)
    picture = np.where(paper > 0.5, picture, _table(picture, paper, generator))
    contrast = contrast_of(ink) * (1 - darkness) * brightness
    picture = _through_lens(picture, ink, generator)
    noise = generator.uniform(0, 0.2 if generator.random() < 0.35 else 0.06) * contrast
    picture = picture + min(noise, 0.07) * generator.standard_normal(shape, dtype=np.float32)
    if generator.random() < 0.08:  # dust
        specks = generator.integers(0, shape, (int(generator.integers(5, 80)), 2))
        picture[tuple(specks.T)] *= generator.uniform(0.3, 0.9)
    if generator.random() < 0.15:
        picture = 1 - picture
    image = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    if generator.random() < 0.3:
        image = _as_jpeg(image, int(generator.integers(15 if contrast > 0.25 else 50, 85)))
    return image


def smooth(shape: tuple[int, ...], knots: int, generator: np.random.Generator) -> Float32:
    """Return noise (H, W) of mean 0 and deviation about 1 that changes over a share 1 / `knots` of the sides."""
    coarse = generator.standard_normal((knots, knots), dtype=np.float32)
    return np.asarray(Image.fromarray(coarse).resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def _shade(shape: tuple[int, ...], generator: np.random.Generator) -> Float32:
    """Return the light on the paper: a gradient, the edges of shadows, a fold; float32 (H, W), at most about 1."""
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float32) / max(shape) - 0.5
    light = np.ones(shape, np.float32)

    def ramp(softness: float) -> Float32:
        angle = generator.uniform(0, 2 * np.pi)
        away = x * np.cos(angle) + y * np.sin(angle) - generator.uniform(-0.4, 0.4)
        return np.asarray(np.clip(away / softness + 0.5, 0, 1), dtype=np.float32)

    if generator.random() < 0.4:
        light *= 1 - generator.uniform(0, 0.5) * ramp(1.4)
    while generator.random() < 0.2:  # the edge of a shadow
        light *= 1 - generator.uniform(0.15, 0.65) * ramp(generator.uniform(0.01, 0.3))
    if generator.random() < 0.06:  # a fold, darker on one side
        edge = ramp(generator.uniform(0.2, 0.5))
        light *= 1 - generator.uniform(0.05, 0.25) * edge * (edge < 0.95)
    return light


def _printed(ground: Float32, ink: dict[str, UInt8], darkness: float, generator: np.random.Generator) -> Float32:
    """Return the ground with all layers on it; `darkness` is the share of light that handwriting leaves."""
    taken = {name: layer.astype(np.float32) / 255 for name, layer in ink.items()}
    picture: NDArray[np.floating] = ground
    if generator.random() < 0.1:  # the other side shows through
        behind = np.asarray(
            Image.fromarray(np.maximum(ink["digits"], ink["writing"])[:, ::-1]).filter(ImageFilter.GaussianBlur(1))
        )
        moved = np.roll(behind, tuple(generator.integers(0, ground.shape)), axis=(0, 1)).astype(np.float32)
        picture = picture * (1 - generator.uniform(0.03, 0.3) * (1 - darkness) * moved / 255)
    rules = generator.uniform(0.15, 1) * taken["rules"]
    picture = picture * (1 - rules * (1 - generator.uniform(0, 0.5)))
    picture = picture * (1 - taken["print"] * (1 - generator.uniform(0, 0.5)))
    grain = 1.0
    if generator.random() < 0.5:  # pencil, or a pen that skips
        knots = int(generator.integers(40, 160))
        grain = 1 - generator.uniform(0, 0.4) * np.clip(0.5 + 0.5 * smooth(ground.shape, knots, generator), 0, 1)
    hand = np.maximum(taken["digits"], taken["writing"]) * grain
    return np.asarray(picture * (1 - hand * (1 - darkness)), dtype=np.float32)


def _table(picture: Float32, paper: Float32, generator: np.random.Generator) -> Float32:
    """Return the table around the paper, most often a dark one; in some pictures it is as bright as the paper."""
    shape = picture.shape
    usual = float(picture[paper > 0.5].mean()) if (paper > 0.5).any() else 0.5
    tone = usual if generator.random() < 0.3 else generator.uniform(0, 0.5) * usual
    if generator.random() < 0.5:
        return np.asarray(tone * (1 + 0.06 * smooth(shape, 24, generator)), dtype=np.float32)
    streaks = np.asarray(Image.fromarray(smooth((shape[0], 8), 40, generator)).resize(shape[::-1]))
    grain = smooth(shape, 4, generator) + 0.6 * streaks
    return np.asarray(tone * (1 + generator.uniform(0.03, 0.25) * grain), dtype=np.float32)


def _through_lens(picture: Float32, ink: dict[str, UInt8], generator: np.random.Generator) -> Float32:
    """Return the picture slightly out of focus, or as a coarse sensor or a screen gives it."""
    kind = generator.random()
    image = Image.fromarray(picture)
    if kind < 0.4:
        return np.asarray(ndimage.gaussian_filter(picture, generator.uniform(0.2, 1.1)), dtype=np.float32)
    if kind < 0.5 and contrast_of(ink) > 0.5:
        factor = generator.uniform(1.2, 2.4)
        small = max(4, round(image.width / factor)), max(4, round(image.height / factor))
        image = image.resize(small, Image.Resampling.BOX).resize(image.size, Image.Resampling.BICUBIC)
    elif kind < 0.53:  # the pixels of a screen
        y, x = np.mgrid[: image.height, : image.width]
        period = generator.uniform(2.1, 4)
        grid = np.cos(2 * np.pi * x / period) + np.cos(2 * np.pi * y / period)
        return np.asarray(picture * (1 + generator.uniform(0.01, 0.06) * grid), dtype=np.float32)
    return np.asarray(image, dtype=np.float32)


def _as_jpeg(image: UInt8, quality: int) -> UInt8:
    stored = io.BytesIO()
    Image.fromarray(image).save(stored, "JPEG", quality=quality)
    return np.asarray(Image.open(stored).convert("L"))
