"""Pictures of documents, as cameras and scanners take them, with the truth about each digit in pixels.

A picture shows a part of a document at some scale, turned and slanted, in some light, through a lens, from a file.
"""

import io
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

from digitscope.data.documents import make_document
from digitscope.data.drafts import LAYERS, Document, Point
from digitscope.data.hands import Material
from digitscope.data.splits import Float32, Float64, UInt8
from digitscope.detections import CLASSES

Ink = dict[str, UInt8]

# Pixels of a picture's sides in training.
CROP = 256

# Pixels: the lowest and the highest digits that are to be read, and the usual height.
READABLE, USUAL = (9.0, 64.0), 24.0

# Pixels: the lowest and the highest digits in pictures of any scale, which teach the scale.
ANY = (4.5, 220.0)

# Share of the pictures at any scale; shares of turned pictures among the readable ones and among the others.
OVERVIEWS, TURNED, TURNED_OVERVIEWS = 0.28, 0.05, 0.5

# Shares of a mosaic's pictures with nothing but noise, and of low resolution; of these, in black and white.
BLANK, COARSE, BINARY = 0.06, 0.2, 0.2

# A picture's sides are at most three times as long as the document.
MOST_AROUND = 3.0

# Share of a picture's side that a document must fill so that it may be enlarged to fill the picture.
MOST_TABLE = 0.8


