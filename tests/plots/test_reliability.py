import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from digitscope.errors import DataError
from digitscope.metrics import expected_calibration_error
from digitscope.plots import reliability_diagram
from digitscope.plots.evaluations import BEYOND, WITHIN
from digitscope.plots.saving import figure_bytes

Floats = NDArray[np.float64]
Labels = NDArray[np.uint8]


def reader(*bins: tuple[float, int, int]) -> tuple[Floats, Labels]:
    """Return what a reader says that reads 3 with each confidence so many times, and is right so many times."""
    sure = np.repeat([confidence for confidence, _, _ in bins], [n for _, n, _ in bins])
    probabilities = np.repeat((1 - sure)[:, np.newaxis] / 9, 10, axis=1)
    probabilities[:, 3] = sure
    labels = np.concatenate([np.where(np.arange(n) < right, 3, 5) for _, n, right in bins])
    return probabilities, labels.astype(np.uint8)


def calibrated(n: int, *, seed: int = 12321) -> tuple[Floats, Labels]:
    """Return `n` readings whose labels are drawn with the very probabilities that are said."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(10, 0.02), n)
    drawn = probabilities.cumsum(axis=1) > rng.random((n, 1))
    return probabilities, drawn.argmax(axis=1).astype(np.uint8)


def bars(axes: Axes) -> list[Rectangle]:
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def tick_at(axes: Axes, name: str) -> float:
    """Return where the y axis has the number `name`."""
    ticks = zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)
    return next(float(place) for label, place in ticks if label.get_text() == name)


def words(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.texts)


def test_bars_end_at_the_accuracy_of_their_bin() -> None:
    figure = reliability_diagram(
        *reader((0.3, 100, 50), (0.85, 1000, 980), (0.97, 1000, 950), (0.9999, 1000, 1000))
    )
    axes = figure.axes[0]
    tops = [bar.get_height() for bar in bars(axes)]
    assert tops == pytest.approx([tick_at(axes, name) for name in ("50", "98", "95", "100")])
    assert {bar.get_y() for bar in bars(axes)} == {0}
    assert tick_at(axes, "0") == 0
    edges = dict(zip([label.get_text() for label in axes.get_xticklabels()], axes.get_xticks(), strict=True))
    inside = [("0", "50"), ("80", "90"), ("95", "98"), ("99.9", "100")]
    for bar, (left, right) in zip(bars(axes), inside, strict=True):
        assert edges[left] < bar.get_x() < bar.get_x() + bar.get_width() < edges[right]


def test_each_nine_is_as_far_as_the_one_before() -> None:
    axes = reliability_diagram(*reader((0.9, 20_000, 18_000))).axes[0]
    steps = np.diff([tick_at(axes, name) for name in ("0", "90", "99", "99.9", "99.99")])
    assert steps == pytest.approx([1, 1, 1, 1])
    assert axes.get_xticks().tolist() == axes.get_yticks().tolist()
    assert axes.get_xlim() == axes.get_ylim()
    assert tick_at(axes, "100") == axes.get_ylim()[1] > tick_at(axes, "99.99")


def test_the_counts_and_the_misread_stand_below() -> None:
    axes = reliability_diagram(*reader((0.3, 100, 50), (0.85, 1000, 980), (0.97, 5000, 4950))).axes[1]
    counts = {
        round(text.get_position()[0], 6): text.get_text() for text in axes.texts if text.get_text() != "misread"
    }
    assert list(counts.values()) == ["100", "1,000", "5,000"]
    wrong = dict(
        zip(np.round(axes.get_xticks(), 6), (label.get_text() for label in axes.get_xticklabels()), strict=True)
    )
    assert [wrong[place] for place in counts] == ["50", "20", "50"]
    assert sum(text != "" for text in wrong.values()) == 3
    assert [bar.get_height() for bar in bars(axes) if bar.get_height()] == [100, 1000, 5000]


def test_dots_lie_on_the_diagonal_at_the_mean_confidence() -> None:
    axes = reliability_diagram(*reader((0.9, 300, 250), (0.99, 700, 690))).axes[0]
    (dots,) = (line for line in axes.lines if line.get_marker() == "o")
    expected = [tick_at(axes, "90"), tick_at(axes, "99")]
    assert np.asarray(dots.get_xdata()) == pytest.approx(expected)
    assert np.asarray(dots.get_ydata()) == pytest.approx(expected)


def test_bars_are_dark_where_chance_does_not_explain_the_gap() -> None:
    # Of 1,000 with confidence 0.85, 850 are as said, 870 are within two standard deviations (11), 950 are not.
    shades = {}
    for right in (850, 870, 950, 750):
        (bar,) = bars(reliability_diagram(*reader((0.85, 1000, right))).axes[0])
        shades[right] = to_hex(bar.get_facecolor())
    assert shades == {850: WITHIN, 870: WITHIN, 950: BEYOND, 750: BEYOND}


def test_a_calibrated_reader_has_few_dark_bars() -> None:
    figures = [reliability_diagram(*calibrated(10_000, seed=seed)) for seed in range(3)]
    shades = [to_hex(bar.get_facecolor()) for figure in figures for bar in bars(figure.axes[0])]
    assert len(shades) == 3 * 13
    assert shades.count(BEYOND) <= 5  # one in twenty by chance: about two


def test_no_bin_is_finer_than_one_error_among_all() -> None:
    n, finest = 90_000, "99.99"
    axes = reliability_diagram(*reader((0.9, n, n))).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()][-2:] == [finest, "100"]


def test_the_calibration_error_is_that_of_equal_width_bins() -> None:
    probabilities, labels = reader((0.6, 100, 50), (0.95, 300, 299))
    figure = reliability_diagram(probabilities, labels)
    assert expected_calibration_error(probabilities, labels) == pytest.approx(
        (100 * 0.1 + 300 * (299 / 300 - 0.95)) / 400
    )
    assert "Expected calibration error 0.0600" in words(figure)
    assert "400 digits: 86.25 % sure on average, 87.25 % right" in words(figure)


def test_pairs_count_digit_by_digit() -> None:
    probabilities, labels = calibrated(600)
    flat = reliability_diagram(probabilities, labels)
    pairs = reliability_diagram(probabilities.reshape(300, 2, 10), labels.reshape(300, 2))
    assert figure_bytes(pairs) == figure_bytes(flat)


def test_certain_and_right_is_drawn() -> None:
    figure = reliability_diagram(np.eye(10), np.arange(10))
    assert figure_bytes(figure)
    assert "Expected calibration error 0.0000" in words(figure)


def test_nothing_is_written_over_another_or_off_the_page() -> None:
    figure = reliability_diagram(*calibrated(20_000))
    figure.draw_without_rendering()
    axes, amounts = figure.axes
    legend = axes.get_legend()
    assert legend is not None
    for labels in (axes.get_xticklabels(), axes.get_yticklabels(), amounts.get_xticklabels(), amounts.texts):
        boxes = [label.get_window_extent() for label in labels if label.get_text()]
        assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
    for artist in (legend, *figure.texts, *axes.get_xticklabels(), *axes.get_yticklabels(), *amounts.texts):
        box = artist.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert 0 <= box.y0 < box.y1 <= figure.bbox.y1


def test_probabilities_that_do_not_belong_to_the_labels() -> None:
    shape, labels = (4, 10), (3,)
    with pytest.raises(DataError, match="one row of 10"):
        reliability_diagram(np.zeros(shape), np.zeros(labels, dtype=np.uint8))
