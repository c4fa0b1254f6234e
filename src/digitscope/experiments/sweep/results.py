"""The files that a sweep leaves for programs: a row a point, a line a trial. Nothing in them is a time."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from digitscope.experiments.sweep.ranking import PointScore, Spread, rank
from digitscope.experiments.sweep.space import Space, value_in_words
from digitscope.files import write_text

TABLE_FILE, TRIALS_FILE = "results.csv", "results.jsonl"


def write_results(folder: Path, space: Space, scores: Sequence[PointScore]) -> tuple[PointScore, ...]:
    """Write results.csv and results.jsonl, the trials with every epoch, and return the ranking in both."""
    ranking = write_table(folder, space, scores)
    write_text(folder / TRIALS_FILE, "".join(json.dumps(line) + "\n" for line in _trials(ranking)))
    return ranking


def write_table(folder: Path, space: Space, scores: Sequence[PointScore]) -> tuple[PointScore, ...]:
    """Write results.csv, whole or not at all, and return the ranking that is in it."""
    ranking = rank(scores)
    rows = as_table(space, ranking)
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text(folder / TABLE_FILE, text.getvalue())
    return ranking


def as_table(space: Space, ranking: Sequence[PointScore]) -> list[dict[str, Any]]:
    """Return a row a point with every figure in full, what does not exist as None."""
    measure = space.measure.lower().replace(" ", "_")
    return [
        {
            "rank": place,
            "point": score.label,
            **{name: _plain(score.point[name]) for name in space.axes},
            "outcome": score.outcome,
            "seeds": len(score.records),
            "epochs": score.n_epochs,
            **_spread(f"validation_{measure}", score.validation),
            **_spread("validation_loss", score.validation_loss),
            **_spread(f"test_{measure}", score.test),
        }
        for place, score in enumerate(ranking, start=1)
    ]


def _trials(ranking: Sequence[PointScore]) -> list[dict[str, Any]]:
    return [
        {
            "rank": place,
            "point": dict(record.point),
            "seed": record.seed,
            "threads": record.threads,
            "outcome": record.outcome,
            "test_accuracy": record.test_accuracy,
            "made_with": dict(record.made_with),
            "epochs": [_without_time(asdict(epoch)) for epoch in record.history],
        }
        for place, score in enumerate(ranking, start=1)
        for record in score.records
    ]


def _without_time(epoch: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in epoch.items() if name != "seconds"}


def _plain(value: object) -> object:
    return value_in_words(value) if isinstance(value, tuple) else value


def _spread(name: str, spread: Spread | None) -> Mapping[str, float | None]:
    mean, deviation = (spread.mean, spread.deviation) if spread else (None, None)
    return {name: mean, f"{name}_deviation": deviation}
