"""How what the page network and the digit network say is combined: numbers fitted on made validation pages."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from digitscope.data.page_scores import matched_scene
from digitscope.data.splits import Split
from digitscope.inference.finder import PageNetwork
from digitscope.inference.judging import FEATURES, Seen, features, see, together
from digitscope.inference.recognizer import Recognizer

PULL = 1e-3
"""Penalty on the square of each weight, so that a feature which never errs gets no endless one."""


def fit_combination(pages: PageNetwork, digits: Recognizer, scenes: Split) -> dict[str, float]:
    """Return the weights that `inference.judging.judge` takes, those that make the truth of `scenes` most likely.

    First the two that the networks' log-probabilities of a digit are added up with; then, by logistic regression,
    those of the chance that a detection is a digit, is told from print, and is rightly read.
    """
    seen, labels, right_kind = evidence(pages, digits, scenes)
    known = labels >= 0

    def cost_of_labels(weights: NDArray[np.float64]) -> float:
        chosen = together(seen, *weights)[known, labels[known]]
        return float(-np.log(np.maximum(chosen, 1e-9)).mean())

    digit, page = minimize(cost_of_labels, [0.5, 0.5], method="Nelder-Mead").x
    probabilities = together(seen, digit, page)
    right = right_kind & (probabilities.argmax(axis=1) == labels)
    told = features(seen, probabilities)

    def cost_of_chances(weights: NDArray[np.float64]) -> float:
        logits = told @ weights
        return float(np.logaddexp(0, np.where(right, -logits, logits)).mean() + PULL * (weights**2).sum())

    weights = minimize(cost_of_chances, np.zeros(len(FEATURES)), method="BFGS").x
    named = {"digit": digit, "page": page, **dict(zip(FEATURES, weights, strict=True))}
    return {name: round(float(value), 4) for name, value in named.items()}


def evidence(
    pages: PageNetwork, digits: Recognizer, scenes: Split
) -> tuple[Seen, NDArray[np.int64], NDArray[np.bool_]]:
    """Return the digits that are found on scenes, which each is (-1 for none), and whether print is told apart."""
    parts, labels, right_kind = [], [], []
    for image, planes in zip(scenes.images, scenes.labels, strict=True):
        found = pages.fine(image, 1.0)
        seen = see(image, found, digits)
        scene = matched_scene(found.detections, planes)
        kept = ~scene.is_ignored[seen.rows]
        matches = scene.rows[seen.rows]
        kinds = np.append(scene.true_kinds, -1)[matches]
        classes = np.append(scene.true_classes, -1)[matches]
        parts.append([getattr(seen, name)[kept] for name in Seen.__dataclass_fields__])
        labels.append(np.where((kinds == 0) | (kinds == 1), classes, -1)[kept])
        right_kind.append((kinds == found.detections.kinds[seen.rows])[kept])
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return Seen(*joined), np.concatenate(labels), np.concatenate(right_kind)
