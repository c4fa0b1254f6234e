"""Scores of the page network: precision, recall, mean average precision, classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitscope.data.page_targets import OCTAVE, OFFSET, PARTS, PLANE
from digitscope.data.splits import UInt8
from digitscope.detections import STRIDE, Detections, decode, matched

Int = NDArray[np.int64]

# Probabilities from which a detection counts, and from which it has a part in average precision.
SURE, FAINT = 0.4, 0.05


@dataclass(frozen=True)
class PageScores:
    """Scores of written digits, and of written signs and print where a comment says so."""

    n: int  # written digits in all scenes
    precision: float  # share of the detections that are digits
    recall: float  # share of the digits that are detected
    class_accuracy: float  # share of the detected digits whose class is right
    f1: float  # harmonic mean of precision and recall; a wrong class is a miss and a false detection
    mean_average_precision: float  # mean over the ten digits, at an intersection over union of 0.5
    worst_f1: float  # mean of `f1` over the worst tenth of the scenes that have digits
    signs: float  # `f1` of written signs
    printed: float  # share of the detected digits, written and printed, whose kind is right


@dataclass(frozen=True)
class MatchedScene:
    """A scene's detections, the row of the truth of each (-1 for none), and the truth."""

    found: Detections
    rows: Int
    true_classes: Int
    true_kinds: Int
    is_ignored: NDArray[np.bool_]

    @property
    def met(self) -> tuple[Int, Int]:
        """The kind and the class of the truth of each detection, int64 (K,) each; -1 for none."""
        return np.append(self.true_kinds, -1)[self.rows], np.append(self.true_classes, -1)[self.rows]

    def counts(self, kind: int) -> Int:
        """Return the numbers of items of a kind, of detections, of right ones, and of those with right class."""
        kinds, classes = self.met
        mine = (self.found.kinds == kind) & (self.found.scores >= SURE) & ~self.is_ignored
        matches = mine & (kinds == kind)
        right = matches & (self.found.labels == classes)
        return np.array([(self.true_kinds == kind).sum(), mine.sum(), matches.sum(), right.sum()])


def score_scenes(maps: NDArray[np.floating], planes: UInt8) -> PageScores:
    """Return the scores of maps (N, 42, h, w) against planes (N, 17, h, w)."""
    scenes = _matched_scenes(maps, planes, FAINT)
    digits = np.array([scene.counts(0) for scene in scenes])
    n, found, matches, right = digits.sum(axis=0)
    with_digits = digits[digits[:, 0] > 0]
    each = np.sort(_f1(*with_digits[:, [0, 1, 3]].T))
    worst = each[: max(1, len(each) // 10)]
    signs = np.array([scene.counts(2) for scene in scenes]).sum(axis=0)
    sure = [scene.found.scores >= SURE for scene in scenes]
    told = np.concatenate([scene.found.kinds[rows] for scene, rows in zip(scenes, sure, strict=True)])
    true = np.concatenate([scene.met[0][rows] for scene, rows in zip(scenes, sure, strict=True)])
    are_digits = (told < 2) & (true >= 0) & (true < 2)
    return PageScores(
        int(n),
        float(matches / max(found, 1)),
        float(matches / max(n, 1)),
        float(right / max(matches, 1)),
        float(_f1(n, found, right)),
        float(np.mean([_average_precision(scenes, label) for label in range(10)])),
        float(worst.mean()) if len(worst) else 1.0,
        float(_f1(signs[0], signs[1], signs[3])),
        float((told == true)[are_digits].mean()) if are_digits.any() else 1.0,
    )


def f1_of_scenes(maps: NDArray[np.floating], planes: UInt8) -> NDArray[np.float64]:
    """Return `PageScores.f1` of each scene, float64 (N,); NaN for scenes without handwritten digits."""
    scenes = _matched_scenes(maps, planes, SURE)
    n, found, _, right = np.array([scene.counts(0) for scene in scenes]).T
    return np.where(n > 0, _f1(n, found, right), np.nan)


def _f1(n: Int, found: Int, right: Int) -> NDArray[np.float64]:
    return np.asarray(2 * right / np.maximum(n + found, 1))


def _matched_scenes(maps: NDArray[np.floating], planes: UInt8, threshold: float) -> list[MatchedScene]:
    pairs = zip(maps, planes, strict=True)
    return [matched_scene(decode(np.asarray(each), threshold), truth) for each, truth in pairs]


def matched_scene(found: Detections, planes: UInt8, overlap: float = 0.5, thinnest: float = 0.0) -> MatchedScene:
    """Return detections in the picture of planes (17, h, w), the best first, with the truth; see `matched`.

    Boxes are compared as if their shorter side had at least a share `thinnest` of the longer one.
    """
    true, classes, kinds = truth_of(planes)
    rows = matched(widened(found.boxes, thinnest), widened(true, thinnest), overlap)
    middles = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2 / STRIDE
    last = np.array(planes.shape[:0:-1]) - 1
    x, y = np.clip(middles.astype(int), 0, last).T
    is_ignored = (planes[PLANE["ignored"], y, x] > 0) & (rows < 0)
    return MatchedScene(found, rows, classes, kinds, is_ignored)


def widened(boxes: NDArray[np.floating], thinnest: float) -> NDArray[np.floating]:
    """Return boxes (K, 4) whose shorter side has at least a share `thinnest` of the longer one."""
    sides = boxes[:, 2:] - boxes[:, :2]
    more = np.maximum(thinnest * sides.max(axis=1, keepdims=True) - sides, 0) / 2
    return np.hstack([boxes[:, :2] - more, boxes[:, 2:] + more])


def truth_of(planes: UInt8) -> tuple[NDArray[np.float64], Int, Int]:
    """Return the boxes (K, 4), the classes and the kinds of the judged items that planes (17, h, w) describe."""
    kinds, rows, columns = np.nonzero((planes[:4] == 255) & (planes[PLANE["ignored"]] == 0))
    width, height = (2.0 ** (planes[PLANE[name], rows, columns] / OCTAVE) for name in ("width", "height"))
    right, down = (planes[PLANE[name], rows, columns] / PARTS - OFFSET for name in ("right", "below"))
    x, y = STRIDE * (columns + 0.5 + right), STRIDE * (rows + 0.5 + down)
    boxes = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
    return boxes, planes[PLANE["class"], rows, columns].astype(np.int64), kinds.astype(np.int64)


def _average_precision(scenes: list[MatchedScene], label: int) -> float:
    """Return the area under the curve of precision over recall for one digit; 1 without such a digit."""
    scores, right, n = [], [], 0
    for scene in scenes:
        mine = (scene.found.kinds == 0) & (scene.found.labels == label) & ~scene.is_ignored
        kinds, classes = scene.met
        scores.append(scene.found.scores[mine])
        right.append(((kinds == 0) & (classes == label))[mine])
        n += int(((scene.true_kinds == 0) & (scene.true_classes == label)).sum())
    hits = np.concatenate(right)[np.argsort(-np.concatenate(scores), kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * hits).sum() / n) if n else 1.0
