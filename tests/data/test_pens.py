"""Pen strokes: drawn, against the areas of lines; and who is held back."""

import re
from pathlib import Path

import numpy as np
import pytest

from digitscope.data.pens import FINE, Pens, cropped, draw_strokes, load_pens
from digitscope.errors import DataError

LINE = np.array([[0.0, 0.0], [30.0, 40.0]])  # 50 long


def test_the_area_of_a_line_is_length_times_width_and_two_round_ends() -> None:
    """Pillow rounds the width of a slanted line to whole parts of a pixel."""
    for width in (2.0, 7.5):
        coverage = draw_strokes([LINE], width)
        assert coverage.sum() / 255 == pytest.approx(50 * width + np.pi * width**2 / 4, abs=50 / FINE)
        assert coverage.shape == pytest.approx((40 + width, 30 + width), abs=1)


def test_a_pen_thinner_than_a_quarter_of_a_pixel_is_paler() -> None:
    level, width = np.array([[0.0, 0.0], [50.0, 0.0]]), 0.1
    assert draw_strokes([level], width).sum() / 255 == pytest.approx(50 * width, rel=0.15)


def test_drawings_are_cropped_and_those_too_large_are_empty() -> None:
    coverage = draw_strokes([LINE, LINE + 3], 3.0)
    for rim in (coverage[0], coverage[-1], coverage[:, 0], coverage[:, -1]):
        assert rim.any()
    assert draw_strokes([LINE * 1000], 3.0).shape == cropped(np.zeros((3, 3), np.uint8)).shape == (0, 0)


def test_files_that_are_missing_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no pen strokes: name the folder of pens/digits.npz by --data or DIGIT"):
        load_pens("digits")
    path = tmp_path / "pens" / "digits.npz"
    path.parent.mkdir()
    with pytest.raises(DataError, match=f"{re.escape(str(path))}: no such file: `digitscope data pens"):
        load_pens("digits", tmp_path)
    path.write_bytes(b"PK")
    with pytest.raises(DataError, match=f"{re.escape(str(path))}: no pen strokes"):
        load_pens("digits", tmp_path)


def test_a_tenth_of_the_writers_is_held_back(pens: Pens) -> None:
    kept, others = pens.rows_of(held_back=True), pens.rows_of(held_back=False)
    assert sorted([*kept, *others]) == list(range(len(pens)))
    writers, other_writers = set(pens.writers[kept]), set(pens.writers[others])
    assert not writers & other_writers
    assert len(writers) / len(writers | other_writers) == pytest.approx(0.1, abs=0.01)
    assert len(kept) / len(pens) == pytest.approx(0.1, abs=0.03)
    assert set(pens.labels[kept]) == set("0123456789")
