"""How what the page network and the digit network say is combined: numbers fitted on made validation pages."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.optimize import minimize

from digitscope.data.busy_pages import BUSY_NUISANCES, make_busy_page
from digitscope.data.hands import Material
from digitscope.data.pages import NUISANCES, Page, make_page
from digitscope.detections import matched
from digitscope.inference.finder import PageNetwork
from digitscope.inference.judging import FEATURES, Seen, features, see, together
from digitscope.inference.recognizer import Recognizer

PULL = 1e-3
"""Penalty on the square of each weight, so that a feature which never errs gets no endless one."""

PAGES_OF_EACH, SEED = 3, 77
"""Validation pages with each nuisance, and what their seeds begin with."""

NONE = -1
"""The label of what is no digit."""


def fit_combination(network: PageNetwork, digits: Recognizer, pages: Iterable[Page]) -> dict[str, float]:
    """Return the weights that `inference.judging.judge` takes: those that make the truth of `pages` most likely.

    First the two that the networks' log-probabilities of a digit are added up with; then, by logistic regression,
    those of the chance that a detection is a digit, is told from print, and is rightly read.
    """
    seen, labels, is_told = evidence(network, digits, pages)
    known = labels != NONE

    def cost_of_labels(weights: NDArray[np.float64]) -> float:
        chosen = together(seen, *weights)[known, labels[known]]
        return float(-np.log(np.maximum(chosen, 1e-9)).mean())

    digit, page = minimize(cost_of_labels, [0.5, 0.5], method="Nelder-Mead").x
    probabilities = together(seen, digit, page)
    right = is_told & (probabilities.argmax(axis=1) == labels)
    told = features(seen, probabilities)

    def cost_of_chances(weights: NDArray[np.float64]) -> float:
        logits = told @ weights
        return float(np.logaddexp(0, np.where(right, -logits, logits)).mean() + PULL * (weights**2).sum())

    weights = minimize(cost_of_chances, np.zeros(len(FEATURES)), method="BFGS").x
    named = {"digit": digit, "page": page, **dict(zip(FEATURES, weights, strict=True))}
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


def evidence(
    network: PageNetwork, digits: Recognizer, pages: Iterable[Page]
) -> tuple[Seen, NDArray[np.int64], NDArray[np.bool_]]:
    """Return the digits that are found on `pages`, what each is (`NONE` for none), and if print is told apart."""
    parts, labels, is_told = [], [], []
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
        rows = matched(seen.boxes, boxes)
        classes, kinds = np.append(truth[:, 4], NONE)[rows], np.append(truth[:, 5], NONE)[rows]
        parts.append([getattr(seen, name) for name in Seen.__dataclass_fields__])
        labels.append(classes)
        is_told.append(kinds == found.detections.kinds[seen.rows])
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return Seen(*joined), np.concatenate(labels), np.concatenate(is_told)
