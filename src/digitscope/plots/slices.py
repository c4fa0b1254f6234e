"""The effect of each setting in an Optuna study, drawn by Optuna: the accuracy over its values; its importance."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from digitscope.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    import optuna
    from matplotlib.figure import Figure

WIDTH, PANEL, HEIGHT, BAR = 8.0, 2.2, 3.6, 0.4  # inches


def slices_figure(study: "optuna.Study", measure: str = "accuracy") -> "Figure":
    """Return a panel for each setting, with a dot for each complete trial of `study`.

    Raises:
        DataError: no trial is complete.
        MissingExtraError: Optuna or matplotlib is not installed.
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
        MissingExtraError: Optuna or matplotlib is not installed.
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
