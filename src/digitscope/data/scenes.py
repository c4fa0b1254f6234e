"""Pictures of documents, as cameras and scanners take them, with the truth about each digit in pixels.

A picture shows a part of a document at some scale, turned and slanted, in some light, through some lens, in some file.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

from digitscope.data.documents import LAYERS, Document, make_document
from digitscope.data.hands import Material
from digitscope.data.pens import UInt8
from digitscope.detections import CLASSES

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

CROP = 256
"""Pixels of the sides of a picture that the page network trains on."""

READABLE, USUAL = (9.0, 64.0), 24.0
"""Pixels, the heights of digits in a picture that is to be read, and the usual one."""

ANY = (4.5, 220.0)
"""Pixels, the heights of digits in a picture of which only the scale is to be told."""

OVERVIEWS, TURNED, TURNED_OVERVIEWS = 0.28, 0.05, 0.5
"""Shares of the pictures at any scale, and of pictures by a quarter turn or more among the readable and the others."""

MOST_AROUND = 3.0
"""Sides of a picture, at most, in lengths of the document."""

MOST_TABLE = 0.8
"""Share of a picture's side that a document has at least where most of the picture is to be paper."""


@dataclass(frozen=True, eq=False)
class Truth:
    """The digits and signs of a picture.

    Attributes:
        classes: int64 (K,), into `CLASSES`.
        boxes: float64 (K, 4), left, top, right and bottom.
        printed: bool (K,).
        sizes: float64 (K,), pixels, the height of the digits that each was written with.
    """

    classes: NDArray[np.int64]
    boxes: Float64
    printed: NDArray[np.bool_]
    sizes: Float64


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture and its truth.

    Attributes:
        image: uint8 (CROP, CROP), grey.
        truth: its digits and signs.
        ink: the layers of the document as they lie in the picture, uint8 each.
        turns: quarter turns, clockwise, that bring it upright.
    """

    image: UInt8
    truth: Truth
    ink: dict[str, UInt8] = field(repr=False)
    turns: int = 0


def photographed(document: Document, generator: np.random.Generator, *, is_overview: bool | None = None) -> Scene:
    """Return a picture of a part of `document`; `is_overview` tells whether its scale may be any, drawn if None."""
    if is_overview is None:
        is_overview = bool(generator.random() < OVERVIEWS)
    zoom = min(4.0, _target_size(generator, is_overview=is_overview) / document.size)
    shorter, longer = sorted(document.layers["digits"].shape)
    zoom = max(zoom, CROP / (MOST_AROUND * longer))
    if shorter > MOST_TABLE * CROP and generator.random() < 0.8:
        zoom = max(zoom, CROP / (1.1 * shorter))
    place, warp = _viewed(document, zoom, generator)
    ink, paper = _seen(document, place, zoom, warp)
    matrix = np.linalg.inv(warp) @ np.array(
        [[zoom, 0, -place[0] * zoom], [0, zoom, -place[1] * zoom], [0, 0, 1.0]]
    )
    truth = _truth(document, matrix, zoom)
    image = lit(ink, paper, generator)
    turned = TURNED_OVERVIEWS if is_overview else TURNED
    turns = int(generator.integers(1, 4)) if generator.random() < turned else 0
    return _turned(Scene(image, truth, ink), turns)


def _target_size(generator: np.random.Generator, *, is_overview: bool) -> float:
    """Return the height of digits in the picture, in pixels."""
    if is_overview:
        return float(np.exp(generator.uniform(*np.log(ANY))))
    return float(np.clip(np.exp(generator.normal(np.log(USUAL), 0.42)), *READABLE))


def _viewed(
    document: Document, zoom: float, generator: np.random.Generator
) -> tuple[tuple[float, float], Float64]:
    """Return the left and top of what is seen, in pixels of the document, and how it is warped.

    The warp maps pixels of the picture to those of the enlarged document, float64 (3, 3).
    """
    height, width = next(iter(document.layers.values())).shape
    window = CROP / zoom
    if document.items and generator.random() < 0.8:
        middle = document.items[int(generator.integers(len(document.items)))].mark.outline.mean(axis=0)
        middle = middle + generator.uniform(-0.4, 0.4, 2) * window
    else:
        middle = generator.uniform(0, 1, 2) * (width, height)
    if generator.random() < 0.8:  # with little of the table
        room = np.minimum(0.42 * window, np.array([width, height]) / 2)
        middle = np.clip(middle, room, np.array([width, height]) - room)
    kind = generator.random()
    degrees = 0.0 if kind < 0.35 else generator.normal(0, 2) if kind < 0.7 else generator.uniform(-16, 16)
    angle, shear = np.deg2rad(degrees), generator.normal(0, 0.04) if kind > 0.35 else 0.0
    stretch = generator.uniform(0.9, 1.1) if kind > 0.35 else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    slant = np.array(
        [[stretch, shear, 0], [0, 1, 0], [*(generator.normal(0, 2e-4, 2) if kind > 0.8 else (0, 0)), 1]]
    )
    to_middle = np.array([[1, 0, -CROP / 2], [0, 1, -CROP / 2], [0, 0, 1.0]])
    warp = np.linalg.inv(to_middle) @ turn @ slant @ to_middle
    return (float(middle[0] - window / 2), float(middle[1] - window / 2)), warp


def _seen(
    document: Document, place: tuple[float, float], zoom: float, warp: Float64
) -> tuple[dict[str, UInt8], Float32]:
    """Return the layers in the picture, uint8 each, and where there is paper, float32 from 0 to 1."""
    room = 0 if np.array_equal(warp, np.eye(3)) else 40
    side, edge = CROP + 2 * room, room / zoom
    left, top = place[0] - edge, place[1] - edge
    box = tuple(round(each) for each in (left, top, left + side / zoom, top + side / zoom))
    shift = np.array([[1, 0, room], [0, 1, room], [0, 0, 1.0]]) @ warp
    filter_ = Image.Resampling.BOX if zoom < 1 else Image.Resampling.BICUBIC
    coefficients = (shift / shift[2, 2]).ravel()[:8].tolist()

    def view(layer: UInt8) -> UInt8:
        part = Image.fromarray(layer).crop(box)
        if part.getextrema() == (0, 0):
            return np.zeros((CROP, CROP), np.uint8)
        part = part.resize((side, side), filter_)
        if room:
            part = part.transform(
                (CROP, CROP), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR
            )
        return np.asarray(part)

    ink = {name: view(document.layers[name]) for name in LAYERS}
    paper = view(np.full(document.layers["digits"].shape, 255, np.uint8))
    return ink, paper.astype(np.float32) / 255


def _truth(document: Document, matrix: Float64, zoom: float) -> Truth:
    """Return the items that lie in the picture; `matrix` (3, 3) maps pixels of the document to those of the picture."""
    if not document.items:
        return Truth(np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0, bool), np.zeros(0))
    outlines = np.stack([item.mark.outline for item in document.items])
    seen = np.concatenate([outlines, np.ones((*outlines.shape[:2], 1))], axis=2) @ matrix.T
    seen = seen[..., :2] / seen[..., 2:]
    boxes = np.concatenate([seen.min(axis=1), seen.max(axis=1)], axis=1)
    inside = ((boxes[:, :2] < CROP) & (boxes[:, 2:] > 0)).all(axis=1)
    kept = [item for item, is_seen in zip(document.items, inside, strict=True) if is_seen]
    return Truth(
        np.array([CLASSES.index(item.mark.label) for item in kept], np.int64),
        boxes[inside],
        np.array([item.printed for item in kept], bool),
        np.array([item.size * zoom for item in kept]),
    )


def _turned(scene: Scene, turns: int) -> Scene:
    """Return the scene turned anticlockwise by `turns` quarters, as a picture that lies on its side."""
    if turns == 0:
        return scene
    left, top, right, bottom = scene.truth.boxes.T
    for _ in range(turns):
        left, top, right, bottom = top, CROP - right, bottom, CROP - left
    truth = Truth(
        scene.truth.classes, np.stack([left, top, right, bottom], axis=1), scene.truth.printed, scene.truth.sizes
    )
    ink = {name: np.rot90(layer, turns) for name, layer in scene.ink.items()}
    return Scene(np.rot90(scene.image, turns), truth, ink, turns)


def mosaic(material: Material, generator: np.random.Generator) -> Scene:
    """Return small pictures of single digits side by side, each in its own light, their edges drawn out.

    They are what drawings and cut-out digits look like at the scale at which they are read.
    """
    cells = int(generator.choice([2, 3, 4]))
    side = CROP // cells
    image = np.zeros((CROP, CROP), np.uint8)
    ink = {name: np.zeros((CROP, CROP), np.uint8) for name in LAYERS}
    truths = []
    for number in range(cells * cells):
        document = make_document(material, generator, "alone")
        size = float(np.clip(np.exp(generator.normal(np.log(USUAL), 0.3)), 10, 0.8 * side))
        zoom = min(size / document.size, side / max(document.layers["digits"].shape))
        rows, columns = (max(4, round(length * zoom)) for length in document.layers["digits"].shape)
        layers = {name: _shrunk(layer, (columns, rows)) for name, layer in document.layers.items()}
        picture = lit(layers, np.ones((rows, columns), np.float32), generator)
        above, before = (int(generator.integers(0, side - length + 1)) for length in (rows, columns))
        edges = ((above, side - rows - above), (before, side - columns - before))
        y, x = number // cells * side, number % cells * side
        image[y : y + side, x : x + side] = np.pad(picture, edges, mode="edge")
        for name, layer in layers.items():
            ink[name][y : y + side, x : x + side] = np.pad(layer, edges)
        shift = np.array([[zoom, 0, x + before], [0, zoom, y + above], [0, 0, 1.0]])
        truths.append(_truth(document, shift, zoom))
    return Scene(image, _together(truths), ink)


def _together(truths: Sequence[Truth]) -> Truth:
    return Truth(
        np.concatenate([truth.classes for truth in truths]),
        np.concatenate([truth.boxes for truth in truths]),
        np.concatenate([truth.printed for truth in truths]),
        np.concatenate([truth.sizes for truth in truths]),
    )


def _shrunk(layer: UInt8, size: tuple[int, int]) -> UInt8:
    image = Image.fromarray(layer)
    smaller = size[0] < image.width
    return np.asarray(image.resize(size, Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC))


# Light, lens and file


def contrast_of(ink: dict[str, UInt8]) -> float:
    """Return the coverage of the darker pixels of handwritten digits, from 0 to 1; 1 where there are none."""
    covered = ink["digits"][ink["digits"] > 8]
    return float(np.quantile(covered, 0.8)) / 255 if len(covered) else 1.0


def lit(ink: dict[str, UInt8], paper: Float32, generator: np.random.Generator) -> UInt8:
    """Return the picture of layers (H, W) on paper, uint8 (H, W); beyond the paper lies a table."""
    shape = paper.shape
    brightness = generator.uniform(0.3, 1) if generator.random() < 0.5 else generator.uniform(0.75, 1)
    ground = brightness * (1 + generator.uniform(0, 0.1) * smooth(shape, 4, generator))
    if generator.random() < 0.3:
        ground = ground * (
            1 + generator.uniform(0, 0.04) * smooth(shape, int(generator.integers(30, 90)), generator)
        )
    ground = ground * _shade(shape, generator)
    darkness = generator.uniform(0, 0.35) if generator.random() < 0.7 else generator.uniform(0.35, 0.75)
    picture = _printed(ground, ink, darkness, generator)
    picture = np.where(paper > 0.5, picture, _table(picture, paper, generator))
    contrast = contrast_of(ink) * (1 - darkness) * brightness
    picture = _through_lens(picture, ink, generator)
    noise = generator.uniform(0, 0.22) * contrast if generator.random() < 0.75 else 0.0
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
    return np.asarray(Image.fromarray(coarse).resize(shape[::-1], Image.Resampling.BICUBIC))


def _shade(shape: tuple[int, ...], generator: np.random.Generator) -> Float32:
    """Return the light on the paper: a gradient, the edges of shadows, a fold; float32 (H, W), at most about 1."""
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float32) / max(shape) - 0.5
    light = np.ones(shape, np.float32)

    def ramp(softness: float) -> Float32:
        angle = generator.uniform(0, 2 * np.pi)
        away = x * np.cos(angle) + y * np.sin(angle) - generator.uniform(-0.4, 0.4)
        return np.clip(away / softness + 0.5, 0, 1).astype(np.float32)

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
    picture = ground
    if generator.random() < 0.06:  # the other side shows through
        behind = np.asarray(
            Image.fromarray(np.maximum(ink["digits"], ink["writing"])[:, ::-1]).filter(ImageFilter.GaussianBlur(1))
        )
        picture = picture * (1 - generator.uniform(0.03, 0.22) * behind.astype(np.float32) / 255)
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
    """Return what lies around the paper: a table, most often a dark one, or more of the same paper."""
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
        small = tuple(max(4, round(length / factor)) for length in image.size)
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
