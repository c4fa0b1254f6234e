"""Fit the weights that combine what the networks say of pages, on synthetic validation pages."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from scipy.optimize import minimize

from benchmarks.busy_pages import BUSY_NUISANCES, make_busy_page
from benchmarks.plain_pages import NUISANCES, Page, PlacedDigit, make_page
from digitscope.data.documents import make_document
from digitscope.data.hands import Material
from digitscope.data.scenes import photographed
from digitscope.data.splits import Float32, Split, UInt8
from digitscope.detections import KINDS, matched
from digitscope.experiments.items import found_in_scenes
from digitscope.items import BLOCKS, CLASSES_OF, pooled, views_of
from digitscope.reading.finder import PageNetwork
from digitscope.reading.judging import FEATURES, Seen, features, see, together
from digitscope.reading.recognizer import Recognizer

SAME, TOUCHED = 0.4, 0.05
"""Intersection over union from which a detection is a digit of a page, and the only one of a small picture."""

PULL = 1e-3
"""L2 penalty of the regression, so that a feature that never errs gets a finite weight."""

PAGES_OF_EACH, SCENES, SMALL, GROUPS, SEED = 3, 400, 2000, 60, 77
"""Validation pages with each nuisance, scenes, small pictures, groups of scenes, and how their seeds begin."""

SIDES = (8, 16, 20, 28, 56, 112)
"""Sides of small pictures, in pixels; old data sets of digits have 8 and more."""

NOISY = 0.05
"""Share of the small pictures that show nothing but noise."""

INK = 60
"""Level of a digit's image from which a pixel is ink."""

NONE = -1
"""The label of a detection that is no digit."""


def fit_combinations(
    page: Path, items: Recognizer, digits: Recognizer, material: Material
) -> dict[str, dict[str, float]]:
    """Return what `fit_pool` finds for "items", and `fit_combination` for "pages" and for "small" pictures.

    `page` is the file of the page network. The pages are written with `material`.
    """
    network = PageNetwork(page, threads=1, items=items)
    pool = fit_pool(network, items, material)
    network.combinations = {"items": pool}
    small = (small_picture(material.digits, np.random.default_rng([SEED + 1, number])) for number in range(SMALL))
    pages = chain(validation_pages(material), validation_scenes(material))
    return {
        "items": pool,
        "pages": fit_combination(network, digits, pages),
        "small": fit_combination(network, digits, small),
    }


