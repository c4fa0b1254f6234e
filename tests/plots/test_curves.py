import sys

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from digitscope.errors import DataError, MissingExtraError
from digitscope.plots import learning_curves
from digitscope.plots.curves import spread_out
from digitscope.plots.saving import figure_bytes
from tests.plots.examples import history


def data_lines(axes: Axes) -> list[Line2D]:
    return [line for line in axes.lines if line.get_transform() is not axes.transAxes]


def texts(axes: Axes) -> str:
    return "\n".join(text.get_text() for text in axes.texts)


def values(figure: Figure, panel: int, line: int) -> list[float]:
    return [float(value) for value in np.asarray(data_lines(figure.axes[panel])[line].get_ydata())]


def test_the_lines_are_the_records() -> None:
    n = 30
    run = history(n)
    figure = learning_curves({"fast": run})
    assert values(figure, 0, 0) == [record.train_loss for record in run]
    assert values(figure, 0, 1) == [record.validation_loss for record in run]
    assert values(figure, 1, 0) == [record.train_accuracy for record in run]
    assert values(figure, 1, 1) == [record.validation_accuracy for record in run]
    assert list(np.asarray(data_lines(figure.axes[0])[0].get_xdata())) == list(range(1, n + 1))


def test_each_line_carries_its_name_and_its_last_value() -> None:
    loss, accuracy = learning_curves({"fast": history(4)}).axes
    assert texts(loss).split("\n") == ["train", "0.500", "validation", "0.550"]
    assert texts(accuracy).split("\n") == ["train", "92.50 %", "validation", "90.00 %"]
    assert loss.get_title(loc="left") == "Loss (nats)"
    assert accuracy.get_title(loc="left") == "Accuracy"
    assert loss.get_xlabel() == accuracy.get_xlabel() == "epoch"


def test_a_single_epoch_is_marked_and_epochs_are_whole() -> None:
    figure = learning_curves({"fast": history(1)})
    figure_bytes(figure)
    for axes in figure.axes:
        assert all(line.get_marker() == "o" for line in data_lines(axes))
        low, high = axes.get_xlim()
        assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]


def test_several_runs_have_a_colour_each_and_dashes_in_training() -> None:
    runs = {"fc": history(3), "cnn": history(5, offset=0.5), "sixteen-letters!": history(2)}
    figure = learning_curves(runs)
    lines = data_lines(figure.axes[0])
    assert [line.get_linestyle() for line in lines] == ["--", "--", "--", "-", "-", "-"]
    assert len({line.get_color() for line in lines}) == 3
    assert [line.get_color() for line in lines[:3]] == [line.get_color() for line in lines[3:]]
    assert texts(figure.axes[0]).split("\n")[::2] == ["fc", "cnn", "sixteen-letters!"]
    assert "dashed: training" in figure.texts[0].get_text()


def test_names_that_are_longer_stand_below_each_beside_its_colour() -> None:
    names = ["fc", "learning rate 0.1, momentum $0.9$", "x" * 200]
    figure = learning_curves({name: history(3, offset=n / 10) for n, name in enumerate(names)})
    figure.draw_without_rendering()
    assert [text.get_text() for text in figure.texts[1:]] == [*names[:2], "x" * 87 + "\N{HORIZONTAL ELLIPSIS}"]
    beside = [artist for artist in figure.artists if isinstance(artist, Line2D)]
    assert [line.get_color() for line in beside] == [line.get_color() for line in data_lines(figure.axes[0])[3:]]
    drawn = figure.axes[0].get_tightbbox()
    assert drawn is not None
    heights = [text.get_window_extent() for text in figure.texts[1:]]
    for text, line in zip(heights, beside, strict=True):
        assert text.y0 < line.get_window_extent().y0 < text.y1
        assert 0 <= text.y0 < text.y1 < drawn.y0
        assert text.x1 <= figure.bbox.x1
    assert len(texts(figure.axes[0]).split()) == 3  # the last values alone


def test_a_run_that_diverged_is_drawn() -> None:
    broken = float("nan")
    figure = learning_curves({"diverged": history(3, offset=broken)}, "mean IoU")
    assert figure_bytes(figure)
    assert str(broken) in texts(figure.axes[0])
    assert figure.axes[1].get_title(loc="left") == "Mean IoU"


def test_no_text_leaves_the_figure() -> None:
    figure = learning_curves({"two-digit-best": history(30), "WWWWWWWWWW": history(9), "$x": history(2)})
    figure.draw_without_rendering()
    for axes in figure.axes:
        for text in axes.texts:
            box = text.get_window_extent()
            assert box.x1 <= figure.bbox.x1
            assert box.y0 >= 0


def test_nothing_to_draw() -> None:
    runs = {"fine": history(1), "empty": ()}
    with pytest.raises(DataError, match="one epoch or more"):
        learning_curves(runs)


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"'matplotlib'.*digitscope\[train\]"):
        learning_curves({"fast": history(1)})


def test_labels_that_meet_are_moved_apart_in_their_order() -> None:
    assert spread_out([0.5, 0.5, 0.9], gap=0.1) == pytest.approx([0.5, 0.6, 0.9])
    assert spread_out([1.0, 0.95], gap=0.2) == pytest.approx([1.0, 0.8])
    assert spread_out([0.0, -3.0, 0.4], gap=0.1, lowest=0.05) == pytest.approx([0.15, 0.05, 0.4])
