"""Fit the weights that combine what the networks say of pages, on synthetic validation pages."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from scipy.optimize import minimize

from benchmarks.busy_pages import BUSY_NUISANCES, make_busy_page
from benchmarks.plain_pages import NUISANCES, Page, PlacedDigit, make_page
from benchmarks.signs import KINDS as TEXT_KINDS
from benchmarks.signs import picture
from digitscope.data.documents import make_document
from digitscope.data.hands import Material
from digitscope.data.page_scores import widened
from digitscope.data.scenes import photographed
from digitscope.data.splits import Split, UInt8
from digitscope.detections import CLASSES, Detections, decode, matched
from digitscope.experiments.items import MATCHED, THINNEST, found_in_scenes
from digitscope.items import BLOCKS, CLASSES_OF, LEAST, NO_ITEM, kinds_of, label_of, pooled, views_of
from digitscope.reading.finder import LEAST_SCORE, Finder, PageNetwork
from digitscope.reading.judging import FEATURES, Seen, features, see
from digitscope.reading.recognizer import Recognizer

SAME, TOUCHED = 0.4, 0.05
"""Intersection over union from which a detection is a digit of a page, and the only one of a small picture."""

PULL = 1e-3
"""L2 penalty of the regression, so that a feature that never errs gets a finite weight."""

PAGES_OF_EACH, SCENES, SMALL, GROUPS, TEXTS, SEED = 3, 400, 2000, 100, 600, 77
"""Validation pages with each nuisance, scenes, small pictures, groups of scenes, texts, and how seeds begin."""

HEIGHTS = (20.0, 45.0)
"""Pixels of the digits of texts: those of scenes that are read, or nearly."""

PAGE_ALONE: Mapping[str, dict[str, float]] = MappingProxyType(
    {"kinds": {"page": 1.0, "item": 0.0, "bias": 0.0}, "classes": {"page": 1.0, "item": 0.0}}
)
"""Weights for small pictures: they lack the surroundings among which the item network has learned."""

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
) -> dict[str, dict[str, dict[str, float]]]:
    """Return the numbers by which the three networks are combined; see `Finder.combinations`.

    `page` is the file of the page network. The pages and texts are written with `material`. The items of all
    scenes weigh as much as those of all texts: scenes alone have too many that are none, texts too few.
    """
    finder = Finder(PageNetwork(page, threads=1), items)
    scenes = [each for k in range(GROUPS) for each in found_in_scenes(finder.network, material, (SEED + 3, k))]
    texts = [found_in_text(finder.network, material, (SEED + 4, k)) for k in range(TEXTS)]
    fitted = {"pages": fit_items(items, scenes, texts), "small": dict(PAGE_ALONE)}
    finder.combinations = fitted
    pages = chain(validation_pages(material), validation_scenes(material))
    small = (small_picture(material.digits, np.random.default_rng([SEED + 1, k])) for k in range(SMALL))
    for name, some in (("pages", pages), ("small", small)):
        fitted[name]["digits"] = fit_digits(finder, digits, some)
    return fitted


FoundItems = tuple[UInt8, Detections, UInt8]
"""A picture, uint8 (H, W), what the page network finds there, and the labels (K,) of that."""


def fit_items(items: Recognizer, *sources: Sequence[FoundItems]) -> dict[str, dict[str, float]]:
    """Return the maximum-likelihood weights for `digitscope.items.identified`; all sources count alike."""
    parts = []
    for source in sources:
        told = [
            (found.chances, found.log_probabilities, items.logits(views_of(image, found.boxes)), known)
            for image, found, known in source
        ]
        arrays = [np.concatenate(each) for each in zip(*told, strict=True)]
        parts.append([*arrays, np.full(len(arrays[0]), 1 / len(arrays[0]))])
    chances, page, item, labels, shares = (np.concatenate(each) for each in zip(*parts, strict=True))
    blocks = (*BLOCKS, slice(NO_ITEM, NO_ITEM + 1))
    kinds = np.argmax([(part.start <= labels) & (labels < part.stop) for part in blocks], axis=0)
    rows = np.arange(len(labels))

    def cost_of_kinds(weights: NDArray[np.float64]) -> float:
        told = kinds_of(chances, item, dict(zip(("page", "item", "bias"), weights, strict=True)))
        return float(-shares @ np.log(np.maximum(told[rows, kinds], LEAST)))

    def cost_of_classes(weights: NDArray[np.float64]) -> float:
        cost = 0.0
        for kind, part in enumerate(BLOCKS):
            mine = kinds == kind
            told = pooled(page[mine, CLASSES_OF[kind // 2]], item[mine, part], (weights[0], weights[1]))
            right = told[np.arange(len(told)), labels[mine].astype(int) - part.start]
            cost -= float(shares[mine] @ np.log(np.maximum(right, LEAST)))
        return cost

    by_kind = minimize(cost_of_kinds, [1.0, 0.5, 0.0], method="Nelder-Mead").x
    by_class = minimize(cost_of_classes, [0.5, 0.5], method="Nelder-Mead").x
    return {"kinds": _named(("page", "item", "bias"), by_kind), "classes": _named(("page", "item"), by_class)}


def found_in_text(network: PageNetwork, material: Material, seed: tuple[int, ...]) -> FoundItems:
    """Return a number with signs on clean paper, what `network` finds there, and the labels (K,) of that."""
    generator = np.random.default_rng(seed)
    write = list(TEXT_KINDS.values())[seed[-1] % len(TEXT_KINDS)]
    image, marks = picture(material, write(generator), generator, HEIGHTS)
    found = decode(network.maps(image), LEAST_SCORE)
    true = np.array([[*mark.outline.min(axis=0), *mark.outline.max(axis=0)] for mark in marks])
    classes = np.array([CLASSES.index(mark.label) for mark in marks])
    rows = matched(widened(found.boxes, THINNEST), widened(true, THINNEST), MATCHED)
    return (
        image,
        found,
        np.append(label_of(classes, np.zeros(len(classes), np.bool_)), NO_ITEM)[rows].astype(np.uint8),
    )


def fit_digits(finder: Finder, digits: Recognizer, pages: Iterable[Page]) -> dict[str, float]:
    """Return the maximum-likelihood weights for `reading.judging.judge` on `pages`.

    First come the two weights of the networks' log-probabilities. Then one logistic regression fits the chance
    that a detection is a digit whose label and kind, written or print, are right.
    """
    seen, labels, is_told, counts = evidence(finder, digits, pages)
    known = labels != NONE

    def cost_of_labels(weights: NDArray[np.float64]) -> float:
        chosen = pooled(seen.of_digit, seen.of_finder, (weights[0], weights[1]))[known, labels[known]]
        return float(-np.log(np.maximum(chosen, 1e-9)).mean())

    digit, by_finder = minimize(cost_of_labels, [0.5, 0.5], method="Nelder-Mead").x
    probabilities = pooled(seen.of_digit, seen.of_finder, (digit, by_finder))
    right = is_told & (probabilities.argmax(axis=1) == labels)
    told = features(seen, probabilities)

    def cost_of_chances(weights: NDArray[np.float64]) -> float:
        logits = told @ weights
        losses = np.logaddexp(0, np.where(right, -logits, logits))
        return float(np.average(losses, weights=counts) + PULL * (weights**2).sum())

    weights = minimize(cost_of_chances, np.zeros(len(FEATURES)), method="BFGS").x
    return _named(("digit", "finder", *FEATURES), [digit, by_finder, *weights])


def _named(names: Sequence[str], values: Iterable[float]) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in zip(names, values, strict=True)}


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
    finder: Finder, digits: Recognizer, pages: Iterable[Page]
) -> tuple[Seen, NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]:
    """Return the digits that are found on `pages`, what each is (`NONE` for none), and if print is told apart.

    The last are their weights: a small picture counts once, however many digits noise seems to have.
    """
    parts, labels, is_told, counts = [], [], [], []
    for page in pages:
        gray = np.asarray(Image.fromarray(page.image).convert("L"))
        found = finder.find(gray)
        if found.turns:  # of a page on its side the truth lies otherwise: there is nothing to match
            continue
        seen = see(gray, found, digits)
        true = [(*digit.box, digit.label, 0) for digit in page.digits]
        true += [(*digit.box, digit.label, 1) for digit in page.printed]
        truth = np.array(true, np.int64).reshape(-1, 6)
        boxes = np.column_stack([truth[:, :2], truth[:, :2] + truth[:, 2:4]])
        rows = matched(seen.boxes, boxes, TOUCHED if found.on == "small" else SAME)
        classes, kinds = np.append(truth[:, 4], NONE)[rows], np.append(truth[:, 5], NONE)[rows]
        parts.append([getattr(seen, name) for name in Seen.__dataclass_fields__])
        labels.append(classes)
        is_told.append(kinds == found.detections.kinds[seen.rows] % 2)
        counts.append(np.full(len(rows), 1 / max(len(rows), 1) if found.on == "small" else 1.0))
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return Seen(*joined), np.concatenate(labels), np.concatenate(is_told), np.concatenate(counts)
