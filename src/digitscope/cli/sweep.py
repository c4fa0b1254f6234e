"""`digitscope sweep`: which settings of a recipe read best."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

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
    check_cores,
    check_engine,
    cores,
    data_words,
    engine,
    seed_of,
    words_of,
)
from digitscope.cli.console import print_table, remark
from digitscope.cli.datasets import dataset_for, single_digits
from digitscope.cli.sweep_progress import shown, tell_failed, tell_interrupted
from digitscope.cli.sweep_report import REPORT_FILE, ranking_table, write_sweep_report
from digitscope.cluster import connected, load_ray
from digitscope.data.pen_digits import load_pen_digits
from digitscope.experiments.recipes import RECIPES
from digitscope.experiments.sweep.on_ray import RayEngine
from digitscope.experiments.sweep.ranking import TABLE_FILE, TRIALS_FILE, as_table
from digitscope.experiments.sweep.space import (
    SHIPPED,
    MethodName,
    Point,
    Space,
    check_points,
    load_space,
    setting_of,
)
from digitscope.experiments.sweep.sweep import Sweep, run_sweep
from digitscope.experiments.sweep.trials import Engine, LocalEngine, TrialData, device_of, origin_on

SWEEPS = Path("sweeps")


def run(options: argparse.Namespace) -> int:
    """Train what is not finished yet, write the tables and the report, and return 1 if a trial crashed."""
    check_cores(options)
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
        with _engine(options, data) as trainer, shown(space, folder, origin_on(device)) as hooks:
            sweep = run_sweep(space, data.sha256(), trainer, folder, test=options.test, hooks=hooks)
    except KeyboardInterrupt:
        return tell_interrupted(folder)
    names = ("method", "trials", "seeds", "seed", "test", "engine", "address", "data", "unchecked")
    words = words_of(options, *names)
    write_sweep_report(folder, sweep, data.dataset, call_of("sweep", options.space, *options.assignments, *words))
    tell_failed(space, sweep.failed)
    _tell(sweep, folder, options)
    return 1 if sweep.failed else 0


@contextmanager
def _engine(options: argparse.Namespace, data: TrialData) -> Iterator[Engine]:
    if options.engine == "local":
        with LocalEngine(data, options.cores) as local:
            yield local
        return
    with connected(options.address, options.cores) as ray:
        yield RayEngine(ray, data)


def _data(space: Space, options: argparse.Namespace) -> TrialData:
    orders = [
        space.recipe.settings.order,
        *(space.axes["order"].ends if "order" in space.axes else ()),
    ]
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
        print(f"next: {_training_of(sweep.space, sweep.ranking[0].point, options)}")


def _training_of(space: Space, point: Point, options: argparse.Namespace) -> str:
    """Return the command that trains `point` on the same data into a run folder."""
    recipe, original = space.recipe.with_changes(point), RECIPES[space.recipe.name]
    words = ["train", recipe.name]
    for name in space.described()["options"] | space.described()["settings"]:
        value = setting_of(recipe, name)
        if value != setting_of(original, name):
            words += _flag(name, value)
    return call_of(*words, "--seed", space.seed, *data_words(options))


def _flag(name: str, value: Any) -> list[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", ",".join(map(str, value)) if isinstance(value, tuple) else str(value)]


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
        Argument("space", metavar="SPACE", help="a .toml file, one that comes with the package, or a recipe"),
        Argument(
            "assignments",
            nargs="*",
            metavar="SETTING=VALUE",
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
