"""Points in the order of their validation accuracy, and the files that have them. Nothing in these is a time."""

import csv
import io
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from digitscope.experiments.sweep.space import Point, Space, as_scalar
from digitscope.experiments.sweep.trials import TrialRecord
from digitscope.files import write_text

TABLE_FILE, TRIALS_FILE = "results.csv", "results.jsonl"

PointOutcome = Literal["finished", "stopped", "diverged", "failed", "refused"]
_ORDER: tuple[PointOutcome, ...] = get_args(PointOutcome)


@dataclass(frozen=True)
class Spread:
    """Mean, and the sample's standard deviation, None of a single value."""

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return those of `values`, at least one."""
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)

    def in_percent(self) -> str:
        """Return an accuracy as a percentage, with its deviation if it has one."""
        deviation = "" if self.deviation is None else f" \N{PLUS-MINUS SIGN} {100 * self.deviation:.2f}"
        return f"{100 * self.mean:.2f}{deviation} %"


@dataclass(frozen=True)
class PointScore:
    """The score of a point: a record for each of its `n_seeds` seeds that was trained, in their order.

    `refusal` says why the recipe does not accept this combination; it is empty if it does.
    """

    point: Point
    label: str
    records: tuple[TrialRecord, ...]
    n_seeds: int
    refusal: str = ""

    @property
    def outcome(self) -> PointOutcome:
        """The worst of its trials'; "failed" if one has left no record, "refused" if none was to."""
        if self.refusal:
            return "refused"
        found: set[PointOutcome] = {record.outcome for record in self.records}
        return max(found, key=_ORDER.index) if len(self.records) == self.n_seeds else "failed"

    @property
    def n_epochs(self) -> int:
        """The epochs that all of its trials have behind them."""
        return min((len(record.history) for record in self.records), default=0)

    @property
    def validation(self) -> Spread | None:
        """The validation accuracy after these epochs; None if there are none."""
        return self.after("validation_accuracy") if self.n_epochs else None

    @property
    def validation_loss(self) -> Spread | None:
        """The validation loss after these epochs, in nats; None if there are none."""
        return self.after("validation_loss") if self.n_epochs else None

    @property
    def test(self) -> Spread | None:
        """The test accuracy, by which nothing is chosen; None unless every trial is finished."""
        values = [record.test_accuracy for record in self.records if record.test_accuracy is not None]
        return Spread.of(values) if values and len(values) == self.n_seeds else None

    @property
    def seconds_an_epoch(self) -> float | None:
        """The median wall time of an epoch, validation included; None if there is none."""
        seconds = [epoch.seconds for record in self.records for epoch in record.history]
        return statistics.median(seconds) if seconds else None

    def over_epochs(self, quantity: str) -> NDArray[np.float64]:
        """Return a quantity of every epoch, float64 (S, E): a row per seed, of epochs that all have."""
        rows = [[getattr(epoch, quantity) for epoch in record.history] for record in self.records]
        return np.array([row[: self.n_epochs] for row in rows], dtype=np.float64)

    def after(self, quantity: str) -> Spread:
        """Return a quantity after the last of these epochs, of which there is one at least."""
        return Spread.of(self.over_epochs(quantity)[:, -1].tolist())


def rank(scores: Sequence[PointScore]) -> tuple[PointScore, ...]:
    """Return `scores`, the best first: by outcome, then mean validation accuracy, then mean validation loss.

    Stopped points come after finished ones, and those with more epochs come first.
    """

    def order(score: PointScore) -> tuple[float, ...]:
        accuracy, loss = score.validation, score.validation_loss
        stopped_after = 0 if score.outcome == "finished" else score.n_epochs
        figures = (-accuracy.mean, loss.mean) if accuracy and loss else (0.0, 0.0)
        return (_ORDER.index(score.outcome), -stopped_after, *figures)

    return tuple(sorted(scores, key=order))


def write_results(folder: Path, space: Space, scores: Sequence[PointScore]) -> tuple[PointScore, ...]:
    """Write results.csv and results.jsonl, the trials with every epoch, and return the ranking in both."""
    write_table(folder, space, scores)
    ranking = rank(scores)
    lines = []
    for place, score in enumerate(ranking, start=1):
        for row in map(asdict, score.records):
            row["epochs"] = row.pop("history")
            for epoch in row["epochs"]:
                del epoch["seconds"]
            lines.append(json.dumps({"rank": place, **row}) + "\n")
    write_text(folder / TRIALS_FILE, "".join(lines))
    return ranking


def write_table(folder: Path, space: Space, scores: Sequence[PointScore]) -> None:
    """Write results.csv, whole or not at all."""
    write_text(folder / TABLE_FILE, as_csv(as_table(space, rank(scores))))


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return `rows`, at least one, as CSV under their names."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def as_table(space: Space, ranking: Sequence[PointScore]) -> list[dict[str, Any]]:
    """Return a row per point with every figure in full, what does not exist as None."""
    measure = space.measure.lower().replace(" ", "_")
    return [
        {
            "rank": place,
            "point": score.label,
            **{name: as_scalar(score.point[name]) for name in space.axes},
            "outcome": score.outcome,
            "seeds": len(score.records),
            "epochs": score.n_epochs,
            **spread_columns(f"validation_{measure}", score.validation),
            **spread_columns("validation_loss", score.validation_loss),
            **spread_columns(f"test_{measure}", score.test),
        }
        for place, score in enumerate(ranking, start=1)
    ]


def spread_columns(name: str, spread: Spread | None) -> dict[str, float | None]:
    """Return the two columns of `spread` in a table."""
    mean, deviation = (spread.mean, spread.deviation) if spread else (None, None)
    return {name: mean, f"{name}_deviation": deviation}
