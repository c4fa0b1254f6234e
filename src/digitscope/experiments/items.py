"""Examples for the item network, what the shipped page network finds on made pages, and scores on them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from digitscope.data.hands import Material
from digitscope.data.page_batches import make_scenes
from digitscope.data.page_scores import matched_scene
from digitscope.data.page_targets import PLANE
from digitscope.data.splits import Split, UInt8
from digitscope.detections import CLASSES, Detections, decode
from digitscope.items import NO_ITEM, label_of, views_of
from digitscope.metrics import Floats, evaluate_logits
from digitscope.reading.finder import LEAST_SCORE, PageNetwork
from digitscope.reading.shipped import shipped_path

MATCHED, THINNEST = 0.3, 0.4
"""The least intersection over union of a detection with the item that it shows, as `matched_scene` compares them.

Without the second number, a pixel more or less would decide about a hyphen.
"""

ONE_WAY = [CLASSES.index(label) for label in "347"]
"""Digits that look like no digit on their side and upside down."""


def made_items(material: Material, groups: int, seed: int) -> Split:
    """Return what is found on `groups` groups of scenes; equal seeds give equal items."""
    made = [make_items(material, (seed, number)) for number in range(groups)]
    return Split(np.concatenate([each.images for each in made]), np.concatenate([each.labels for each in made]))


def make_items(material: Material, seed: tuple[int, ...]) -> Split:
    """Return what is found on a group of scenes: uint8 (K, 32, 64), with labels as of `digitscope.items`.

    In pictures on their side or upside down, what is taken for one of `ONE_WAY` is no item. The rest is left out.
    """
    images, labels = [], []
    for image, found, known in found_in_scenes(_page_network(), material, seed):
        images.append(views_of(image, found.boxes))
        labels.append(known)
    return Split(np.concatenate(images), np.concatenate(labels))


def found_in_scenes(
    network: PageNetwork, material: Material, seed: tuple[int, ...]
) -> Iterator[tuple[UInt8, Detections, UInt8]]:
    """Yield each scene of a group, what `network` finds there, and the labels (K,) of that."""
    scenes = make_scenes(material, seed)
    for image, planes in zip(scenes.images, scenes.labels, strict=True):
        scene = matched_scene(decode(network.maps(image), LEAST_SCORE), planes, MATCHED, THINNEST)
        known = np.append(label_of(scene.true_classes, scene.true_kinds % 2 == 1), NO_ITEM)[scene.rows]
        is_turned = bool(planes[PLANE["ignored"]].all())
        is_judged = np.isin(scene.found.labels, ONE_WAY) if is_turned else ~scene.is_ignored
        yield image, scene.found[is_judged], known[is_judged].astype(np.uint8)


@dataclass(frozen=True)
class ItemScores:
    """Scores of `n` detections.

    `accuracy` is the share whose class is right, "no item" being one. Of written digits, `precision` is the share
    of those told that are right, and `recall` of those detected; `signs` is the harmonic mean of both for written
    signs. `nll` is in nats; `ece` has 15 equal-width bins (Guo et al. 2017, equation 3).
    """

    n: int
    accuracy: float
    precision: float
    recall: float
    signs: float
    nll: float
    ece: float


def score_items(logits: Floats, labels: UInt8) -> ItemScores:
    """Return the scores of `logits` (N, 43) against `labels` (N,).

    Raises:
        DataError: the shapes do not belong together, or there is nothing to score.
    """
    scores, told = evaluate_logits(logits, labels), logits.argmax(axis=1)

    def precision_and_recall(first: int, end: int) -> tuple[float, float]:
        right = int(((first <= labels) & (labels < end) & (told == labels)).sum())
        found, true = (int(((first <= each) & (each < end)).sum()) for each in (told, labels))
        return right / max(found, 1), right / max(true, 1)

    digits, signs = precision_and_recall(0, 10), precision_and_recall(10, len(CLASSES))
    f1 = 2 * signs[0] * signs[1] / max(sum(signs), 1e-9)
    return ItemScores(scores.n, scores.accuracy, *digits, f1, scores.nll, scores.ece)


@cache
def _page_network() -> PageNetwork:
    return PageNetwork(shipped_path("page"), threads=1)
