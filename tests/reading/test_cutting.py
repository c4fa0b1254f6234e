"""Ink cut out of pages whose strokes are drawn by hand."""

import numpy as np

from digitscope.reading.cutting import cut_out

NONE = np.zeros((0, 4), np.float32)


def test_ink_of_two_digits_that_touch_is_divided_between_their_centres() -> None:
    """Two upright bars, 10 pixels wide, that a stroke from column 30 to 70 joins."""
    ink = np.zeros((80, 100), np.float32)
    ink[20:60, 20:30] = ink[20:60, 70:80] = ink[38:42, 30:70] = 1
    gray = np.rint(230 - 200 * ink).astype(np.uint8)
    left, right = np.array([20, 20, 52, 60], np.float32), np.array([48, 20, 80, 60], np.float32)
    for box, other, columns in ((left, right, (20, 50)), (right, left, (50, 80))):
        own, place, contrast = cut_out(gray, box, other[None], ink, 1.0)
        assert contrast == (200, 200 / 230)
        assert own.shape == (40, 30)
        assert place.tolist() == [columns[0], 20, columns[1], 60]
        assert (own > 0.5).sum() == 40 * 10 + 4 * 20  # a bar and its half of the stroke
    alone, place, _ = cut_out(gray, left, NONE, ink, 1.0)
    assert place.tolist() == [20, 20, 56, 60]  # a tenth of the 40 pixels beyond the box
    assert (alone > 0.5).sum() == 40 * 10 + 4 * 26


def test_a_digit_inside_the_box_of_another_keeps_its_ink() -> None:
    ink = np.zeros((60, 60), np.float32)
    ink[20:40, 26:34] = 1
    gray = np.rint(230 - 200 * ink).astype(np.uint8)
    ring = np.array([[0, 0, 60, 60]], np.float32)
    own, place, _ = cut_out(gray, np.array([26, 20, 34, 40], np.float32), ring, ink, 1.0)
    assert own.shape == (20, 8)
    assert place.tolist() == [26, 20, 34, 40]
