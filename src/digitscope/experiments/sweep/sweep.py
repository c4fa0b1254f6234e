"""A sweep from its first round to its ranking."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from digitscope.errors import SettingError
from digitscope.experiments.sweep.engine import Begun, Engine, Event, Failed, Finished, Lost, share_cores
from digitscope.experiments.sweep.journal import Journal
from digitscope.experiments.sweep.methods import METHODS, Round, Rounds
from digitscope.experiments.sweep.points import check_point, check_points
from digitscope.experiments.sweep.ranking import PointScore
from digitscope.experiments.sweep.results import write_results, write_table
from digitscope.experiments.sweep.space import Point, Space
from digitscope.experiments.sweep.trials import Trial, TrialRecord, make_trial


@dataclass(frozen=True)
class Sweep:
    """The result of a sweep.

    Attributes:
        space: what was searched.
        ranking: its points, the best first; combinations that the recipe does not accept are last.
        failed: the trials that crashed, each with the reason.
        n_trained: trials of this call; the others were finished before.
    """

    space: Space
    ranking: tuple[PointScore, ...]
    failed: tuple[Failed, ...]
    n_trained: int

    @property
    def refused(self) -> tuple[PointScore, ...]:
        """The points that were not trained, because the recipe does not take them."""
        return tuple(score for score in self.ranking if score.outcome == "refused")


def run_sweep(
    space: Space,
    data_sha256: str,
    engine: Engine,
    folder: Path,
    *,
    test: bool = False,
    on_found: Callable[[Sequence[TrialRecord]], None] = lambda _: None,
    on_round: Callable[[Sequence[Trial], int], None] = lambda _trials, _done: None,
    on_event: Callable[[Event], None] = lambda _: None,
) -> Sweep:
    """Train every point of `space` that is not finished in `folder` yet, and rank all of them on validation.

    Args:
        space: what to search.
        data_sha256: the hash of the data that the engine trains on.
        engine: runs the trials.
        folder: holds what is finished, and is gone on with if it holds something of this sweep. After each trial
            results.csv is written there, and at the end results.jsonl too.
        test: score the test split too. Trials that finished without a test score are trained again.
        on_found: told of the trials that were finished before.
        on_round: told of each round's trials before it begins, and how many of them are finished already.
        on_event: told of what happens; a record is on disk by then.

    Raises:
        SettingError: the space is refused, see `check_points`, or the folder holds another sweep or is in use.
        DataError: what the folder holds is damaged.
    """
    check_points(space)
    scores: dict[tuple[Any, ...], PointScore] = {}
    failed: list[Failed] = []
    n_trained = 0
    with Journal(folder, {**space.described(), "data": data_sha256}) as journal:
        on_found([*journal.records.values()])
        rounds = METHODS[space.method](space)
        round_ = _next(rounds, None)
        while round_ is not None:
            new = {_values(point): point for point in round_.points if _values(point) not in scores}
            refused = _refused(space, new)
            accepted = [point for values, point in new.items() if values not in refused]
            planned = _plan(space, accepted, round_.stop_below, data_sha256, engine.cores)
            trials = [replace(trial, test=test) for trial in planned]
            left = [trial for trial in trials if not journal.has(trial)]
            on_round(trials, len(trials) - len(left))
            scores |= refused
            for event in run_trials(left, engine, journal):
                failed += [event] if isinstance(event, Failed) else []
                if isinstance(event, Finished):
                    n_trained += 1
                    write_table(folder, space, [*scores.values(), *_so_far(_scores(space, trials, journal))])
                on_event(event)
            scores |= {_values(score.point): score for score in _scores(space, trials, journal)}
            round_ = _next(rounds, [scores[_values(point)] for point in round_.points])
        ranking = write_results(folder, space, [*scores.values()])
    return Sweep(space, ranking, tuple(failed), n_trained)


def _next(rounds: Rounds, scores: Sequence[PointScore] | None) -> Round | None:
    try:
        return next(rounds) if scores is None else rounds.send(scores)
    except StopIteration:
        return None


def _values(point: Point) -> tuple[Any, ...]:
    return tuple(point.values())


def _refused(space: Space, points: Mapping[tuple[Any, ...], Point]) -> dict[tuple[Any, ...], PointScore]:
    """Return those of `points` that the recipe does not take: "tpe" draws what it likes."""
    found = {}
    for values, point in points.items():
        try:
            check_point(space, point)
        except SettingError as error:
            found[values] = PointScore(point, space.label(point), (), space.n_seeds, str(error))
    return found


def _plan(
    space: Space, points: Sequence[Point], stop_below: tuple[float, ...], data_sha256: str, cores: int
) -> tuple[Trial, ...]:
    """Return the trials of `points`, all points with one seed before the next seed."""
    wanted = [(point, seed) for seed in space.seeds for point in points]
    return tuple(
        make_trial(
            point, space.recipe_at(point), seed, threads=threads, data_sha256=data_sha256, stop_below=stop_below
        )
        for (point, seed), threads in zip(wanted, share_cores(len(wanted), cores), strict=True)
    )


def run_trials(trials: Sequence[Trial], engine: Engine, journal: Journal) -> Iterator[Event]:
    """Let `engine` run `trials`, and yield what happens when the journal has it."""
    for event in engine.run(trials):
        match event:
            case Begun(trial):
                journal.note("begun", trial)
            case Lost(trial, reason):
                journal.note("lost", trial, reason)
            case Finished(trial, record):
                journal.keep(record)
                journal.note("finished", trial)
            case Failed(trial, reason):
                journal.note("failed", trial, reason)
        yield event


def _so_far(scores: Sequence[PointScore]) -> Iterator[PointScore]:
    """Yield what is known of points on the way: as if the seeds that are finished were all."""
    return (replace(score, n_seeds=len(score.records)) for score in scores if score.records)


def _scores(space: Space, trials: Sequence[Trial], journal: Journal) -> list[PointScore]:
    """Return what is known of the points of a round, each of which has a trial of every seed."""
    found: dict[tuple[Any, ...], tuple[Point, list[TrialRecord]]] = {}
    for trial in trials:
        _, records = found.setdefault(_values(trial.point), (trial.point, []))
        records += [journal.records[trial.key]] if trial.key in journal.records else []
    return [
        PointScore(point, space.label(point), tuple(records), space.n_seeds) for point, records in found.values()
    ]
