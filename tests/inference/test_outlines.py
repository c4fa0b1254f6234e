"""Ink has an outline in the picture; what is only a difference to a wrong guess of the paper has none."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.inference.outlines import has_outline
from digitscope.inference.pieces import pieces_of

Mask = NDArray[np.bool_]
PAPER, INK = 230, 40


def area(top: int, bottom: int, left: int, right: int) -> Mask:
    page = np.zeros((60, 60), bool)
    page[top:bottom, left:right] = True
    return page


def outlined(taken_for_ink: Mask, dark: Mask) -> bool:
    """Ask about the piece `taken_for_ink` on a noisy picture whose `dark` pixels are dark."""
    labels, n = ndimage.label(taken_for_ink)
    (piece,) = pieces_of(labels, n, np.ones(labels.shape, np.float32))
    noise = np.random.default_rng(0).normal(0, 3, dark.shape)
    return has_outline(piece, labels, (np.where(dark, INK, PAPER) + noise).astype(np.uint8))


@pytest.mark.parametrize(
    "stroke", [area(20, 40, 28, 32), area(28, 32, 20, 40), area(0, 20, 28, 32), area(0, 60, 0, 60)]
)
def test_a_stroke_has_an_outline_wherever_it_lies(stroke: Mask) -> None:
    assert outlined(stroke, stroke)


def test_light_ink_on_a_dark_ground_has_one() -> None:
    stroke = area(20, 40, 28, 32)
    assert outlined(stroke, ~stroke)


def test_a_stroke_has_one_beside_another_stroke() -> None:
    stroke, other = area(20, 40, 28, 32), area(10, 50, 36, 42)
    assert outlined(stroke, stroke | other)


def test_a_part_of_a_panel_between_a_tip_of_light_ink_and_its_edge_has_none() -> None:
    panel = area(0, 40, 0, 60) & ~area(10, 28, 28, 34)
    assert not outlined(area(28, 40, 26, 36), panel)


def test_a_panels_corner_has_none() -> None:
    assert not outlined(area(27, 40, 35, 40), area(0, 40, 0, 40))


def test_blurred_ink_has_one() -> None:
    labels, n = ndimage.label(area(20, 40, 28, 33))
    (piece,) = pieces_of(labels, n, np.ones(labels.shape, np.float32))
    blurred = ndimage.gaussian_filter(np.where(labels > 0, INK, PAPER).astype(float), 1.5)
    assert has_outline(piece, labels, blurred.astype(np.uint8))
