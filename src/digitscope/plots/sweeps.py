"""Figures of a sweep: which points were best, and the effect of each setting, drawn by Optuna."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from digitscope.errors import DataError, MissingExtraError
from digitscope.plots.style import HAIRLINE, INK, MUTED, OKABE_ITO, TEXT_SIZE, TITLE_SIZE, new_figure, quiet_axes

if TYPE_CHECKING:
    import optuna
    from matplotlib.figure import Figure

WIDTH = 8.0  # inches, as are the next
ROW, TOP, BOTTOM, LEFT, RIGHT = 0.36, 0.7, 0.75, 3.1, 1.35  # of the ranking
PANEL, HEIGHT, BAR = 2.2, 3.6, 0.4  # of Optuna's figures
LONGEST_LABEL = 42  # characters that fit to the left of the axes


@dataclass(frozen=True)
class RankedPoint:
    """One row: the validation accuracy, its deviation over seeds (None of one), and the test accuracy if any."""

    label: str
    mean: float
    deviation: float | None = None
    test: float | None = None


def ranking_figure(points: Sequence[RankedPoint], heading: str = "", measure: str = "accuracy") -> "Figure":
    """Return a figure with a row for each of `points`, the first on top, and `heading` over their labels.

    A dot is the validation mean, with a bar of one standard deviation to each side. A ring is the test value.
    `measure` names the quantity.

    Raises:
        DataError: there is no point.
    """
    if not points:
        raise DataError("no ranking of no points: expected one or more")
    height = TOP + ROW * len(points) + BOTTOM
    figure = new_figure(WIDTH, height)
    size = ((WIDTH - LEFT - RIGHT) / WIDTH, ROW * len(points) / height)
    axes = figure.add_axes((LEFT / WIDTH, BOTTOM / height, *size))
    small, beside = TEXT_SIZE - 0.5, axes.get_yaxis_transform()
    for row, point in enumerate(points):
        colour = OKABE_ITO[1] if row == 0 else OKABE_ITO[0]
        mean, deviation = 100 * point.mean, 100 * (point.deviation or 0.0)
        axes.errorbar([mean], [row], xerr=[deviation], fmt="o", color=colour, linewidth=2.0, markersize=7)
        if point.test is not None:
            axes.plot([100 * point.test], [row], "o", color=MUTED, markersize=7, markerfacecolor="none", zorder=1)
        told = f"{mean:.2f}" + ("" if point.deviation is None else f" \N{PLUS-MINUS SIGN} {deviation:.2f}")
        weight = "bold" if row == 0 else "normal"
        axes.text(
            -0.03,
            row,
            _cut(point.label),
            transform=beside,
            color=INK,
            fontsize=small,
            fontweight=weight,
            ha="right",
            va="center",
            parse_math=False,
        )
        axes.text(1.04, row, f"{told} %", transform=beside, color=INK, fontsize=small, va="center")
    quiet_axes(axes)
    axes.grid(axis="x", color=HAIRLINE, linewidth=0.8)
    axes.grid(visible=False, axis="y")
    axes.set_yticks([])
    axes.set_ylim(len(points) - 0.5, -0.5)
    axes.margins(x=0.06)
    axes.set_xlabel(f"{measure} (%)", color=MUTED, fontsize=TEXT_SIZE)
    key = "dot: validation, \N{PLUS-MINUS SIGN} one deviation over seeds"
    if any(point.test is not None for point in points):
        key += "    ring: test, which chooses nothing"
    figure.text(0.15 / WIDTH, 0.12 / height, key, color=MUTED, fontsize=TEXT_SIZE - 1)
    top = 1 - 0.32 / height
    figure.text(0.15 / WIDTH, top, f"Validation {measure}", color=INK, fontsize=TITLE_SIZE, fontweight="bold")
    axes.text(
        -0.03,
        1.02,
        _cut(heading),
        transform=axes.transAxes,
        color=MUTED,
        fontsize=TEXT_SIZE - 1,
        ha="right",
        va="bottom",
        parse_math=False,
    )
    return figure


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "\N{HORIZONTAL ELLIPSIS}"


def slices_figure(study: "optuna.Study", measure: str = "accuracy") -> "Figure":
    """Return a panel for each setting, with a dot for each complete trial of `study`.

    Raises:
        DataError: no trial is complete.
    """
    with _drawn_by_optuna(study):
        from optuna.visualization.matplotlib import plot_slice

        panels: Any = plot_slice(study, target_name=f"validation {measure}")
    figure: Figure = np.ravel(panels)[0].figure
    n_panels = len(study.best_params)
    figure.set_size_inches(max(WIDTH, PANEL * n_panels + 1), HEIGHT)
    figure.set_layout_engine("constrained" if n_panels > 1 else "tight")  # the other one takes no single panel
    return figure


def importances_figure(study: "optuna.Study", measure: str = "accuracy") -> "Figure":
    """Return bars of how much each setting decides whether a trial is among the best tenth (PED-ANOVA).

    Raises:
        DataError: no trial is complete.
    """
    with _drawn_by_optuna(study):
        from optuna.importance import PedAnovaImportanceEvaluator
        from optuna.visualization.matplotlib import plot_param_importances

        name = f"validation {measure}"
        axes: Any = plot_param_importances(study, evaluator=PedAnovaImportanceEvaluator(), target_name=name)
    figure: Figure = axes.figure
    figure.set_size_inches(WIDTH, 1.2 + BAR * len(study.best_params))
    figure.set_layout_engine("constrained")
    return figure


@contextmanager
def _drawn_by_optuna(study: "optuna.Study") -> Iterator[None]:
    """Let Optuna draw, which changes matplotlib's style, keeps its figures open, and warns that it may change."""
    try:
        from matplotlib import pyplot as plt
        from matplotlib import rc_context
        from optuna.trial import TrialState
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        raise MissingExtraError(package, "sweep" if package == "optuna" else "train") from None
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        raise DataError("no slices of no complete trials: expected one or more")
    with rc_context({"backend": "agg"}), warnings.catch_warnings(action="ignore"):
        opened = plt.get_fignums()
        yield
        for number in set(plt.get_fignums()) - set(opened):
            plt.close(number)
