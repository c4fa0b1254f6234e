"""The report of a sweep."""

from collections.abc import Sequence
from pathlib import Path

from digitscope.data import Dataset
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.sweep.ranking import PointScore, Spread
from digitscope.experiments.sweep.space import Space, value_in_words
from digitscope.experiments.sweep.sweep import Sweep
from digitscope.experiments.sweep.trials import origins_in_words
from digitscope.plots import (
    Code,
    FigureBlock,
    Paragraph,
    RankedPoint,
    Section,
    Stat,
    Stats,
    Table,
    importances_figure,
    learning_curves,
    ranking_figure,
    slices_figure,
    write_report,
)

REPORT_FILE = "report.html"
MOST_ROWS, MOST_CURVES = 20, 5

METHODS_IN_WORDS = {
    "one-factor": "one setting of the baseline changed at a time",
    "grid": "every combination",
    "tpe": "points drawn where the best ones were (TPE), and what falls behind the median stopped",
}
SLICES_CAPTION = "Every finished trial over the values that it has; the later, the darker. By Optuna."
IMPORTANCES_CAPTION = (
    "How much each setting decides whether a trial is among the best tenth, in shares of 1 (PED-ANOVA, by "
    "Optuna). With few trials this is a hint and no experiment."
)


def ranking_table(sweep: Sweep) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the header and a row per point in words: with "one-factor" its change, else all that varies."""
    space = sweep.space
    settings = ("point",) if space.method == "one-factor" else ("rank", *map(_name, space.axes))
    test = ("test",) if any(score.test for score in sweep.ranking) else ()
    header = (*settings, "validation", "loss", *test, "outcome")
    rows = []
    for place, score in enumerate(sweep.ranking, start=1):
        values = map(value_in_words, score.point.values())
        point = (score.label,) if space.method == "one-factor" else (str(place), *values)
        loss = "\N{EN DASH}" if score.validation_loss is None else f"{score.validation_loss.mean:.4f}"
        figures = (_in_percent(score.validation), loss, *(_in_percent(score.test) for _ in test))
        after = f" after {score.n_epochs}" if score.outcome == "stopped" else ""
        rows.append((*point, *figures, score.outcome + after))
    return header, rows


def write_sweep_report(folder: Path, sweep: Sweep, dataset: Dataset, command: str) -> None:
    """Write report.html: the ranking, what each setting does, how the best ones learned, and what it all was."""
    space, ranked = sweep.space, [score for score in sweep.ranking if score.validation]
    header, rows = ranking_table(sweep)
    sections = [Section("Result", (_stats(sweep, dataset),))]
    ranking: list[FigureBlock | Table | Paragraph] = [
        Table(header, tuple(rows), f"Validation{' and test' if 'test' in header else ''}: {space.measure}.")
    ]
    finished = [score for score in ranked if score.outcome == "finished"]
    if finished:
        ranking.insert(0, _ranking_figure(space, finished))
    ranking += [
        Paragraph(f"Failed: {space.label(each.trial.point)}, seed {each.trial.seed}: {each.reason}")
        for each in sweep.failed
    ]
    ranking += [Paragraph(f"Not trained: {score.refusal}") for score in sweep.refused]
    sections.append(Section("Ranking", tuple(ranking)))
    if finished:
        effects = (
            FigureBlock(slices_figure(sweep.study, space.measure), SLICES_CAPTION),
            FigureBlock(importances_figure(sweep.study, space.measure), IMPORTANCES_CAPTION),
        )
        sections.append(Section("What each setting does", effects))
        sections.append(Section("How the best ones learned", (_curves(space, finished),)))
    sections.append(Section("What it was", (_facts(sweep, dataset), Code(command))))
    lead = f"The recipe {space.recipe.name}: {METHODS_IN_WORDS[space.method]}."
    write_report(folder / REPORT_FILE, f"{space.name}: which settings read best", sections, lead)


def _stats(sweep: Sweep, dataset: Dataset) -> Stats:
    best, measure = sweep.ranking[0], sweep.space.measure
    records = [record for score in sweep.ranking for record in score.records]
    seconds = sum(epoch.seconds for record in records for epoch in record.history)
    n_test = f"{len(dataset.test):,} images that chose nothing"
    return Stats(
        (
            Stat(f"best validation {measure}", _in_percent(best.validation), best.label),
            *([Stat(f"its test {measure}", best.test.in_percent(), n_test)] if best.test else []),
            Stat(
                "points", str(len(sweep.ranking)), f"trials: {len(records)}, seeds a point: {sweep.space.n_seeds}"
            ),
            Stat("time in training", f"{seconds:.0f} s", "added over all trials"),
        )
    )


def _ranking_figure(space: Space, finished: Sequence[PointScore]) -> FigureBlock:
    points = [
        RankedPoint(
            score.label if space.method == "one-factor" else ", ".join(map(value_in_words, score.point.values())),
            score.validation.mean,
            score.validation.deviation,
            score.test.mean if score.test else None,
        )
        for score in finished[:MOST_ROWS]
        if score.validation
    ]
    cut = f"The best {MOST_ROWS} of {len(finished)}. " if len(finished) > MOST_ROWS else ""
    caption = (
        f"{cut}Ranked by mean validation {space.measure} after the last epoch. Differences within the deviations "
        "are luck; a row without a bar is one seed."
    )
    heading = "" if space.method == "one-factor" else ", ".join(map(_name, space.axes))
    return FigureBlock(ranking_figure(points, heading, space.measure), caption)


def _curves(space: Space, finished: Sequence[PointScore]) -> FigureBlock:
    best = finished[:MOST_CURVES]
    single = space.method == "one-factor"  # with others labels that are rounded may be alike
    names = [score.label if single else f"{place}. {score.label}" for place, score in enumerate(best, start=1)]
    histories = {name: score.records[0].history for name, score in zip(names, best, strict=True)}
    return FigureBlock(
        learning_curves(histories, space.measure), f"The first seed of the best {len(best)} points."
    )


def _facts(sweep: Sweep, dataset: Dataset) -> Table:
    space, described = sweep.space, sweep.space.described()
    n_train = described["settings"].get("train_size") or len(dataset.train)
    facts = {
        "recipe": space.recipe.name,
        "method": space.method,
        "varies": "; ".join(f"{_name(name)}: {axis}" for name, axis in space.axes.items()),
        "seeds": ", ".join(map(str, space.seeds)),
        **described["options"],
        **described["settings"],
        "data": f"{dataset.name}, from {dataset.source}",
        "images": f"{n_train:,} to learn from, {len(dataset.validation):,} to rank on",
        "trials made with": origins_in_words(each.made_with for score in sweep.ranking for each in score.records),
        **describe_machine(),
    }
    return Table(("setting", "value"), tuple((name, str(value)) for name, value in facts.items()), "The baseline.")


def _name(setting: str) -> str:
    return setting.replace("_", " ")


def _in_percent(spread: Spread | None) -> str:
    return "\N{EN DASH}" if spread is None else spread.in_percent()
