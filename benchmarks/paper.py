"""Sheets of paper, and the effects of light, lens, sensor and file format: the pictures behind `pages`.

A picture is float32 (H, W, 3), red, green, blue, from 0 black to 1 white; a mask is float32 (H, W) from 0 to 1.
"""

from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from digitscope.data.splits import Float32

Owners = NDArray[np.int32]
Shape = tuple[int, int]
Field = tuple[float, float, float, float, int]
"""A form's field: left, top, right and bottom in pixels, and how many cells it has."""

A4_LONG_SIDE, HOLE_DISTANCE, HOLE_INSET, HOLE_RADIUS = 297.0, 80.0, 12.0, 3.0
"""Millimetres, ISO 216 and ISO 838."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """The writing on a page, before it has a colour.

    Attributes:
        coverage: mask, how much of a pixel is under ink.
        owner: int32 (H, W), the number of the digit that the ink belongs to, from 1; 0 for none.
        page: mask, 1 where there is paper and 0 where there is the table.
        size: pixels, the height of a digit.
        pitch: pixels from one baseline to the next.
        baselines: pixels from the top, one for each line.
        fields: the form's printed parts around the numbers.
    """

    coverage: Float32
    owner: Owners
    page: Float32
    size: float
    pitch: float
    baselines: tuple[float, ...]
    fields: tuple[Field, ...] = ()

    @property
    def shape(self) -> Shape:
        """Height and width in pixels."""
        height, width = self.owner.shape
        return height, width


# The sheet as an object


def smooth_noise(shape: Shape, reach: float, generator: np.random.Generator) -> Float32:
    """Return noise (H, W) of mean 0 and standard deviation 1 that varies over `reach` pixels."""
    height, width = shape
    knots = generator.standard_normal((int(height / reach) + 4, int(width / reach) + 4), dtype=np.float32)
    noise = np.asarray(Image.fromarray(knots).resize((width, height), Image.Resampling.BICUBIC))
    return np.asarray((noise - noise.mean()) / noise.std(), dtype=np.float32)


def punched(sheet: Sheet) -> Sheet:
    """Return the sheet with the two holes of a binder in its left margin."""
    height, width = sheet.shape
    mm = max(height, width) / A4_LONG_SIDE
    y, x = np.ogrid[:height, :width]
    page = sheet.page.copy()
    for side in (-0.5, 0.5):
        away = np.hypot(y - height / 2 - side * HOLE_DISTANCE * mm, x - HOLE_INSET * mm)
        page *= np.clip(away - HOLE_RADIUS * mm + 0.5, 0, 1).astype(np.float32)
    return replace(sheet, page=page)


def laid_on_table(sheet: Sheet, border: int) -> Sheet:
    """Return the sheet with `border` pixels of table on every side."""
    return replace(
        sheet,
        coverage=np.pad(sheet.coverage, border),
        owner=np.pad(sheet.owner, border),
        page=np.pad(sheet.page, border),
        baselines=tuple(y + border for y in sheet.baselines),
    )


def turned(sheet: Sheet, degrees: float, *, keystone: tuple[float, float] = (0.0, 0.0)) -> Sheet:
    """Return the sheet turned about its middle, and seen at a slant.

    `keystone` is the share by which the picture shrinks from the middle to the edge, down and across.
    """
    height, width = sheet.shape
    middle = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    slant = np.eye(3)
    slant[2, :2] = 2 * keystone[1] / width, 2 * keystone[0] / height
    places = middle @ turn @ slant @ np.linalg.inv(middle)
    places /= places[2, 2]

    def seen(values: NDArray[Any], resample: Image.Resampling) -> NDArray[Any]:
        picture = Image.fromarray(values)
        warp = Image.Transform.PERSPECTIVE
        moved = picture.transform(picture.size, warp, places.ravel()[:8].tolist(), resample=resample)
        return np.asarray(moved, dtype=values.dtype)

    linear, nearest = Image.Resampling.BILINEAR, Image.Resampling.NEAREST
    # Beyond its edge a page that fills the picture goes on.
    page = seen(sheet.page, linear) if sheet.page.min() < 1 else sheet.page
    return replace(sheet, coverage=seen(sheet.coverage, linear), owner=seen(sheet.owner, nearest), page=page)


# Grounds


def white_paper(sheet: Sheet, generator: np.random.Generator) -> Float32:
    """Return white paper, a little warm, with faint fibres and clouds."""
    warmth = np.array([0, 0.005, 0.02], dtype=np.float32) * generator.uniform(0, 1.5)
    fibres = 0.006 * smooth_noise(sheet.shape, 1.6, generator) + 0.004 * smooth_noise(sheet.shape, 40, generator)
    return generator.uniform(0.92, 0.97) + fibres[..., np.newaxis] - warmth


def ruled_paper(sheet: Sheet, generator: np.random.Generator) -> Float32:
    """Return white paper with a rule under every line, blue or grey, half the time with a red margin."""
    paper = white_paper(sheet, generator)
    rules = _rules(sheet.shape, sheet.pitch, sheet.baselines[0] + 0.08 * sheet.size, generator)
    paper = printed(paper, rules, _print_colour(generator), generator.uniform(0.4, 1))
    if generator.random() < 0.5:
        height, width = sheet.shape
        margin = _rules((width, height), 10.0 * width, generator.uniform(0.03, 0.05) * width, generator).T
        paper = printed(paper, margin, np.array([0.9, 0.45, 0.45]), generator.uniform(0.5, 1))
    return paper


def squared_paper(sheet: Sheet, generator: np.random.Generator) -> Float32:
    """Return white paper with squares, 0.55 to 1.2 times as high as a digit, blue or grey."""
    paper = white_paper(sheet, generator)
    pitch, colour, strength = (
        sheet.size * generator.uniform(0.55, 1.2),
        _print_colour(generator),
        generator.uniform(0.3, 0.8),
    )
    across = _rules(sheet.shape, pitch, sheet.baselines[0] + 0.08 * sheet.size, generator)
    down = _rules(sheet.shape[::-1], pitch, generator.uniform(0, pitch), generator).T
    return printed(paper, np.maximum(across, down), colour, strength)


def panelled_paper(sheet: Sheet, generator: np.random.Generator) -> Float32:
    """Return white paper with a dark panel behind about half of the lines."""
    paper = white_paper(sheet, generator)
    n = len(sheet.baselines)
    covered = max(1, n // 2)
    first = int(generator.integers(n - covered + 1))
    # A digit ends near its baseline: the gap between two lines is what the pitch leaves over its height.
    rise = sheet.size + 0.5 * (sheet.pitch - sheet.size)
    top, bottom = sheet.baselines[first] - rise, sheet.baselines[first + covered - 1] + sheet.pitch - rise
    height, width = sheet.shape
    left, right = generator.uniform(0.01, 0.04, 2) * width
    y, x = np.ogrid[:height, :width]
    inside = (y >= top) & (y < bottom) & (x >= left) & (x < width - right)
    dark = generator.uniform(0.08, 0.2) + generator.uniform(-0.03, 0.06, 3)
    panel = dark + 0.006 * smooth_noise(sheet.shape, 1.6, generator)[..., np.newaxis]
    return np.where(inside[..., np.newaxis], panel, paper).astype(np.float32)


def board(sheet: Sheet, generator: np.random.Generator) -> Float32:
    """Return a black or green board with traces of the sponge."""
    colours = np.array([[0.13, 0.14, 0.14], [0.1, 0.2, 0.16], [0.09, 0.12, 0.17]])
    height, width = sheet.shape
    streaks = smooth_noise((height, max(4, width // 12)), 12, generator)
    wiped = np.asarray(Image.fromarray(streaks).resize((width, height), Image.Resampling.BICUBIC))
    dust = 0.02 * wiped + 0.02 * smooth_noise(sheet.shape, 90, generator)
    dust += 0.012 * smooth_noise(sheet.shape, 1.6, generator)
    return np.asarray(generator.choice(colours) + dust[..., np.newaxis], dtype=np.float32)


def table_around(paper: Float32, sheet: Sheet, generator: np.random.Generator) -> Float32:
    """Return `paper` with a dark wooden table where `sheet` has no page, and the page's shadow on it."""
    height, width = sheet.shape
    grain = smooth_noise((height, max(4, width // 40)), 5, generator)
    wood = np.asarray(Image.fromarray(grain).resize((width, height), Image.Resampling.BICUBIC))
    colour = np.array([0.27, 0.19, 0.13], dtype=np.float32) * generator.uniform(0.6, 1.2)
    table = colour * (1 + 0.1 * wood + 0.04 * smooth_noise(sheet.shape, 1.6, generator))[..., np.newaxis]
    shade = np.roll(ndimage.gaussian_filter(sheet.page, 5), generator.integers(2, 7, 2), axis=(0, 1))
    table *= 1 - 0.5 * shade[..., np.newaxis]
    page = sheet.page[..., np.newaxis]
    return np.asarray(page * paper + (1 - page) * table, dtype=np.float32)


def _rules(shape: Shape, pitch: float, offset: float, generator: np.random.Generator) -> Float32:
    """Return a mask of horizontal rules of 1 to 2 pixels, tilted by up to half a degree."""
    angle = np.deg2rad(generator.uniform(-0.5, 0.5))
    thickness = generator.uniform(1, 2)
    y, x = np.ogrid[: shape[0], : shape[1]]
    turns = (np.cos(angle) * y + np.sin(angle) * (x - shape[1] / 2) - offset) / pitch
    away = pitch * np.abs(turns - np.round(turns))
    return np.asarray(np.clip(thickness / 2 + 0.5 - away, 0, 1), dtype=np.float32)


def _print_colour(generator: np.random.Generator) -> NDArray[np.float64]:
    return np.array([0.45, 0.62, 0.9]) if generator.random() < 0.6 else np.full(3, 0.5)


def printed(paper: Float32, mask: Float32, colour: NDArray[np.float64], strength: float) -> Float32:
    """Return the picture with `mask` printed on it in `colour` (3,), thinly if `strength` is below 1."""
    return np.asarray(paper * (1 - strength * mask[..., np.newaxis] * (1 - colour)), dtype=np.float32)


def from_behind(ink: Float32) -> Float32:
    """Return a mask of ink as it shows on the other side of the paper: mirrored and blurred."""
    return np.asarray(ndimage.gaussian_filter(ink[:, ::-1], 1.5), dtype=np.float32)


# Light and lens


def plain(picture: Float32, _size: float, _generator: np.random.Generator) -> Float32:
    """Return the picture as it is: even light, a sharp lens."""
    return picture


def uneven_light(picture: Float32, _size: float, generator: np.random.Generator) -> Float32:
    """Return the picture lit from one side: the far corner gets 0.3 to 0.5 of the light, and it is warmer."""
    height, width = picture.shape[:2]
    angle = generator.uniform(0, 2 * np.pi)
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    away = (np.cos(angle) * x + np.sin(angle) * y) / (abs(np.cos(angle)) + abs(np.sin(angle)))
    away = (away + 1) / 2 + 0.015 * smooth_noise((height, width), 300, generator)
    light = 1 - (1 - generator.uniform(0.3, 0.5)) * np.clip(away, 0, 1) ** generator.uniform(0.8, 1.6)
    warmth = np.array([0, 0.03, 0.1]) * generator.uniform(0, 1)
    return np.asarray(picture * (light[..., np.newaxis] - warmth), dtype=np.float32)


def shadowed(picture: Float32, _size: float, generator: np.random.Generator) -> Float32:
    """Return the picture with the shadow of a hand or a phone: 0.4 to 0.65 of the light is left, a little blue."""
    height, width = picture.shape[:2]
    angle = generator.uniform(0, 2 * np.pi)
    y, x = np.ogrid[: float(height), : float(width)]
    y, x = y - generator.uniform(0.35, 0.65) * height, x - generator.uniform(0.35, 0.65) * width
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    if generator.random() < 0.5:  # a phone: one rounded corner of it
        corner = generator.uniform(20, 60)
        inside = -np.hypot(np.maximum(along, 0), np.maximum(across - 0.2 * width, 0)) + corner
    else:  # a hand: an edge with a few knuckles
        knuckles = np.abs(np.sin(across / generator.uniform(50, 90) + generator.uniform(0, 6)))
        inside = generator.uniform(20, 45) * knuckles - along
    depth = 1 / (1 + np.exp(-np.clip(inside / generator.uniform(3, 12), -30, 30)))
    left = generator.uniform(0.4, 0.65) + np.array([-0.02, 0, 0.02])
    return np.asarray(picture * (1 - depth[..., np.newaxis] * (1 - left)), dtype=np.float32)


def out_of_focus(picture: Float32, size: float, generator: np.random.Generator) -> Float32:
    """Return the picture blurred by a Gaussian of 0.03 to 0.05 times the digits' height."""
    sigma = size * generator.uniform(0.03, 0.05)
    return np.asarray(ndimage.gaussian_filter(picture, (sigma, sigma, 0)), dtype=np.float32)


# Sensor and file


def with_noise(picture: Float32, deviation: float, generator: np.random.Generator) -> Float32:
    """Return the picture with noise of this standard deviation, three quarters of its variance in brightness."""
    grey = generator.standard_normal((*picture.shape[:2], 1), dtype=np.float32)
    colour = generator.standard_normal(picture.shape, dtype=np.float32)
    return np.asarray(picture + deviation * (0.866 * grey + 0.5 * colour), dtype=np.float32)


def as_bytes(picture: Float32) -> NDArray[np.uint8]:
    """Return the picture as uint8 (H, W, 3), rounded, what is too bright or too dark cut off."""
    return np.asarray(np.rint(np.clip(picture, 0, 1) * 255), dtype=np.uint8)


def through_jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return uint8 (H, W, 3) as a JPEG file of this quality (1 to 95) keeps it, colours at half resolution."""
    stored = BytesIO()
    Image.fromarray(image).save(stored, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(stored) as opened:
        return np.asarray(opened.convert("RGB"), dtype=np.uint8)