class Truth(NamedTuple):
    """The digits and signs of a picture."""

    classes: NDArray[np.int64]  # (K,), into `CLASSES`
    boxes: Float64  # (K, 4), left, top, right and bottom
    printed: NDArray[np.bool_]  # (K,)
    sizes: Float64  # (K,), pixels, the height of the digits that each was written with


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture and its truth."""

    image: UInt8  # (CROP, CROP), grey
    truth: Truth
    ink: Ink  # the layers of the document as they lie in the picture
    turns: int = 0  # quarter turns, clockwise, that bring it upright


def photographed(document: Document, generator: np.random.Generator, *, is_overview: bool | None = None) -> Scene:
    """Return a picture of a part of `document`. Its scale may be any if `is_overview`, which is drawn if None."""
    if is_overview is None:
        is_overview = bool(generator.random() < OVERVIEWS)
    if is_overview:
        size = float(np.exp(generator.uniform(*np.log(ANY))))
    else:
        size = float(np.clip(np.exp(generator.normal(np.log(USUAL), 0.42)), *READABLE))
    zoom = min(4.0, size / document.size)
    shorter, longer = sorted(document.layers["digits"].shape)
    zoom = max(zoom, CROP / (MOST_AROUND * longer))
    if shorter > MOST_TABLE * CROP and generator.random() < 0.8:
        zoom = max(zoom, CROP / (1.1 * shorter))
    place, warp = _viewed(document, zoom, generator)
    ink, paper = _seen(document, place, zoom, warp)
    enlarged = np.array([[zoom, 0, -place[0] * zoom], [0, zoom, -place[1] * zoom], [0, 0, 1.0]])
    truth = _truth(document, np.linalg.inv(warp) @ enlarged, zoom)
    image = lit(ink, paper, generator)
    turned = TURNED_OVERVIEWS if is_overview else TURNED
    turns = int(generator.integers(1, 4)) if generator.random() < turned else 0
    return _turned(Scene(image, truth, ink), turns)


def _viewed(document: Document, zoom: float, generator: np.random.Generator) -> tuple[Point, Float64]:
    """Return the left and top of the seen part, in pixels of the document, and its warp.

    The warp maps pixels of the picture to those of the enlarged document, float64 (3, 3).
    """
    height, width = document.layers["digits"].shape
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
    vanishing = generator.normal(0, 2e-4, 2) if kind > 0.8 else (0, 0)
    slant = np.array([[stretch, shear, 0], [0, 1, 0], [*vanishing, 1]])
    to_middle = np.array([[1, 0, -CROP / 2], [0, 1, -CROP / 2], [0, 0, 1.0]])
    warp = np.linalg.inv(to_middle) @ turn @ slant @ to_middle
    return (float(middle[0] - window / 2), float(middle[1] - window / 2)), warp


def _seen(document: Document, place: Point, zoom: float, warp: Float64) -> tuple[Ink, Float32]:
    """Return the layers in the picture, uint8 each, and the share of paper at each pixel, float32."""
    room = 0 if np.array_equal(warp, np.eye(3)) else 40
    side, edge = CROP + 2 * room, room / zoom
    left, top = place[0] - edge, place[1] - edge
    box = round(left), round(top), round(left + side / zoom), round(top + side / zoom)
    shift = np.array([[1, 0, room], [0, 1, room], [0, 0, 1.0]]) @ warp
    coefficients = (shift / shift[2, 2]).ravel()[:8].tolist()

    def view(layer: UInt8) -> UInt8:
        part = Image.fromarray(layer).crop(box)
        if part.getextrema() == (0, 0):
            return np.zeros((CROP, CROP), np.uint8)
        part = _resized(part, (side, side))
        if room:
            perspective, bilinear = Image.Transform.PERSPECTIVE, Image.Resampling.BILINEAR
            part = part.transform((CROP, CROP), perspective, coefficients, bilinear)
        return np.asarray(part)

    ink = {name: view(document.layers[name]) for name in LAYERS}
    paper = view(np.full(document.layers["digits"].shape, 255, np.uint8))
    return ink, np.asarray(paper.astype(np.float32) / 255)


def _truth(document: Document, matrix: Float64, zoom: float) -> Truth:
    """Return the items that lie in the picture; `matrix` (3, 3) maps the document's pixels to the picture's."""
    if not document.items:
        return Truth(np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0, bool), np.zeros(0))
    outlines = np.stack([item.mark.outline for item in document.items])
    seen = np.concatenate([outlines, np.ones((*outlines.shape[:2], 1))], axis=2) @ matrix.T
    seen = seen[..., :2] / seen[..., 2:]
    boxes = np.concatenate([seen.min(axis=1), seen.max(axis=1)], axis=1)
    inside = ((boxes[:, :2] < CROP) & (boxes[:, 2:] > 0)).all(axis=1)
    kept = [document.items[row] for row in np.flatnonzero(inside)]
    return Truth(
        np.array([CLASSES.index(item.mark.label) for item in kept], np.int64),
        boxes[inside],
        np.array([item.printed for item in kept], bool),
        np.array([item.size * zoom for item in kept]),
    )


def _turned(scene: Scene, turns: int) -> Scene:
    if turns == 0:
        return scene
    left, top, right, bottom = scene.truth.boxes.T
    for _ in range(turns):
        left, top, right, bottom = top, CROP - right, bottom, CROP - left
    truth = scene.truth._replace(boxes=np.stack([left, top, right, bottom], axis=1))
    ink = {name: np.rot90(layer, turns) for name, layer in scene.ink.items()}
    return Scene(np.rot90(scene.image, turns), truth, ink, turns)


def mosaic(material: Material, generator: np.random.Generator) -> Scene:
    """Return small pictures of one to three digits side by side, each in its own light.

    Drawings and cut-out digits look so at the scale at which they are read; some show nothing but noise. The usual
    shade of each picture's rim is around it.
    """
    cells = int(generator.choice([2, 3, 4]))
    side = CROP // cells
    image = np.zeros((CROP, CROP), np.uint8)
    ink = {name: np.zeros((CROP, CROP), np.uint8) for name in LAYERS}
    truths = []
    for number in range(cells * cells):
        y, x = number // cells * side, number % cells * side
        if generator.random() < BLANK:
            noise = np.exp(generator.uniform(0, 4)) * generator.standard_normal((side, side))
            image[y : y + side, x : x + side] = np.clip(generator.uniform(20, 240) + noise, 0, 255)
            continue
        document = make_document(material, generator, "alone")
        size = float(np.clip(np.exp(generator.normal(np.log(USUAL), 0.3)), 10, 0.8 * side))
        zoom = min(size / document.size, side / max(document.layers["digits"].shape))
        height, width = document.layers["digits"].shape
        wide = min(zoom * np.exp(generator.normal(0, 0.2)), side / width)  # old collections are stretched
        rows, columns = max(4, round(height * zoom)), max(4, round(width * wide))
        sheets = {name: Image.fromarray(layer) for name, layer in document.layers.items()}
        layers = {name: np.asarray(_resized(sheet, (columns, rows))) for name, sheet in sheets.items()}
        picture = lit(layers, np.ones((rows, columns), np.float32), generator)
        if generator.random() < COARSE:
            picture = _coarse(picture, size / generator.uniform(7, 15), generator)
        rim = np.median(np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]]))
        above, before = (int(generator.integers(0, side - length + 1)) for length in (rows, columns))
        edges = ((above, side - rows - above), (before, side - columns - before))
        image[y : y + side, x : x + side] = np.pad(picture, edges, constant_values=int(rim))
        for name, layer in layers.items():
            ink[name][y : y + side, x : x + side] = np.pad(layer, edges)
        shift = np.array([[wide, 0, x + before], [0, zoom, y + above], [0, 0, 1.0]])
        truths.append(_truth(document, shift, zoom))
    return Scene(image, Truth(*map(np.concatenate, zip(*truths, strict=True))), ink)


def _coarse(picture: UInt8, factor: float, generator: np.random.Generator) -> UInt8:
    """Return a picture as one with fewer pixels by `factor` along each axis looks when it is enlarged."""
    small = np.asarray(_reduced(Image.fromarray(picture), factor))
    if generator.random() < BINARY:
        small = 255 * (small > small.mean()).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize(picture.shape[::-1], Image.Resampling.BICUBIC))


def _reduced(image: Image.Image, factor: float) -> Image.Image:
    size = max(4, round(image.width / factor)), max(4, round(image.height / factor))
    return image.resize(size, Image.Resampling.BOX)


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image.resize(size, Image.Resampling.BOX if size[0] < image.width else Image.Resampling.BICUBIC)


def contrast_of(ink: Ink) -> float:
    """Return the 80th percentile of the coverage by handwritten digits where there are any, 0 to 1; else 1."""
    covered = ink["digits"][ink["digits"] > 8]
    return float(np.quantile(covered, 0.8)) / 255 if len(covered) else 1.0


def lit(ink: Ink, paper: Float32, generator: np.random.Generator) -> UInt8:
    """Return the picture of layers (H, W) on paper, uint8 (H, W). A table lies around the paper."""
    shape = paper.shape
    brightness = generator.uniform(0.3, 1) if generator.random() < 0.5 else generator.uniform(0.75, 1)
    ground = brightness * (1 + generator.uniform(0, 0.1) * smooth(shape, 4, generator))
    if generator.random() < 0.3:
        depth, knots = generator.uniform(0, 0.04), int(generator.integers(30, 90))
        ground = ground * (1 + depth * smooth(shape, knots, generator))
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
        stored = io.BytesIO()
        Image.fromarray(image).save(
            stored, "JPEG", quality=int(generator.integers(15 if contrast > 0.25 else 50, 85))
        )
        image = np.asarray(Image.open(stored).convert("L"))
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


def _printed(ground: Float32, ink: Ink, darkness: float, generator: np.random.Generator) -> Float32:
    """Return the ground with all layers on it; `darkness` is the share of light that handwriting leaves."""
    taken = {name: layer.astype(np.float32) / 255 for name, layer in ink.items()}
    picture: NDArray[np.floating] = ground
    if generator.random() < 0.1:  # the other side shows through
        back = Image.fromarray(np.maximum(ink["digits"], ink["writing"])[:, ::-1])
        behind = np.asarray(back.filter(ImageFilter.GaussianBlur(1)))
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


def _through_lens(picture: Float32, ink: Ink, generator: np.random.Generator) -> Float32:
    """Return the picture slightly out of focus, or as a coarse sensor or a screen gives it."""
    kind = generator.random()
    image = Image.fromarray(picture)
    if kind < 0.4:
        return np.asarray(ndimage.gaussian_filter(picture, generator.uniform(0.2, 1.1)), dtype=np.float32)
    if kind < 0.5 and contrast_of(ink) > 0.5:
        factor = generator.uniform(1.2, 2.4)
        image = _reduced(image, factor).resize(image.size, Image.Resampling.BICUBIC)
    elif kind < 0.53:  # the pixels of a screen
        y, x = np.mgrid[: image.height, : image.width]
        period = generator.uniform(2.1, 4)
        grid = np.cos(2 * np.pi * x / period) + np.cos(2 * np.pi * y / period)
        return np.asarray(picture * (1 + generator.uniform(0.01, 0.06) * grid), dtype=np.float32)
    return np.asarray(image, dtype=np.float32)
