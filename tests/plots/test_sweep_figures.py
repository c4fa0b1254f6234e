from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from digitscope.errors import DataError
from digitscope.plots import RankedPoint, importances_figure, ranking_figure, slices_figure
from digitscope.plots.saving import figure_bytes

optuna = pytest.importorskip("optuna")

POINTS = [RankedPoint("batch size 64", 0.94, 0.01, 0.93), RankedPoint("a $name$ " + "x" * 60, 0.92)]


def test_a_row_a_point_the_first_on_top() -> None:
    (axes,) = ranking_figure(POINTS, "what").axes
    texts = [text.get_text() for text in axes.texts]
    assert texts[:2] == ["batch size 64", "94.00 ± 1.00 %"]
    assert (len(texts[2]), texts[2][-1], texts[3]) == (42, "\N{HORIZONTAL ELLIPSIS}", "92.00 %")
    assert texts[4] == "what"
    dot, ring, _ = axes.lines
    bar: Any = axes.collections[0]
    assert bar.get_segments()[0][:, 0] == pytest.approx([93, 95])
    assert list(np.asarray(dot.get_xdata())) == pytest.approx([94])
    assert list(np.asarray(ring.get_xdata())) == pytest.approx([93])
    bottom, top = axes.get_ylim()
    assert bottom > top


def study(n: int, names: tuple[str, ...] = ("learning rate", "$a$")) -> Any:
    """Return one of `n` trials; the higher the learning rate, the better."""
    made, kinds = optuna.create_study(direction="maximize"), optuna.distributions
    axes = {
        "learning rate": kinds.FloatDistribution(0.001, 1, log=True),
        "$a$": kinds.CategoricalDistribution(["x", "y"]),
    }
    for number in range(n):
        point = {"learning rate": 10 ** (-3 + 3 * number / n), "$a$": "xy"[number % 2]}
        made.add_trial(
            optuna.trial.create_trial(
                value=0.5 + number / 100,
                params={name: point[name] for name in names},
                distributions={name: axes[name] for name in names},
            )
        )
    return made


def test_slices_and_importances_leave_matplotlib_as_it_was() -> None:
    before = dict(mpl.rcParams)
    slices, importances = slices_figure(study(20), "mean IoU"), importances_figure(study(20))
    assert slices.axes[0].get_ylabel() == "validation mean IoU"
    assert {axes.get_xscale() for axes in slices.axes[:2]} == {"log", "linear"}
    names = [label.get_text() for label in importances.axes[0].get_yticklabels()]
    assert names == ["$a$", "learning rate"]  # from below
    assert figure_bytes(slices) == figure_bytes(slices_figure(study(20), "mean IoU"))
    figure_bytes(importances)
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == []


def test_one_trial_of_one_setting_is_drawn() -> None:
    one = study(1, ("learning rate",))
    assert figure_bytes(slices_figure(one)) != figure_bytes(importances_figure(one))


def test_nothing_to_draw() -> None:
    with pytest.raises(DataError, match="no ranking of no points"):
        ranking_figure([])
    with pytest.raises(DataError, match="no slices"):
        slices_figure(study(0))
