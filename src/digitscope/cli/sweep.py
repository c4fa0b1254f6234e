"""`digitscope sweep`: which settings of a recipe read best."""

import argparse
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_args

from digitscope import plots
from digitscope.cli.arguments import (
    DATA,
    DEVICE,
    JSON,
    TEST,
    Argument,
    Command,
    Folder,
    Number,
    call_of,
    check_engine,
    cores,
    engine,
    seed_of,
    words_of,
)
from digitscope.cli.console import print_table, remark
from digitscope.cli.datasets import dataset_for, single_digits
from digitscope.cli.sweep_progress import shown, tell_failed, tell_interrupted
from digitscope.cluster import connected, load_ray
from digitscope.data import Dataset
from digitscope.data.pen_digits import load_pen_digits
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.recipes import RECIPES
from digitscope.experiments.sweep.engine import Engine, LocalEngine
from digitscope.experiments.sweep.on_ray import RayEngine
from digitscope.experiments.sweep.ranking import TABLE_FILE, TRIALS_FILE, PointScore, Spread, as_table
from digitscope.experiments.sweep.space import (
    SHIPPED,
    MethodName,
    Space,
    check_points,
    load_space,
    setting_of,
    value_in_words,
)
from digitscope.experiments.sweep.sweep import Sweep, run_sweep
from digitscope.experiments.sweep.trials import TrialData, device_of, origin_on, origins_in_words
from digitscope.plots import FigureBlock, Paragraph, Section, Stat, Stats, Table

SWEEPS = Path("sweeps")
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
RANKING_CAPTION = (
    "Ranked by mean validation {measure} after the last epoch. Differences within the deviations are luck; a row "
    "without a bar is one seed."
)


def run(options: argparse.Namespace) -> int:
    """Train what is not finished yet, write the tables and the report, and return 1 if a trial crashed."""
    check_engine(options)
    named = {name: getattr(options, name) for name in ("method", "trials", "seeds", "seed")}
    space = load_space(options.space, options.assignments, **named)
    check_points(space)
    if options.engine == "ray":
        load_ray(options.address)
        device = "cpu" if options.device == "auto" else options.device  # the machines are others
    else:
        device = device_of(space.recipe, options.device)
    folder = options.out or SWEEPS / space.name
    data = _data(space, options)
    remark(f"{space.name} on {data.dataset.name} ({data.dataset.source}), into {folder}")
    try:
        with ExitStack() as stack:
            trainer: Engine
            if options.engine == "ray":
                trainer = RayEngine(stack.enter_context(connected(options.address, options.cores)), data)
            else:
                trainer = stack.enter_context(LocalEngine(data, options.cores))
            hooks = stack.enter_context(shown(space, folder, origin_on(device)))
            sweep = run_sweep(space, data.sha256(), trainer, folder, test=options.test, hooks=hooks)
    except KeyboardInterrupt:
        return tell_interrupted(folder)
    names = ("method", "trials", "seeds", "seed", "test", "engine", "address", "data", "unchecked")
    command = call_of("sweep", options.space, *options.assignments, *words_of(options, *names))
    write_sweep_report(folder, sweep, data.dataset, command)
    tell_failed(space, sweep.failed)
    _tell(sweep, folder, options)
    return 1 if sweep.failed else 0


def _data(space: Space, options: argparse.Namespace) -> TrialData:
    orders = [space.recipe.settings.order, *(space.axes["order"].ends if "order" in space.axes else ())]
    singles = single_digits(options.data, options.unchecked) if "fresh-pairs" in orders else None
    has_pens = "pens" in space.axes or space.recipe.settings.pens > 0
    pens = load_pen_digits(options.data) if has_pens else None
    return TrialData(dataset_for(space.recipe.task, options), singles, options.device, pens)


def _tell(sweep: Sweep, folder: Path, options: argparse.Namespace) -> None:
    if sweep.refused:
        n_refused = f"{len(sweep.refused)} of {len(sweep.ranking)}"
        remark(f"combinations that {sweep.space.recipe.name} does not take: {n_refused}; {REPORT_FILE} says why")
    if options.json:
        rows = as_table(sweep.space, sweep.ranking)
        failed = [
            {"point": dict(each.trial.point), "seed": each.trial.seed, "reason": each.reason}
            for each in sweep.failed
        ]
        refused = [{"point": dict(each.point), "reason": each.refusal} for each in sweep.refused]
        print(json.dumps({"folder": str(folder), "ranking": rows, "failed": failed, "refused": refused}))
        return
    print_table(f"{sweep.space.name}, ranked on validation {sweep.space.measure}", *ranking_table(sweep))
    print(f"{folder}: {TABLE_FILE}, {TRIALS_FILE} and {REPORT_FILE}")
    if sweep.ranking[0].outcome == "finished":
        print(f"next: {_training_of_best(sweep, options)}")


def _training_of_best(sweep: Sweep, options: argparse.Namespace) -> str:
    """Return the command that trains the best point on the same data into a run folder."""
    original = RECIPES[sweep.space.recipe.name]
    recipe, described = sweep.space.recipe.with_changes(sweep.ranking[0].point), sweep.space.described()
    words: list[Any] = ["train", recipe.name]
    for name in described["options"] | described["settings"]:
        value, flag = setting_of(recipe, name), name.replace("_", "-")
        if value == setting_of(original, name):
            continue
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", ",".join(map(str, value)) if isinstance(value, tuple) else value]
    return call_of(*words, "--seed", sweep.space.seed, *words_of(options, "data", "unchecked"))


