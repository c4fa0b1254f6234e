from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from digitscope.errors import DataError
from digitscope.plots import Line, Panel, save_in_few_colours, study_figure
from digitscope.plots.studies import Scale
from digitscope.plots.style import OKABE_ITO

TRAIN = Line("train $x$", (1.0, 2.0, 4.0), (50.0, 80.0, 99.0), (5.0, 2.0, 0.5))
VALIDATION = Line("validation", (1.0, 2.0, 4.0), (48.0, 75.0, 95.0), (4.0, 2.0, 1.0))
TICKS = {1.0: "1", 4.0: "4"}
ACCURACY = Panel("accuracy (%)", (VALIDATION, TRAIN), "hidden neurons", across_scale="log", ticks=TICKS)
LOSS = Panel("loss (nats)", (TRAIN,), "epoch", scale="log")


def test_a_label_has_one_colour_and_one_marker_in_both_panels() -> None:
    first, second = study_figure("How large?", "5,000 digits", ACCURACY, LOSS).axes
    validation, train = first.lines
    assert [validation.get_color(), train.get_color()] == list(OKABE_ITO[:2])
    assert validation.get_marker() != train.get_marker()
    assert (second.lines[0].get_color(), second.lines[0].get_marker()) == (train.get_color(), train.get_marker())
    legend = second.get_legend()
    assert legend
    assert [text.get_text() for text in legend.get_texts()] == ["train $x$"]
    assert list(np.asarray(train.get_ydata())) == [50, 80, 99]
    assert (first.get_xscale(), first.get_yscale(), second.get_yscale()) == ("log", "linear", "log")
    assert [label.get_text() for label in first.get_xticklabels()] == ["1", "4"]
    assert (first.get_xlabel(), first.get_title(loc="left")) == ("hidden neurons", "accuracy (%)")


def test_bands_are_a_deviation_to_each_side_and_absent_without_one() -> None:
    first, _ = study_figure("How large?", "5,000 digits", ACCURACY, LOSS).axes
    corners = np.asarray(first.collections[1].get_paths()[0].vertices)
    assert (corners[:, 1].min(), corners[:, 1].max()) == (45, 99.5)
    single = Panel("accuracy (%)", (Line("one", (1.0, 2.0), (3.0, 4.0)),), "epoch")
    first, _ = study_figure("How large?", "5,000 digits", single, single).axes
    corners = np.asarray(first.collections[0].get_paths()[0].vertices)
    assert {float(corner) for corner in corners[:, 1]} == {3.0, 4.0}


@pytest.mark.parametrize(
    ("means", "scale", "expected"),
    [
        ((22.0, 100.4), "linear", [20, 40, 60, 80, 100]),  # a band goes next to nothing beyond
        ((0.08, 2.0), "log", [0.05, 0.1, 0.2, 0.5, 1, 2]),
        ((0.5, 0.5), "log", None),
    ],
)
def test_the_vertical_axis_has_a_number_at_either_end(
    means: tuple[float, ...], scale: Scale, expected: list[float] | None
) -> None:
    panel = Panel("loss", (Line("one", (1.0, 20.0), means),), "epoch", scale)
    first, _ = study_figure("How large?", "5,000 digits", panel, panel).axes
    ticks = [float(tick) for tick in first.get_yticks()]
    assert first.get_ylim() == (ticks[0], ticks[-1])
    assert expected is None or ticks == expected
    assert [float(label.get_text()) for label in first.get_yticklabels()] == ticks


def test_epochs_have_whole_numbers() -> None:
    places = tuple(float(epoch) for epoch in range(1, 21))
    panel = Panel("accuracy (%)", (Line("one", places, places),), "epoch")
    first, _ = study_figure("How long?", "5,000 digits", panel, panel).axes
    assert {5, 10, 15, 20} <= {float(tick) for tick in first.get_xticks()}


def test_the_numbers_of_both_axes_stay_apart() -> None:
    places = (100.0, 1_000.0)
    wide = Panel("accuracy (%)", (Line("one", places, (60.0, 100.0)),), "n", "linear", "log", {100.0: "100,000"})
    figure = study_figure("How large?", "5,000 digits", wide, wide)
    figure.draw_without_rendering()
    for axes in figure.axes:
        across, upright = axes.get_xticklabels()[0], axes.get_yticklabels()[0]
        assert not across.get_window_extent().overlaps(upright.get_window_extent())


def test_no_text_leaves_the_figure() -> None:
    figure = study_figure("How large?", "5,000 digits", ACCURACY, LOSS)
    figure.draw_without_rendering()
    for axes in figure.axes:
        for text in axes.findobj(Text):
            box = text.get_window_extent()
            if not text.get_text():
                continue
            assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
            assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1


def test_a_band_below_zero_does_not_break_a_logarithmic_axis() -> None:
    wide = Panel("loss (nats)", (Line("wide", (1.0, 2.0), (0.1, 0.01), (0.2, 0.02)),), "epoch", scale="log")
    _, second = study_figure("How large?", "5,000 digits", wide, wide).axes
    assert second.get_ylim()[0] > 0


def test_every_letter_is_large() -> None:
    """At least a fortieth of the height of a slide, which a hall reads."""
    figure = study_figure("How large?", "5,000 digits", ACCURACY, LOSS)
    figure.draw_without_rendering()
    sizes = [float(text.get_fontsize()) for axes in figure.axes for text in axes.findobj(Text) if text.get_text()]
    assert min(sizes) / 72 > figure.get_size_inches()[1] / 40


def test_nothing_or_too_much_to_draw() -> None:
    for lines in ((), (Line("empty", (), ()),), (TRAIN,) * 7):
        with pytest.raises(DataError, match=f"{len(lines)} lines for a panel: expected 1 to 6"):
            study_figure("How large?", "5,000 digits", Panel("loss", lines, "epoch"), LOSS)


def test_few_colours_look_the_same_in_half_the_bytes(tmp_path: Path) -> None:
    from digitscope.plots.saving import figure_bytes, save_figure

    figure = study_figure("How large?", "5,000 digits", ACCURACY, LOSS)
    save_in_few_colours(figure, tmp_path / "few.png")
    save_figure(figure, tmp_path / "all.png")
    assert (tmp_path / "few.png").stat().st_size < len(figure_bytes(figure)) / 2
    with Image.open(tmp_path / "few.png") as few, Image.open(tmp_path / "all.png") as full:
        difference = np.asarray(few.convert("RGB"), int) - np.asarray(full.convert("RGB"), int)
    assert np.abs(difference).mean() < 0.5
