"""A sweep from its first round to its ranking."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from digitscope.experiments.sweep.engine import Engine, Event, Failed, Finished, Lost, share_cores
from digitscope.experiments.sweep.journal import Journal, as_trial, distributions, opened, optuna_trial, point_of
from digitscope.experiments.sweep.ranking import PointScore, write_results, write_table
from digitscope.experiments.sweep.space import Point, Space, check_points, refusal
from digitscope.experiments.sweep.trials import Trial, TrialRecord, load_optuna

if TYPE_CHECKING:
    import optuna

ROUND = 8
"""Points that "tpe" draws at once; the first round is random."""


@dataclass(frozen=True)
class Hooks:
    """What a sweep or a study tells while it runs.

    `on_found` is told of the trials that were finished before, `on_round` of each round's trials before it begins,
    and how many are finished already. `on_event` gets each event, after its record is on disk.
    """

    on_found: Callable[[Sequence[TrialRecord]], None] = lambda _: None
    on_round: Callable[[Sequence[Trial], int], None] = lambda _trials, _done: None
    on_event: Callable[[Event], None] = lambda _: None


SILENT = Hooks()


@dataclass(frozen=True)
class Sweep:
    """The result of a sweep: the points of `space`, the best first and refused ones last, and the crashed trials.

    `study` is Optuna's, with every trial.
    """

    space: Space
    ranking: tuple[PointScore, ...]
    failed: tuple[Failed, ...]
    study: "optuna.Study"

    @property
    def refused(self) -> tuple[PointScore, ...]:
        """The points that were not trained, because the recipe does not take them."""
        return tuple(score for score in self.ranking if score.outcome == "refused")


def run_sweep(
    space: Space, data_sha256: str, engine: Engine, folder: Path, *, test: bool = False, hooks: Hooks = SILENT
) -> Sweep:
    """Train every point of `space` that is not finished in `folder` yet, and rank all of them on validation.

    The trials of a round depend only on the space and the records of earlier rounds. The order in which trials end
    has no effect. So a sweep gives the same table on any number of cores, and after any interruption.

    Args:
        space: what to search.
        data_sha256: the hash of the data that the engine trains on.
        engine: runs the trials.
        folder: holds what is finished. After each trial results.csv is written, at the end results.jsonl.
        test: score the test split too. Trials that finished without a test score are trained again.
        hooks: told of what happens.

    Raises:
        SettingError: the space is refused, see `check_points`, or the folder holds another sweep or is in use.
        DataError: what the folder holds is damaged.
    """
    check_points(space)
    scores: list[PointScore] = []
    failed: list[Failed] = []
    with opened(folder, {**space.described(), "data": data_sha256}, space.parameters) as journal:

        def score(point: Point, refusal: str = "") -> PointScore:
            return PointScore(point, space.label(point), journal.of(point, space.seeds), space.n_seeds, refusal)

        hooks.on_found([*journal.records.values()])
        for points, earlier in _rounds(space, journal):
            refusals = [refusal(space, point) for point in points]
            accepted = [point for point, reason in zip(points, refusals, strict=True) if not reason]
            trials = _plan(space, accepted, earlier, engine.cores, test)
            for event in run_missing(trials, journal, engine, hooks):
                failed += [event] if isinstance(event, Failed) else []
                if isinstance(event, Finished):
                    known = [each for each in map(score, accepted) if each.records]
                    so_far = [replace(each, n_seeds=len(each.records)) for each in known]  # as if these were all
                    write_table(folder, space, [*scores, *so_far])
                hooks.on_event(event)
            scores += map(score, points, refusals)
        ranking = write_results(folder, space, scores)
        return Sweep(space, ranking, tuple(failed), journal.study)


def run_missing(trials: Sequence[Trial], journal: Journal, engine: Engine, hooks: Hooks) -> Iterator[Event]:
    """Let `engine` run those of `trials` that are not finished, and yield what happens when the journal has it."""
    left = [trial for trial in trials if not journal.has(trial)]
    hooks.on_round(trials, len(trials) - len(left))
    for event in engine.run(left):
        match event:
            case Finished(_, record):
                journal.keep(record)
            case Failed(trial, reason) | Lost(trial, reason):
                journal.fail(trial, reason)
        yield event


def _rounds(space: Space, journal: Journal) -> Iterator[tuple[list[Point], tuple[Sequence[float], ...]]]:
    """Yield the points of each round, and the validation accuracies of the trainings that its trials compete with.

    "tpe" draws eight points at a time (Bergstra et al. 2011), and from the second round on the median rule applies
    (Golovin et al. 2017, section 3.2.2). If the number of epochs varies, nothing is stopped.
    """
    if space.method != "tpe":
        yield space.points(), ()
        return
    met: list[Point] = []
    for first in range(0, space.n_trials, ROUND):
        records = [record for point in met for record in journal.of(point, space.seeds)]
        curves = [record.accuracies for record in records if record.outcome == "finished"]
        drawn = _draw(space, journal, met, min(ROUND, space.n_trials - first), space.seed + first)
        new = [point for number, point in enumerate(drawn) if point not in [*met, *drawn[:number]]]
        yield new, () if "epochs" in space.axes else tuple(curves)
        met += new


def _draw(space: Space, journal: Journal, met: Sequence[Point], n: int, seed: int) -> list[Point]:
    """Draw `n` points with Optuna's TPE, a function of the seed and of the records of the points `met`.

    One without a record, which was refused or has failed, counts as bad.
    """
    optuna = load_optuna()
    with warnings.catch_warnings(action="ignore"):  # older versions call constant_liar experimental
        # A point that is being tried counts as a bad one too, so that a round's points differ.
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=ROUND, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    axes = space.parameters
    for point in met:
        trials = [as_trial(record, axes) for record in journal.of(point, space.seeds)]
        study.add_trials(trials or [optuna_trial("PRUNED", point, axes)])
    return [point_of(study.ask(distributions(axes)).params, axes) for _ in range(n)]


def _plan(
    space: Space, points: Sequence[Point], earlier: tuple[Sequence[float], ...], cores: int, test: bool
) -> tuple[Trial, ...]:
    """Return the trials of `points`, all points with one seed before the next seed."""
    wanted = [(point, seed) for seed in space.seeds for point in points]
    trials = []
    for (point, seed), threads in zip(wanted, share_cores(len(wanted), cores), strict=True):
        recipe = space.recipe.with_changes(point)
        if recipe.settings.threads == 0:  # which leaves the number open
            recipe = recipe.with_changes({"threads": threads})
        trials.append(Trial(point, recipe, seed, earlier, test))
    return tuple(trials)