def fit_pool(network: PageNetwork, items: Recognizer, material: Material) -> dict[str, float]:
    """Return the maximum-likelihood weights for `digitscope.items.pooled` on the items of scenes."""
    opinions: list[list[tuple[Float32, Float32, NDArray[np.int64]]]] = [[] for _ in KINDS]
    for number in range(GROUPS):
        for image, found, labels in found_in_scenes(network, material, (SEED + 3, number)):
            logits = items.logits(views_of(image, found.boxes))
            for kind, part in enumerate(BLOCKS):
                mine = (part.start <= labels) & (labels < part.stop)
                by_page = found.log_probabilities[mine, CLASSES_OF[kind // 2]]
                opinions[kind].append((by_page, logits[mine, part], labels[mine].astype(np.int64) - part.start))
    joined = [tuple(map(np.concatenate, zip(*parts, strict=True))) for parts in opinions]

    def cost(weights: NDArray[np.float64]) -> float:
        named = dict(zip(("page", "item"), weights, strict=True))
        chosen = [pooled(page, item, named)[np.arange(len(truth)), truth] for page, item, truth in joined]
        return float(-np.log(np.maximum(np.concatenate(chosen), 1e-9)).mean())

    weights = minimize(cost, [0.5, 0.5], method="Nelder-Mead").x
    return {name: round(float(weight), 4) for name, weight in zip(("page", "item"), weights, strict=True)}


def fit_combination(network: PageNetwork, digits: Recognizer, pages: Iterable[Page]) -> dict[str, float]:
    """Return the maximum-likelihood weights for `reading.judging.judge` on `pages`.

    First come the two weights of the networks' log-probabilities. Then one logistic regression fits the chance
    that a detection is a digit whose label and kind, written or print, are right.
    """
    seen, labels, is_told, counts = evidence(network, digits, pages)
    known = labels != NONE

    def cost_of_labels(weights: NDArray[np.float64]) -> float:
        chosen = together(seen, *weights)[known, labels[known]]
        return float(-np.log(np.maximum(chosen, 1e-9)).mean())

    digit, item = minimize(cost_of_labels, [0.5, 0.5], method="Nelder-Mead").x
    probabilities = together(seen, digit, item)
    right = is_told & (probabilities.argmax(axis=1) == labels)
    told = features(seen, probabilities)

    def cost_of_chances(weights: NDArray[np.float64]) -> float:
        logits = told @ weights
        losses = np.logaddexp(0, np.where(right, -logits, logits))
        return float(np.average(losses, weights=counts) + PULL * (weights**2).sum())

    weights = minimize(cost_of_chances, np.zeros(len(FEATURES)), method="BFGS").x
    named = {"digit": digit, "item": item, **dict(zip(FEATURES, weights, strict=True))}
    return {name: round(float(value), 4) for name, value in named.items()}


def validation_pages(material: Material) -> Iterator[Page]:
    """Yield upright pages with every nuisance, written with `material`."""
    for number in range(PAGES_OF_EACH):
        for place, name in enumerate(NUISANCES):
            generator = np.random.default_rng([SEED, number, place])
            yield make_page(material.digits, nuisance=name, generator=generator)
        for place, name in enumerate(BUSY_NUISANCES):
            generator = np.random.default_rng([SEED, number, len(NUISANCES) + place])
            yield make_busy_page(material, nuisance=name, generator=generator)


def validation_scenes(material: Material) -> Iterator[Page]:
    """Yield upright parts of documents of all kinds, written with `material`, in the light of photos."""
    for number in range(SCENES):
        generator = np.random.default_rng([SEED + 2, number])
        scene = photographed(make_document(material, generator), generator, is_overview=False)
        if scene.turns:
            continue
        truth = scene.truth
        edges = np.rint(truth.boxes).astype(int)
        boxes = np.column_stack([edges[:, :2], edges[:, 2:] - edges[:, :2]]).tolist()
        placed: tuple[list[PlacedDigit], list[PlacedDigit]] = [], []
        for label, (left, top, width, height), printed in zip(truth.classes, boxes, truth.printed, strict=True):
            if label < 10:
                placed[int(printed)].append(PlacedDigit(int(label), (left, top, width, height), 0))
        yield Page(np.repeat(scene.image[..., None], 3, axis=2), tuple(placed[0]), (), "scene", tuple(placed[1]))


def small_picture(digits: Split, generator: np.random.Generator) -> Page:
    """Return a digit cut out to its rims or with some margin, light or dark, or noise alone, as a small page."""
    side = int(generator.choice(SIDES))
    row = int(generator.integers(len(digits)))
    margin = int(generator.integers(0, 5))
    tight = np.pad(_tight(digits.images[row]), margin)
    image = Image.fromarray(tight)
    image = ImageOps.pad(image, (max(image.size),) * 2).resize((side, side), Image.Resampling.BOX)
    gray = np.asarray(image, np.float64)
    is_noise = generator.random() < NOISY
    if is_noise:
        gray = generator.normal(generator.uniform(20, 230), generator.uniform(5, 60), gray.shape)
    elif generator.random() < 0.5:
        gray = 255 - gray
    pixels = np.clip(gray, 0, 255).astype(np.uint8)
    rows, columns = (np.flatnonzero((np.asarray(image) > INK).any(axis=axis)) for axis in (1, 0))
    box = (int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    placed = () if is_noise else (PlacedDigit(int(digits.labels[row]), box, 0),)
    return Page(np.repeat(pixels[..., None], 3, axis=2), placed, (), "small")


def _tight(image: UInt8) -> UInt8:
    rows, columns = (np.flatnonzero((image > INK).any(axis=axis)) for axis in (1, 0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def evidence(
    network: PageNetwork, digits: Recognizer, pages: Iterable[Page]
) -> tuple[Seen, NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]:
    """Return the digits that are found on `pages`, what each is (`NONE` for none), and if print is told apart.

    The last are their weights: a small picture counts once, however many digits noise seems to have.
    """
    parts, labels, is_told, counts = [], [], [], []
    for page in pages:
        gray = np.asarray(Image.fromarray(page.image).convert("L"))
        found = network.find(gray)
        if found.turns:  # of a page on its side the truth lies otherwise: there is nothing to match
            continue
        seen = see(gray, found, digits)
        true = [(*digit.box, digit.label, 0) for digit in page.digits]
        true += [(*digit.box, digit.label, 1) for digit in page.printed]
        truth = np.array(true, np.int64).reshape(-1, 6)
        boxes = np.column_stack([truth[:, :2], truth[:, :2] + truth[:, 2:4]])
        rows = matched(seen.boxes, boxes, TOUCHED if found.is_small else SAME)
        classes, kinds = np.append(truth[:, 4], NONE)[rows], np.append(truth[:, 5], NONE)[rows]
        parts.append([getattr(seen, name) for name in Seen.__dataclass_fields__])
        labels.append(classes)
        is_told.append(kinds == found.detections.kinds[seen.rows] % 2)
        counts.append(np.full(len(rows), 1 / max(len(rows), 1) if found.is_small else 1.0))
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return Seen(*joined), np.concatenate(labels), np.concatenate(is_told), np.concatenate(counts)
