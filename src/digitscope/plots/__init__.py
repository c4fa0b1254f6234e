"""Figures from records and arrays, and the report that holds them; matplotlib is loaded when one is drawn.

All raise `MissingExtraError` if matplotlib, or Optuna or Jinja2 where they are used, is not installed.
"""

from digitscope.plots.curves import learning_curves
from digitscope.plots.evaluations import confusion_heat_map, reliability_diagram
from digitscope.plots.report import (
    Code,
    FigureBlock,
    Paragraph,
    Section,
    Stat,
    Stats,
    Table,
    render_report,
    write_report,
)
from digitscope.plots.saving import save_figure, save_in_few_colours
from digitscope.plots.sheets import contact_sheet, misread_sheet, scene_sheet, separation_sheet, weight_pictures
from digitscope.plots.studies import Line, Panel, study_figure
from digitscope.plots.sweeps import RankedPoint, importances_figure, ranking_figure, slices_figure

__all__ = [
    "Code",
    "FigureBlock",
    "Line",
    "Panel",
    "Paragraph",
    "RankedPoint",
    "Section",
    "Stat",
    "Stats",
    "Table",
    "confusion_heat_map",
    "contact_sheet",
    "importances_figure",
    "learning_curves",
    "misread_sheet",
    "ranking_figure",
    "reliability_diagram",
    "render_report",
    "save_figure",
    "save_in_few_colours",
    "scene_sheet",
    "separation_sheet",
    "slices_figure",
    "study_figure",
    "weight_pictures",
    "write_report",
]
