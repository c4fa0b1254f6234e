"""The layout of the item network: what it sees of each item that the page network finds, and what it tells.

It sees two views of an item, as two-stage detectors look at each region once more (Girshick et al. 2014, R-CNN).
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.special import log_softmax, softmax

from digitscope.detections import ALL, CLASSES, Detections, Float32

UInt8 = NDArray[np.uint8]
Float64 = NDArray[np.float64]

VIEW = 32
"""Pixels of a view's sides. Two views stand side by side: the item from near, and what is around it."""

NEAR, AROUND = (1.5, 14.0), (2.5, 96.0)
"""Sides of both views, as multiples of the item's longer side, and in pixels of the picture at least."""

N_ITEM_CLASSES = 2 * len(CLASSES) + 1
NO_ITEM = N_ITEM_CLASSES - 1
"""`CLASSES` written, then printed, then whatever is no item: the number of them, and the last one's."""

BLOCKS = (slice(0, 10), slice(21, 31), slice(10, 21), slice(31, 42))
"""The classes of each of `digitscope.detections.KINDS`."""

CLASSES_OF = (slice(0, 10), slice(10, 21))
"""The `CLASSES` that are digits, and those that are signs."""

LEAST = 1e-9
"""Probability that a class has at least, so that it has a logarithm."""


def label_of(classes: NDArray[np.integer], printed: NDArray[np.bool_]) -> UInt8:
    """Return the item network's classes of items, by their `CLASSES` (K,) and whether they are printed (K,)."""
    return np.asarray(classes + len(CLASSES) * printed, dtype=np.uint8)


def name_of(label: int) -> str:
    """Return what an item of the item network's class `label` is, for people."""
    if label == NO_ITEM:
        return "no item"
    printed, place = divmod(label, len(CLASSES))
    return f"printed {CLASSES[place]}" if printed else CLASSES[place]


def views_of(picture: UInt8, boxes: Float32) -> UInt8:
    """Return both views of each item of a picture, uint8 (H, W), whose digits are some 30 pixels high.

    Args:
        picture: what the page network saw.
        boxes: float32 (K, 4), left, top, right and bottom in its pixels.

    Returns:
        uint8 (K, 32, 64): the item from near, and to the right of it its surroundings. Outside of the picture is
        the usual shade of its rim.
    """
    shown = np.zeros((len(boxes), VIEW, 2, VIEW), np.uint8)
    longer = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=1)
    reach = np.stack([np.maximum(share * longer, least) / 2 for share, least in (NEAR, AROUND)], axis=1)
    margin = int(reach.max(initial=0)) + 1
    middles = np.clip((boxes[:, :2] + boxes[:, 2:]) / 2, 0, picture.shape[::-1]) + margin
    rim = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    image = Image.fromarray(np.pad(picture, margin, constant_values=int(np.median(rim))))
    for row, (x, y) in enumerate(middles.tolist()):
        for place, half in enumerate(reach[row].tolist()):
            view = image.resize((VIEW, VIEW), Image.Resampling.BILINEAR, (x - half, y - half, x + half, y + half))
            shown[row, :, place] = np.asarray(view)
    return shown.reshape(-1, VIEW, 2 * VIEW)


def pooled(page: Float32, item: Float32, weights: Mapping[str, float]) -> Float64:
    """Return the probabilities (K, C) whose logarithms are both networks', weighted, up to a constant.

    This is a logarithmic opinion pool (Hinton 2002, "Training products of experts", section 1); its `weights` are
    "page" and "item".
    """
    return np.asarray(softmax(weights["page"] * page + weights["item"] * item, axis=1), dtype=np.float64)


def identified(
    found: Detections, logits: Float32, weights: Mapping[str, float], possible: str = ALL
) -> Detections:
    """Return detections with what the item network makes of them, the most probable first.

    Which kind an item is, and whether it is one, the page network tells. Its class, given the kind, is of both.

    Args:
        found: what the page network makes of them.
        logits: float32 (K, 43), the item network's.
        weights: of both, see `pooled`.
        possible: the digits and signs that occur; what looks like another one is one of these or none, by Bayes'
            rule.
    """
    by_page, by_item = found.chances.astype(np.float64), log_softmax(logits, axis=1)
    by_page /= np.maximum(by_page.sum(axis=1, keepdims=True), 1)
    joint = np.zeros((len(found), N_ITEM_CLASSES))
    joint[:, NO_ITEM] = 1 - by_page.sum(axis=1)
    for kind, part in enumerate(BLOCKS):
        classes = pooled(found.log_probabilities[:, CLASSES_OF[kind // 2]], by_item[:, part], weights)
        joint[:, part] = by_page[:, [kind]] * classes
    occurs = [name in possible for name in CLASSES]
    joint *= np.array([*occurs, *occurs, True])
    joint /= np.maximum(joint.sum(axis=1, keepdims=True), LEAST)
    by_kind, reconsidered = (
        np.stack([each[:, part].sum(axis=1) for part in BLOCKS], axis=1).astype(np.float32)
        for each in (joint, np.exp(by_item))
    )
    of_class = np.maximum(joint[:, : len(CLASSES)] + joint[:, len(CLASSES) : NO_ITEM], LEAST)
    given = [of_class[:, part] / of_class[:, part].sum(axis=1, keepdims=True) for part in CLASSES_OF]
    order = np.argsort(-by_kind.max(axis=1), kind="stable")
    told = {"scores": by_kind.max(axis=1), "kinds": by_kind.argmax(axis=1), "chances": by_kind}
    log_probabilities = np.log(np.hstack(given)).astype(np.float32)
    return replace(found, **told, reconsidered=reconsidered, log_probabilities=log_probabilities)[order]
