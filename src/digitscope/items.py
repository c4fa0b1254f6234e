"""The layout of the item network: what it sees of each item that the page network finds, and what it tells.

It sees two views of an item, as two-stage detectors look at each region once more (Girshick et al. 2014, R-CNN).
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.special import logit, softmax

from digitscope.detections import CLASSES, SIGNS, Detections, Float32

UInt8 = NDArray[np.uint8]
Float64 = NDArray[np.float64]

VIEW = 32
"""Pixels of a view's sides. Two views stand side by side: the item from near, and what is around it."""

NEAR, AROUND = (1.5, 14.0), (2.5, 96.0)
"""Sides of both views, as multiples of the item's longer side, and in pixels of the picture at least."""

N_ITEM_CLASSES = 2 * len(CLASSES) + 1
NO_ITEM = N_ITEM_CLASSES - 1
"""The number of classes, and that of the last one: first `CLASSES` written, then printed, then "no item"."""

BLOCKS = (slice(0, 10), slice(21, 31), slice(10, 21), slice(31, 42))
"""The classes of each of `digitscope.detections.KINDS`."""

CLASSES_OF = (slice(0, 10), slice(10, 21))
"""The `CLASSES` that are digits, and those that are signs."""

LEAST = 1e-6
"""Probability that a kind or a class has at least, so that it has a logarithm."""


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


def kinds_of(chances: Float32, item: Float32, weights: Mapping[str, float]) -> Float64:
    """Return the probabilities of each of `digitscope.detections.KINDS`, then of no item: (K, 5).

    Their logarithms are weighted sums, up to a constant. "page" weighs the logits of the page network's `chances`
    (K, 4). "item" weighs those of the item network's kinds, from its `item` (K, 43). "bias" is added for an item.
    """
    by_page = weights["page"] * logit(np.clip(chances, LEAST, 1 - LEAST)) + weights["bias"]
    by_item = np.stack([np.logaddexp.reduce(item[:, part], axis=1) for part in (*BLOCKS, [NO_ITEM])], axis=1)
    return np.asarray(softmax(np.pad(by_page, ((0, 0), (0, 1))) + weights["item"] * by_item, axis=1))


def pooled(first: Float32, second: Float32, weights: tuple[float, float]) -> Float32:
    """Return the probabilities (K, C) whose logarithms are those of two networks, weighted, up to a constant.

    This is a logarithmic opinion pool (Hinton 2002, "Training products of experts", section 1).
    """
    return np.asarray(softmax(weights[0] * first + weights[1] * second, axis=1), dtype=np.float32)


def identified(
    found: Detections, item: Float32, weights: Mapping[str, Mapping[str, float]], signs: str = SIGNS
) -> Detections:
    """Return detections with what both networks together make of them, the most probable first.

    Args:
        found: what the page network makes of them.
        item: float32 (K, 43), the item network's logits.
        weights: those of `kinds_of`, called "kinds", and "classes", which weighs "page" and "item" by `pooled`.
        signs: those that may occur; what looks like another one is one of these, a digit or none, by Bayes' rule.
    """
    kinds = kinds_of(found.chances, item, weights["kinds"])
    of_classes = weights["classes"]["page"], weights["classes"]["item"]
    joint = np.zeros((len(found), N_ITEM_CLASSES))
    joint[:, NO_ITEM] = kinds[:, -1]
    for kind, part in enumerate(BLOCKS):
        by_page = found.log_probabilities[:, CLASSES_OF[kind // 2]]
        joint[:, part] = kinds[:, [kind]] * pooled(by_page, item[:, part], of_classes)
    occurs = [name not in SIGNS or name in signs for name in CLASSES]
    joint *= np.array([*occurs, *occurs, True])
    joint /= np.maximum(joint.sum(axis=1, keepdims=True), LEAST)
    chances = np.stack([joint[:, part].sum(axis=1) for part in BLOCKS], axis=1).astype(np.float32)
    of_class = np.maximum(joint[:, : len(CLASSES)] + joint[:, len(CLASSES) : NO_ITEM], LEAST)
    given = [of_class[:, part] / of_class[:, part].sum(axis=1, keepdims=True) for part in CLASSES_OF]
    order = np.argsort(-chances.max(axis=1), kind="stable")
    told = {"scores": chances.max(axis=1), "kinds": chances.argmax(axis=1), "chances": chances}
    return replace(found, **told, log_probabilities=np.log(np.hstack(given)).astype(np.float32))[order]
