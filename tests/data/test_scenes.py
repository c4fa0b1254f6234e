"""Documents and their pictures: what is made, where it lies, and that equal seeds make equal ones."""

import ast
from dataclasses import replace

import numpy as np
import pytest

from digitscope.data.documents import KINDS, SIDES, make_document
from digitscope.data.drafts import LAYERS, Document, Draft
from digitscope.data.hands import Material, is_whole_sign
from digitscope.data.scenes import CROP, Scene, _turned, mosaic, photographed
from digitscope.data.typeset import random_sum
from digitscope.detections import CLASSES


def document_of(label: str, material: Material, seed: int) -> Document:
    """Return one digit or sign in the middle of empty paper."""
    draft = Draft(material, 60, (352, 352), np.random.default_rng(seed))
    writing = None
    while writing is None:
        writing = draft.hand.digit(int(label)) if label.isdecimal() else draft.hand.sign(label)
    draft.place(writing, 150, 200, "digits")
    return draft.finished()


def test_the_ink_of_a_digit_or_sign_lies_in_its_box(material: Material) -> None:
    """All but the faint rims of thin strokes, in pictures of any slant."""
    for label, seed in zip(3 * CLASSES, range(3 * len(CLASSES)), strict=True):
        document = document_of(label, material, seed)
        (item,) = document.items
        assert (item.mark.label, item.printed) == (label, False)
        scene = photographed(document, np.random.default_rng(seed), is_overview=False)
        ink = np.rot90(scene.ink["digits"], -scene.turns).astype(float)
        turned_back = _turned(replace(scene, turns=0), 4 - scene.turns) if scene.turns else scene
        for left, top, right, bottom in turned_back.truth.boxes:
            inside = ink[max(0, int(top)) : int(np.ceil(bottom)), max(0, int(left)) : int(np.ceil(right))]
            assert inside.sum() >= 0.88 * ink.sum()


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_of_each_kind(kind: str, material: Material) -> None:
    """Its items lie on it, each on ink of its layer."""
    for seed in (4, 7, 9):
        document = make_document(material, np.random.default_rng(seed), kind)
        shape = document.layers["digits"].shape
        assert list(document.layers) == list(LAYERS)
        for layer in document.layers.values():
            assert layer.dtype == np.uint8
            assert layer.shape == shape
        assert KINDS[kind].fits or shape[0] == shape[1] in range(SIDES[0], SIDES[1] + 1)
        assert KINDS[kind].sizes[0] <= document.size <= KINDS[kind].sizes[1]
        assert len(document.items) > 0 or kind in ("text", "drill", "few", "alone")
        for item in document.items:
            assert item.mark.label in CLASSES
            low, high = item.mark.outline.min(axis=0), item.mark.outline.max(axis=0)
            seen = np.minimum(high, shape[::-1]) - np.maximum(low, 0)
            assert (seen >= 0.7 * (high - low) - 1e-3).all()
            (left, top), (right, bottom) = np.maximum(low.astype(int), 0), np.ceil(high).astype(int)
            assert document.layers["print" if item.printed else "digits"][top:bottom, left:right].max() > 8


def test_equal_seeds_make_equal_documents(material: Material) -> None:
    first, second = (make_document(material, np.random.default_rng(4), "form") for _ in range(2))
    assert all(np.array_equal(layer, second.layers[name]) for name, layer in first.layers.items())
    assert len(first.items) == len(second.items) > 0
    for item, same in zip(first.items, second.items, strict=True):
        assert (item.mark.label, item.printed) == (same.mark.label, same.printed)
        assert np.array_equal(item.mark.outline, same.mark.outline)


def equal(first: Scene, second: Scene) -> bool:
    same_ink = all(np.array_equal(layer, second.ink[name]) for name, layer in first.ink.items())
    return same_ink and np.array_equal(first.image, second.image) and first.turns == second.turns


def test_equal_seeds_take_equal_pictures(material: Material) -> None:
    document = make_document(material, np.random.default_rng(0), "numbers")
    for is_overview in (None, False, True):
        first, second, other = (
            photographed(document, np.random.default_rng(seed), is_overview=is_overview) for seed in (1, 1, 2)
        )
        assert equal(first, second)
        assert not equal(first, other)
        assert first.image.shape == (CROP, CROP)
        assert first.image.dtype == np.uint8
        assert np.ptp(first.image) > 20
    first, second = (mosaic(material, np.random.default_rng(3)) for _ in range(2))
    assert equal(first, second)
    assert len(first.truth.classes) >= 4


def test_a_scene_turns_with_its_ink_and_its_boxes(material: Material) -> None:
    """Turned back, everything is where it was; the box goes where the ink goes."""
    scene = mosaic(material, np.random.default_rng(5))
    for turns in (1, 2, 3):
        turned = _turned(scene, turns)
        assert turned.turns == turns
        assert np.array_equal(np.rot90(turned.image, -turns), scene.image)
        for (left, top, right, bottom), before in zip(turned.truth.boxes, scene.truth.boxes, strict=True):
            there = np.zeros((CROP, CROP), bool)
            there[round(top) : round(bottom), round(left) : round(right)] = True
            rows, columns = np.nonzero(np.rot90(there, -turns))
            found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert found == pytest.approx(before.clip(0, CROP), abs=1)
        back = _turned(replace(turned, turns=0), 4 - turns)
        assert back.truth.boxes == pytest.approx(scene.truth.boxes)
        assert all(np.array_equal(layer, scene.ink[name]) for name, layer in back.ink.items())


def test_sums_are_sums() -> None:
    """Python can read what stands before the equals sign."""
    generator = np.random.default_rng(0)
    sums = [random_sum(generator).replace("_", "") for _ in range(300)]
    for text in sums:
        term = text.partition("=")[0].translate(str.maketrans("×÷:", "*//"))
        ast.parse(term, mode="eval")
    assert any("(" in text and not text.startswith("(") for text in sums)


def test_signs_of_pens_are_whole() -> None:
    def line(*points: tuple[float, float]) -> np.ndarray:
        return np.array(points, np.float64)

    bar, lower = line((0, 0), (9, 0)), line((0, 4), (9, 4))
    upright, slanted = line((4, -5), (4, 5)), line((0, 9), (5, 0))
    left, right = line((3, 0), (0, 5), (3, 10)), line((0, 0), (3, 5), (0, 10))
    for label, strokes, expected in (
        *(
            ("=", (bar,), False),
            ("=", (bar, lower), True),
            ("+", (upright,), False),
            ("+", (bar, upright), True),
        ),
        *(("/", (slanted,), True), ("/", (upright,), False), ("(", (left,), True), ("(", (right,), False)),
        *((")", (right,), True), (")", (slanted,), False), (")", (right, right), False), ("-", (bar,), True)),
    ):
        assert is_whole_sign(strokes, label) == expected, (label, strokes)
