import numpy as np
import pytest

from digitscope.data.lines import distances_from_line


def test_by_hand() -> None:
    """From (1, 1) to (1, 4): straight above and below it, beyond its ends, and on it."""
    away = distances_from_line((5, 8), (1, 1), (1, 4))
    assert away.shape == (5, 8)
    expected = {(1, 1): 0, (1, 3): 0, (4, 2): 3, (0, 4): 1, (1, 7): 3, (4, 0): np.hypot(3, 1), (0, 5): np.sqrt(2)}
    for place, distance in expected.items():
        assert away[place] == pytest.approx(distance)


def test_it_is_the_distance_to_the_nearest_of_many_points() -> None:
    start, end = np.array([2.5, 20.0]), np.array([17.0, 3.5])
    points = start + np.linspace(0, 1, 2_001)[:, None] * (end - start)
    pixels = np.moveaxis(np.indices((20, 24)), 0, -1)
    nearest = np.linalg.norm(pixels[:, :, None] - points, axis=-1).min(axis=-1)
    np.testing.assert_allclose(distances_from_line((20, 24), start, end), nearest, atol=1e-2)


def test_a_line_without_length_is_a_point() -> None:
    assert distances_from_line((4, 4), (0, 0), (0, 0))[3, 3] == pytest.approx(np.sqrt(18))
