"""Digits drawn from strokes, framed as MNIST's are."""

import numpy as np
import pytest

from digitscope.data.pen_digits import PenDigits, draw_digit, is_complete, pen_digits, rewritten
from digitscope.data.pens import Pens, Points


def strokes(*points: list[tuple[float, float]]) -> tuple[Points, ...]:
    return tuple(np.array(stroke, np.float64) for stroke in points)


STROKES = {
    "1": strokes([(300, 200), (500, 0), (500, 1000)], [(300, 1000), (700, 1000)]),
    "7": strokes([(0, 0), (600, 0), (200, 1000)], [(150, 500), (550, 500)]),
    "-": strokes([(0, 0), (1000, 100)]),
}


def test_the_ink_is_20_pixels_long_with_its_centre_of_mass_in_the_middle() -> None:
    for name, width in (("1", 0.05), ("7", 0.2), ("-", 0.12)):
        image = draw_digit(list(STROKES[name]), width)
        assert image.dtype == np.uint8
        assert image.shape == (28, 28)
        down, across = image.any(axis=1), image.any(axis=0)
        assert max(down.sum(), across.sum()) in (19, 20)
        rows = np.arange(28)
        for middle in (image.sum(axis=1) @ rows / image.sum(), image.sum(axis=0) @ rows / image.sum()):
            assert middle == pytest.approx(14, abs=0.51)


def test_the_pen_is_a_share_of_the_longer_side() -> None:
    """Through the middle of an upright line the levels add up to the pen's width."""
    for width in (0.1, 0.2):
        image = draw_digit(list(strokes([(0, 0), (0, 1000)])), width)
        assert image[14].sum() / 255 == pytest.approx(20 * width, abs=0.2)
        assert image.max() == 255


def test_equal_generators_draw_equal_digits_and_each_is_drawn_anew() -> None:
    digits = PenDigits((STROKES["1"], STROKES["7"]), np.array([1, 7], np.uint8), "")
    first, again = (digits.sample(20, np.random.default_rng(3)) for _ in range(2))
    assert first.images.tobytes() == again.images.tobytes()
    assert set(first.labels) == {1, 7}
    assert len({image.tobytes() for image in first.images}) == 20
    assert digits.each(np.random.default_rng(0)).labels.tolist() == [1, 7]


def test_a_hand_keeps_its_strokes() -> None:
    """Slant and stretch are small: no point moves by more than a quarter of the longer side."""
    for seed in range(20):
        hand = rewritten(STROKES["7"], np.random.default_rng(seed))
        for before, after in zip(STROKES["7"], hand, strict=True):
            assert np.abs(after - before).max() < 250


def test_incomplete_samples() -> None:
    dot, line = strokes([(5, 5), (5, 5)]), STROKES["-"]
    assert not is_complete(dot, "1")
    assert is_complete(line, "1")
    assert not is_complete(line, "4")
    assert is_complete(STROKES["7"], "7")


def test_unipen_s_digits(pens: Pens) -> None:
    kept = pen_digits(pens, held_back=True)
    assert 0.98 * len(pens.rows_of(held_back=True)) < len(kept) <= len(pens.rows_of(held_back=True))
    assert kept.sha256 == pens.sha256()
    drawn = kept.drawn(np.arange(0, len(kept), 20), np.random.default_rng(0))
    longest = np.maximum(drawn.images.any(axis=1).sum(axis=1), drawn.images.any(axis=2).sum(axis=1))
    assert set(longest) <= {19, 20}
