import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from digitscope.forms.registration import Reference

UInt8 = NDArray[np.uint8]


def page(seed: int) -> UInt8:
    """A page of words and boxes."""
    generator = np.random.default_rng(seed)
    image = Image.new("L", (840, 1188), 255)
    brush = ImageDraw.Draw(image)
    for row in range(14):
        word = "".join(generator.choice(list("ABCDEFGHIKLMNOPRSTUWabcdefghiklmnoprstuw"), 18))
        brush.text((60, 60 + 78 * row), word, fill=0, font=ImageFont.load_default(24))
        left = int(generator.integers(380, 560))
        brush.rectangle((left, 55 + 78 * row, left + 200, 95 + 78 * row), outline=0, width=2)
    return np.asarray(image)


@pytest.mark.parametrize(
    ("angle", "scale", "lean"), [(0, 1.0, 0.0), (4, 0.8, 0.0), (-5, 1.3, 2e-4), (90, 1.0, 0.0)]
)
def test_a_form_is_found_where_it_lies(angle: float, scale: float, lean: float) -> None:
    empty = page(0)
    turn = np.vstack([cv2.getRotationMatrix2D((420, 594), angle, scale), [lean, lean / 2, 1]])
    turn = np.array([[1, 0, 300], [0, 1, 200], [0, 0, 1.0]]) @ turn
    picture = np.asarray(cv2.warpPerspective(empty, turn, (1500, 1800), borderValue=90), np.uint8)
    found = Reference.of(empty).place_in(picture)
    assert found is not None
    corners = np.array([[0, 0, 1], [840, 0, 1], [840, 1188, 1], [0, 1188, 1]])
    true, seen = corners @ turn.T, corners @ found.T
    assert np.abs(true[:, :2] / true[:, 2:] - seen[:, :2] / seen[:, 2:]).max() < 3


@pytest.mark.parametrize("other", [page(1), np.full((300, 200), 255, np.uint8), page(0)[: 1188 // 3]])
def test_another_page_or_a_part_is_not_the_form(other: UInt8) -> None:
    assert Reference.of(page(0)).place_in(other) is None
