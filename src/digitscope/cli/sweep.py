"""`digitscope sweep`: which settings of a recipe read best."""

import argparse
import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from digitscope.cli.arguments import (
    add_cores,
    add_data,
    add_device,
    add_engine,
    add_json,
    add_seed,
    add_test,
    check_cores,
    check_engine,
    data_words,
    path_argument,
)
from digitscope.cli.console import print_table, remark
from digitscope.cli.datasets import dataset_for, single_digits
from digitscope.cli.sweep_origins import telling_of_others
from digitscope.cli.sweep_progress import SweepProgress, shown
from digitscope.cli.sweep_report import REPORT_FILE, ranking_table, write_sweep_report
from digitscope.cluster import connected, load_ray
from digitscope.data.pen_digits import load_pen_digits
from digitscope.experiments.recipes import RECIPES
from digitscope.experiments.sweep.engine import Engine
from digitscope.experiments.sweep.journal import finished_trials
from digitscope.experiments.sweep.local import LocalEngine
from digitscope.experiments.sweep.on_ray import RayEngine
from digitscope.experiments.sweep.origins import origin_on
from digitscope.experiments.sweep.points import check_points
from digitscope.experiments.sweep.results import TABLE_FILE, TRIALS_FILE, as_table
from digitscope.experiments.sweep.space import Choices, MethodName, Point, Space, setting_of
from digitscope.experiments.sweep.space_files import SHIPPED, load_space
from digitscope.experiments.sweep.sweep import Sweep, run_sweep
from digitscope.experiments.sweep.trials import TrialData, device_of

SWEEPS = Path("sweeps")

EPILOG = f"""\
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
  digitscope sweep course-hidden-10 --engine ray --address auto

example: digitscope sweep course-hidden-10
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EPILOG
    parser.add_argument(
        "space", metavar="SPACE", help="a .toml file, one that comes with the package, or a recipe"
    )
    parser.add_argument(
        "assignments",
        nargs="*",
        metavar="SETTING=VALUE",
        help="of the baseline; several values, or a range as LOW..HIGH or LOW..HIGH:log, are what varies",
    )
    parser.add_argument(
        "--method",
        choices=get_args(MethodName),
        help="one change of the baseline at a time, all combinations, or a search that learns (default: the "
        "space's, or one-factor)",
    )
    parser.add_argument(
        "--trials", type=int, metavar="N", help="points that tpe tries (default: the space's, or 20)"
    )
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="trainings of each point (default: the space's, or 1)"
    )
    add_seed(parser, "the first training of each point (default: the space's, or 12321)", default=None)
    add_engine(parser, "trains: processes of this machine, or tasks on a Ray cluster, each on one core")
    add_cores(parser)
    parser.add_argument(
        "--out", type=path_argument, metavar="DIR", help=f"the sweep's folder (default: {SWEEPS}/SPACE)"
    )
    add_test(parser)
    add_data(parser)
    add_device(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train what is not finished yet, write the tables and the report, and return 1 if a trial crashed."""
    check_cores(options)
    check_engine(options)
    import_module("matplotlib")  # it draws at the end: better missed before the trainings
    named = {name: getattr(options, name) for name in ("method", "trials", "seeds", "seed")}
    space = load_space(options.space, options.assignments, **named)
    check_points(space)
    if space.method == "tpe":
        import_module("optuna")
    if options.engine == "ray":
        load_ray(options.address)
    folder = options.out or SWEEPS / space.name
    data = _data(space, options)
    remark(f"{space.name} on {data.dataset.name} ({data.dataset.source}), into {folder}")
    try:
        sweep = _sweep(space, data, folder, options)
    except KeyboardInterrupt:
        finished = len(finished_trials(folder))
        kept = f"finished trials in {folder}: {finished}"
        remark(f"digitscope: interrupted; {kept}; the same call goes on with the rest")
        return 130
    write_sweep_report(folder, sweep, data.dataset, _command(options))
    _tell(sweep, folder, options)
    return 1 if sweep.failed else 0


def _sweep(space: Space, data: TrialData, folder: Path, options: argparse.Namespace) -> Sweep:
    progress = SweepProgress(space)
    with _engine(options, data) as engine, shown(progress) as on_event:
        return run_sweep(
            space,
            data.sha256(),
            engine,
            folder,
            test=options.test,
            on_found=telling_of_others(folder, origin_on(_device(space, options))),
            on_round=progress.on_round,
            on_event=on_event,
        )


def _device(space: Space, options: argparse.Namespace) -> str:
    if options.engine == "ray":
        return "cpu" if options.device == "auto" else str(options.device)  # the machines are others
    return device_of(space.recipe, options.device)


@contextmanager
def _engine(options: argparse.Namespace, data: TrialData) -> Iterator[Engine]:
    if options.engine == "local":
        with LocalEngine(data, options.cores) as local:
            yield local
        return
    with connected(options.address, options.cores) as ray:
        yield RayEngine(ray, data)


def _data(space: Space, options: argparse.Namespace) -> TrialData:
    orders = [getattr(space.recipe.settings, "order", None)]
    match space.axes.get("order"):
        case Choices(values):
            orders += values
    singles = single_digits(options.data, options.unchecked) if "fresh-pairs" in orders else None
    pens = load_pen_digits(options.data) if _has_pens(space) else None
    return TrialData(dataset_for(space.recipe.task, options), singles, options.device, pens)


def _has_pens(space: Space) -> bool:
    """Tell whether some trial may need pen digits."""
    return "pens" in space.axes or bool(getattr(space.recipe.settings, "pens", 0))


def _tell(sweep: Sweep, folder: Path, options: argparse.Namespace) -> None:
    for each in sweep.failed:
        remark(f"failed: {sweep.space.label(each.trial.point)}, seed {each.trial.seed}: {each.reason}")
    if sweep.failed:
        remark(f"failed trials: {len(sweep.failed)}; the same call tries them again")
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
        print(f"next: {_training_of(sweep.space, sweep.ranking[0].point, options)}")


def _training_of(space: Space, point: Point, options: argparse.Namespace) -> str:
    """Return the command that trains `point` on the same data into a run folder."""
    recipe, original = space.recipe_at(point), RECIPES[space.recipe.name]
    words = ["digitscope", "train", recipe.name]
    for name in space.described()["options"] | space.described()["settings"]:
        value = setting_of(recipe, name)
        if value != setting_of(original, name):
            words += _flag(name, value)
    return shlex.join([*words, "--seed", str(space.seed), *data_words(options)])


def _flag(name: str, value: Any) -> list[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", ",".join(map(str, value)) if isinstance(value, tuple) else str(value)]


def _command(options: argparse.Namespace) -> str:
    """Return the call that made this sweep."""
    words = ["digitscope", "sweep", options.space, *options.assignments]
    for name in ("method", "trials", "seeds", "seed"):
        value = getattr(options, name)
        words += [] if value is None else [f"--{name}", str(value)]
    words += ["--test"] if options.test else []
    words += data_words(options)
    words += ["--engine", options.engine] if options.engine != "local" else []
    words += ["--address", options.address] if options.address else []
    return shlex.join(words)
