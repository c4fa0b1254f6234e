"""Planes of scenes: they give the truth back, and say what is not judged."""

import numpy as np
import pytest
from numpy.typing import NDArray

from digitscope.data.documents import make_document
from digitscope.data.drafts import LAYERS
from digitscope.data.hands import Material
from digitscope.data.page_scores import truth_of
from digitscope.data.page_targets import DIGITS, PAPER, PLANE, PRINT, WRITING, planes_of
from digitscope.data.scenes import CROP, READABLE, Scene, Truth, photographed
from digitscope.detections import CLASSES

Box = tuple[float, float, float, float]


def scene_of(items: list[tuple[str, Box]], *, printed: bool = False, size: float = 24, turns: int = 0) -> Scene:
    """Return a scene with these labels in these boxes, all of its ink in them."""
    boxes = np.array([box for _, box in items]).reshape(-1, 4)
    ink = {name: np.zeros((CROP, CROP), np.uint8) for name in LAYERS}
    for left, top, right, bottom in boxes.clip(0, CROP).astype(int):
        ink["print" if printed else "digits"][top:bottom, left:right] = 255
    classes = np.array([CLASSES.index(label) for label, _ in items], np.int64)
    truth = Truth(classes, boxes, np.full(len(items), printed), np.full(len(items), size))
    return Scene(255 - ink["digits"], truth, ink, turns)


ITEMS: list[tuple[str, Box]] = [
    ("7", (20.3, 30.8, 36.1, 54.9)),
    ("1", (40.0, 31.2, 44.4, 55.5)),
    ("÷", (100.6, 99.3, 118.2, 108.0)),
    ("0", (200.0, 220.0, 251.0, 255.0)),
]


def test_boxes_come_back_within_a_pixel() -> None:
    expected = {CLASSES.index(label): box for label, box in ITEMS}
    for printed in (False, True):
        boxes, classes, kinds = truth_of(planes_of(scene_of(ITEMS, printed=printed)))
        assert sorted(classes.tolist()) == sorted(expected)
        for label, box, kind in zip(classes.tolist(), boxes.tolist(), kinds.tolist(), strict=True):
            assert box == pytest.approx(expected[label], abs=1)
            assert kind == 2 * (label >= 10) + printed


def test_every_place_near_a_middle_says_the_same_box() -> None:
    """The offset leads from each place to the same middle."""
    planes = planes_of(scene_of(ITEMS[:1])).astype(float)
    rows, columns = np.nonzero(planes[PLANE["class"]] == 7)
    assert len(rows) > 1
    x = 4 * (columns + 0.5 + planes[PLANE["right"], rows, columns] / 32 - 4)
    y = 4 * (rows + 0.5 + planes[PLANE["below"], rows, columns] / 32 - 4)
    assert x == pytest.approx(np.full(len(x), 28.2), abs=0.1)
    assert y == pytest.approx(np.full(len(y), 42.85), abs=0.1)
    near = planes[0] >= 128
    assert np.array_equal(near, planes[PLANE["class"]] == 7)


@pytest.mark.parametrize(
    ("box", "size", "is_item", "is_ignored"),
    [
        ((100, 100, 104, 107), 7, False, True),  # a little too small
        ((100, 100, 104, 107), 6, False, False),  # no writing that anybody could read
        ((100, 100, 160, 180), 80, False, True),
        ((-4, 100, 16, 130), 24, True, False),  # four fifths are seen
        ((100, 246, 120, 276), 24, False, True),
    ],
)
def test_what_is_too_small_too_large_or_cut_off_is_not_judged(
    box: Box, size: float, is_item: bool, is_ignored: bool
) -> None:
    planes = planes_of(scene_of([("3", box)], size=size))
    left, top, right, bottom = (int(np.clip(end, 0, CROP - 1)) // 4 for end in box)
    places = planes[:, top : bottom + 1, left : right + 1]
    assert (planes[0] == 255).sum() == is_item
    assert (places[PLANE["ignored"]].max() == 255) == is_ignored
    assert (planes[PLANE["ignored"]] == 255).sum() <= places[0].size
    assert len(truth_of(planes)[0]) == is_item


def test_of_a_turned_scene_only_the_writing_around_is_judged() -> None:
    planes = planes_of(scene_of(ITEMS, turns=3))
    assert (planes[PLANE["ignored"]] == 255).all()
    assert len(truth_of(planes)[0]) == 0
    assert set(np.unique(planes[PLANE["turns"]])) == {3, 255}
    assert (planes[PLANE["kind"]] == DIGITS).any()


def test_the_kind_of_the_writing_and_its_size() -> None:
    scene = scene_of([("3", (40, 40, 56, 64))], size=32)
    scene.ink["writing"][120:130, 40:120] = 200
    scene.ink["print"][200:204, 40:44] = 200
    planes = planes_of(scene)
    kind = planes[PLANE["kind"]]
    assert (kind[10:16, 10:14] == DIGITS).all()
    assert (kind[30:32, 10:30] == WRITING).all()
    assert kind[50, 10] == kind[49, 10] == kind[50, 11] == PRINT
    assert kind[49, 9] == kind[0, 0] == PAPER
    assert planes[PLANE["size"], 12, 12] == 32 * np.log2(32)
    assert ((planes[PLANE["turns"]] == 255) == (kind == PAPER)).all()


def test_ink_is_told_by_quarters_of_places_as_shares_of_its_own_contrast() -> None:
    """Digits of half coverage count as full ones."""
    scene = scene_of([])
    layer = scene.ink["digits"]
    layer[40:60, 40:60] = 128
    layer[62:64, 62:64] = 64
    planes = planes_of(scene)
    parts: NDArray[np.uint8] = planes[PLANE["ink 0"] : PLANE["ink 3"] + 1]
    assert (parts[:, 10:15, 10:15] >= 254).all()  # rounded down
    assert parts[:, 15, 15].tolist() == [0, 0, 0, 127]
    assert parts.sum() == parts[:, 10:15, 10:15].sum() + 127


def test_pictures_of_documents_have_their_truth_in_their_planes(material: Material) -> None:
    """Readable digits and signs that are whole in the picture have their boxes there, unless two share a place."""
    n = n_found = 0
    for seed in range(6):
        generator = np.random.default_rng(seed)
        scene = photographed(make_document(material, generator, "table"), generator, is_overview=False)
        if scene.turns:
            continue
        boxes, classes, _ = truth_of(planes_of(scene))
        is_whole = (scene.truth.boxes >= 0).all(axis=1) & (scene.truth.boxes <= CROP).all(axis=1)
        is_readable = (scene.truth.sizes >= READABLE[0]) & (scene.truth.sizes <= READABLE[1])
        for row in np.flatnonzero(is_whole & is_readable):
            n += 1
            distances = np.abs(boxes - scene.truth.boxes[row]).max(axis=1)
            n_found += distances.min() < 1 and classes[distances.argmin()] == scene.truth.classes[row]
    assert n > 50
    assert n_found >= 0.95 * n
