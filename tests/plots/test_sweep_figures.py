import sys

import numpy as np
import pytest

from digitscope.errors import DataError, MissingExtraError
from digitscope.plots import RankedPoint, Slice, effects_figure, ranking_figure, slices_figure
from digitscope.plots.saving import figure_bytes

POINTS = [RankedPoint("batch size 64", 0.94, 0.01, 0.93), RankedPoint("a $name$ " + "x" * 60, 0.92)]


def test_a_row_a_point_the_first_on_top() -> None:
    (axes,) = ranking_figure(POINTS, "what").axes
    texts = [text.get_text() for text in axes.texts]
    assert texts[:2] == ["batch size 64", "94.00 ± 1.00 %"]
    assert (len(texts[2]), texts[2][-1], texts[3]) == (42, "\N{HORIZONTAL ELLIPSIS}", "92.00 %")
    assert texts[4] == "what"
    bar, dot, ring, *_ = axes.lines
    assert list(np.asarray(bar.get_xdata())) == pytest.approx([93, 95])
    assert list(np.asarray(dot.get_xdata())) == pytest.approx([94])
    assert list(np.asarray(ring.get_xdata())) == pytest.approx([93])
    bottom, top = axes.get_ylim()
    assert bottom > top


def test_words_stand_in_their_order_and_numbers_on_their_axis() -> None:
    words = Slice("activation", ("relu", "tanh", "relu"), (0.9, 0.8, 0.7), (0.01, None, None))
    numbers = Slice("learning rate", (0.001, 0.1, 0.01), (0.9, 0.8, 0.7), (None,) * 3, logarithmic=True)
    plain = Slice("momentum", (0.0, 0.9, 0.5), (0.9, 0.8, 0.7), (None,) * 3)
    first, second, third = slices_figure([words, numbers, plain]).axes
    assert [label.get_text() for label in first.get_xticklabels()] == ["relu", "tanh"]
    assert [float(np.asarray(line.get_xdata())[0]) for line in first.lines[1::2]] == [0, 1, 0]
    assert second.get_xscale() == "log"
    assert [label.get_text() for label in second.get_xticklabels()] == ["0.001", "0.01", "0.1"]
    assert third.get_xscale() == "linear"
    assert first.get_title(loc="left") == "activation"
    figure = slices_figure([words, numbers, plain], "mean IoU")
    assert [text.get_text() for text in figure.texts] == ["Validation mean IoU (%)"]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7])
def test_any_number_of_panels_is_drawn(n: int) -> None:
    one = Slice("momentum", (0.0, 0.9), (0.9, 0.8), (None, 0.1))
    figure = slices_figure([one] * n)
    assert sum(axes.get_visible() for axes in figure.axes) == n
    assert figure_bytes(figure) == figure_bytes(slices_figure([one] * n))


def test_effects_are_bars() -> None:
    (axes,) = effects_figure({"learning rate": 0.355, "momentum": 0.0}).axes
    assert [text.get_text().strip() for text in axes.texts] == ["35.50 points", "0.00 points"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["learning rate", "momentum"]
    figure_bytes(effects_figure({"momentum": 0.0}))


def test_nothing_to_draw() -> None:
    with pytest.raises(DataError, match="no ranking of no points"):
        ranking_figure([])
    with pytest.raises(DataError, match="no slices"):
        slices_figure([Slice("momentum", (), (), ())])
    with pytest.raises(DataError, match="no effects"):
        effects_figure({})


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match="matplotlib"):
        ranking_figure(POINTS)
