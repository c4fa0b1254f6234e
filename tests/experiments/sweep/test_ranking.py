import csv
import json
from pathlib import Path

import pytest

from digitscope.experiments.sweep.ranking import PointScore, Spread, rank, write_results
from digitscope.experiments.sweep.space import load_space
from tests.experiments.sweep.helpers import record


def scored(label: str, *last: float, **of_record: object) -> PointScore:
    records = tuple(record([0.1, value], seed=seed, **of_record) for seed, value in enumerate(last))  # type: ignore[arg-type]
    return PointScore({"momentum": float(len(label))}, label, records, len(last))


def test_mean_and_deviation_by_hand() -> None:
    score = scored("a", 0.90, 0.92, 0.94)
    assert score.validation is not None
    assert score.validation.mean == pytest.approx(0.92)
    assert score.validation.deviation == pytest.approx(0.02)
    assert score.test == Spread(0.5, 0.0)
    assert scored("b", 0.9).validation == Spread(0.9, None)


def test_the_order() -> None:
    stopped_late = PointScore({}, "stopped late", (record([0.2, 0.3, 0.4], outcome="stopped", test=None),), 1)
    scores = [
        PointScore({}, "failed", (), 1),
        PointScore({}, "diverged", (record([], outcome="diverged", test=None),), 1),
        scored("stopped", 0.99, outcome="stopped", test=None),
        stopped_late,
        PointScore({}, "no second seed", (record([0.9]),), 2),
        scored("mean 0.8", 0.7, 0.9, test=1.0),
        scored("mean 0.85", 0.85, 0.85, test=0.1),
    ]
    labels = [score.label for score in rank(scores)]
    assert labels == ["mean 0.85", "mean 0.8", "stopped late", "stopped", "diverged", "no second seed", "failed"]


def test_equal_accuracies_are_ranked_by_loss() -> None:
    a = record([0.9])
    worse = PointScore({}, "worse", (record([0.9]),), 1)
    better_epoch = type(a.history[0])(**{**a.history[0].__dict__, "validation_loss": 0.01})
    better = PointScore({}, "better", (type(a)(**{**a.__dict__, "history": (better_epoch,)}),), 1)
    assert [score.label for score in rank([worse, better])] == ["better", "worse"]


def test_the_tables(tmp_path: Path) -> None:
    space = load_space("fc", ["momentum=0.0,0.5"])
    scores = [
        PointScore({"momentum": 0.5}, "momentum 0.5", (record([0.5, 0.875]), record([0.5, 0.625])), 2),
        PointScore({"momentum": 0.0}, "baseline", (), 2),
    ]
    write_results(tmp_path, space, scores)
    rows = list(csv.DictReader((tmp_path / "results.csv").read_text().splitlines()))
    assert [(row["rank"], row["point"], row["momentum"], row["outcome"]) for row in rows] == [
        ("1", "momentum 0.5", "0.5", "finished"),
        ("2", "baseline", "0.0", "failed"),
    ]
    assert (rows[0]["validation_accuracy"], rows[1]["validation_accuracy"]) == ("0.75", "")
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [line["rank"] for line in lines] == [1, 1]
    assert [epoch["validation_accuracy"] for epoch in lines[0]["epochs"]] == [0.5, 0.875]
    assert "seconds" not in (tmp_path / "results.jsonl").read_text()