# The report


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
    finished = [score for score in ranked if score.outcome == "finished"]
    header, rows = ranking_table(sweep)
    ranking: list[FigureBlock | Table | Paragraph] = [
        *([_ranking_figure(space, finished)] if finished else []),
        Table(header, tuple(rows), f"Validation{' and test' if 'test' in header else ''}: {space.measure}."),
        *(
            Paragraph(f"Failed: {space.label(each.trial.point)}, seed {each.trial.seed}: {each.reason}")
            for each in sweep.failed
        ),
        *(Paragraph(f"Not trained: {score.refusal}") for score in sweep.refused),
    ]
    sections = [Section("Result", (_stats(sweep, dataset),)), Section("Ranking", tuple(ranking))]
    if finished:
        effects = (
            FigureBlock(plots.slices_figure(sweep.study, space.measure), SLICES_CAPTION),
            FigureBlock(plots.importances_figure(sweep.study, space.measure), IMPORTANCES_CAPTION),
        )
        sections.append(Section("What each setting does", effects))
        sections.append(Section("How the best ones learned", (_curves(space, finished),)))
    sections.append(Section("What it was", (_facts(sweep, dataset), plots.Code(command))))
    lead = f"The recipe {space.recipe.name}: {METHODS_IN_WORDS[space.method]}."
    plots.write_report(folder / REPORT_FILE, f"{space.name}: which settings read best", sections, lead)


def _stats(sweep: Sweep, dataset: Dataset) -> Stats:
    best, measure = sweep.ranking[0], sweep.space.measure
    records = [record for score in sweep.ranking for record in score.records]
    seconds = sum(epoch.seconds for record in records for epoch in record.history)
    stats = [Stat(f"best validation {measure}", _in_percent(best.validation), best.label)]
    if best.test:
        n_test = f"{len(dataset.test):,} images that chose nothing"
        stats.append(Stat(f"its test {measure}", best.test.in_percent(), n_test))
    n_trials = f"trials: {len(records)}, seeds a point: {sweep.space.n_seeds}"
    stats.append(Stat("points", str(len(sweep.ranking)), n_trials))
    return Stats((*stats, Stat("time in training", f"{seconds:.0f} s", "added over all trials")))


def _ranking_figure(space: Space, finished: Sequence[PointScore]) -> FigureBlock:
    single = space.method == "one-factor"
    points = [
        plots.RankedPoint(
            score.label if single else ", ".join(map(value_in_words, score.point.values())),
            score.validation.mean,
            score.validation.deviation,
            score.test.mean if score.test else None,
        )
        for score in finished[:MOST_ROWS]
        if score.validation
    ]
    cut = f"The best {MOST_ROWS} of {len(finished)}. " if len(finished) > MOST_ROWS else ""
    heading = "" if single else ", ".join(map(_name, space.axes))
    caption = cut + RANKING_CAPTION.format(measure=space.measure)
    return FigureBlock(plots.ranking_figure(points, heading, space.measure), caption)


def _curves(space: Space, finished: Sequence[PointScore]) -> FigureBlock:
    histories = {}
    for place, score in enumerate(finished[:MOST_CURVES], start=1):
        # Labels of several settings are rounded and may be alike.
        name = score.label if space.method == "one-factor" else f"{place}. {score.label}"
        histories[name] = score.records[0].history
    caption = f"The first seed of the best {len(histories)} points."
    return FigureBlock(plots.learning_curves(histories, space.measure), caption)


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


ABOUT = f"""\
spaces that come with the package: {", ".join(SHIPPED)}

a space of your own, in TOML:
  recipe = "fc"
  method = "one-factor"
  [baseline]
  epochs = 5
  [vary]
  learning_rate = [0.1, 0.01]
  hidden = {{ low = 8, high = 256, log = true }}   # a range: for tpe

Every trial that is finished is kept in the folder, and the same call again goes on with the rest.

a grid, and a search:
  digitscope sweep fc epochs=3 learning_rate=0.1,0.01 momentum=0,0.9 --method grid --seeds 3
  digitscope sweep fast learning_rate=0.02..0.3:log batch_size=64..256 --method tpe --trials 24

on a Ray cluster, called from one of its machines; each trial has one thread, as with --cores 1 here:
  digitscope sweep course-hidden-10 --engine ray --address auto"""

COMMAND = Command(
    run,
    (
        Argument("space SPACE", help="a .toml file, one that comes with the package, or a recipe"),
        Argument(
            "assignments SETTING=VALUE",
            nargs="*",
            help="of the baseline; several values, or a range as LOW..HIGH or LOW..HIGH:log, are what varies",
        ),
        Argument(
            "--method",
            choices=get_args(MethodName),
            help="one change of the baseline at a time, all combinations, or a search that learns (default: the "
            "space's, or one-factor)",
        ),
        Number("--trials", help="points that tpe tries (default: the space's, or 20)"),
        Number("--seeds", help="trainings of each point (default: the space's, or 1)"),
        seed_of("the first training of each point (default: the space's, or 12321)"),
        *engine("trains: processes of this machine, or tasks on a Ray cluster, each on one core"),
        cores(),
        Folder("--out", help=f"the sweep's folder (default: {SWEEPS}/SPACE)"),
        TEST,
        *DATA,
        DEVICE,
        JSON,
    ),
    "sweep course-hidden-10",
    ABOUT,
    needs=("matplotlib", "optuna"),
)
