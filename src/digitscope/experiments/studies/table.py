"""The table behind a study: a row per variant, for programs and for people."""

from collections.abc import Sequence
from typing import Any

from digitscope.experiments.studies.findings import rise_of_loss
from digitscope.experiments.studies.study import Result
from digitscope.experiments.sweep.ranking import PointScore, spread_columns
from digitscope.experiments.sweep.space import value_in_words

NONE = "\N{EN DASH}"


def as_rows(result: Result) -> list[dict[str, Any]]:
    """Return one row for each variant; missing values are None.

    Training accuracies and losses are running means over the last epoch. The lowest validation loss is the minimum
    of the mean over seeds. Seconds are the median wall time of an epoch, validation included.
    """
    parameters = [variant.n_parameters for variant in result.study.variants]
    return [_row(score, n) for score, n in zip(result.scores, parameters, strict=True)]


def _row(score: PointScore, n_parameters: int) -> dict[str, Any]:
    row: dict[str, Any] = {**score.point, "parameters": n_parameters, "outcome": score.outcome}
    row |= {"seeds": len(score.records), "epochs": score.n_epochs}
    for quantity in ("train_accuracy", "validation_accuracy", "train_loss", "validation_loss"):
        row |= spread_columns(quantity, score.after(quantity) if score.n_epochs else None)
    rise = rise_of_loss(score) if score.n_epochs else None
    row |= {"lowest_validation_loss": rise.lowest if rise else None, "lowest_after": rise.epoch if rise else None}
    return {**row, **spread_columns("test_accuracy", score.test), "seconds_an_epoch": score.seconds_an_epoch}


def in_words(result: Result) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the header and the rows as people read them."""
    names = tuple(result.study.variants[0].point)
    header = tuple(name.replace("_", " ") for name in names)
    test = ("test",) if any(score.test for score in result.scores) else ()
    figures = ("training", "validation", "validation loss", *test, "s an epoch")
    rows = []
    for score, row in zip(result.scores, as_rows(result), strict=True):
        point = tuple(_value(score.point[name]) for name in names)
        told = _figures(score, row)
        rows.append((*point, f"{row['parameters']:,}", *(told.get(figure, NONE) for figure in figures)))
    return (*header, "parameters", *figures), rows


def _figures(score: PointScore, row: dict[str, Any]) -> dict[str, str]:
    """Return the figures of a row in words, by their names in the header."""
    if score.outcome != "finished":
        return {"training": score.outcome}
    return {
        "training": score.after("train_accuracy").in_percent(),
        "validation": score.after("validation_accuracy").in_percent(),
        "validation loss": f"{row['validation_loss']:.3f}",
        "test": score.test.in_percent() if score.test else NONE,
        "s an epoch": f"{row['seconds_an_epoch']:.2g}",
    }


def _value(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else value_in_words(value)


def as_markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, all columns but the first to the right."""
    ruler = ["---", *["---:"] * (len(header) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (header, ruler, *rows))
