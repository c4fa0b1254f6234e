import json
from collections.abc import Callable
from pathlib import Path

import pytest

from digitscope.experiments.bench import BENCHMARKS, Column, Comparison, ComparisonRow, Conditions
from digitscope.experiments.machine import describe_machine
from tests.cli.helpers import Command, assert_one_line

COLUMNS = (Column("seconds", "seconds", "{:.2f}"), Column("accuracy", "accuracy", "{:.1%}", compared=False))


def table(name: str) -> Comparison:
    rows = (
        ComparisonRow(
            "ours", {"seconds": (2.0, 1.0, 4.0), "accuracy": (0.99, 0.99, 0.99)}, raw=[[2.0], [1.0], [4.0]]
        ),
        ComparisonRow(
            "peer", {"seconds": (4.0, 3.0, 2.0), "accuracy": (0.98, 0.97, 0.99)}, raw=[[4.0], [3.0], [2.0]]
        ),
        ComparisonRow("absent", {}, "not available", "no compiler"),
    )
    return Comparison(name, f"the table of {name}", f"how {name} is timed", COLUMNS, rows, {"threads": 1})


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Conditions]]:
    """Every benchmark gives its table at once; returned is what each was given."""
    given: list[tuple[str, Conditions]] = []

    def measure(name: str) -> Callable[[Conditions], tuple[Comparison, ...]]:
        def run(conditions: Conditions) -> tuple[Comparison, ...]:
            given.append((name, conditions))
            return (table(name),)

        return run

    for name, benchmark in BENCHMARKS.items():
        monkeypatch.setattr(f"digitscope.experiments.bench.{benchmark.module}.measure", measure(name))
    return given


def test_a_table_has_medians_spreads_and_the_ratio_of_each_round(
    digitscope: Command, met: list[tuple[str, Conditions]]
) -> None:
    code, out, err = digitscope("bench", "epoch")
    assert (code, err, [name for name, _ in met]) == (0, [], ["epoch"])
    title, *_ = out.splitlines()
    assert title == "the table of epoch"
    cells = {
        line.split("│")[1].strip(): [cell.strip() for cell in line.split("│")[2:-1]]
        for line in out.splitlines()
        if "│" in line
    }
    assert cells["ours"] == ["2.00 (1.00 to 4.00)", "1.00", "99.0%"]
    # 4/2, 3/1 and 2/4: the median of the ratios is not the ratio of the medians, which is 1.5.
    assert cells["peer"] == ["3.00 (2.00 to 4.00)", "2.00 (0.50 to 3.00)", "98.0% (97.0% to 99.0%)"]
    assert cells["absent"] == ["not available", "", ""]
    assert "absent: not available: no compiler\n" in out
    assert "how epoch is timed" in out
    assert f"processor {describe_machine()['processor']}" in out


def test_json_has_every_second(digitscope: Command, met: list[tuple[str, Conditions]]) -> None:
    code, out, err = digitscope("bench", "--json")
    assert (code, err, [name for name, _ in met]) == (0, [], list(BENCHMARKS))
    told = json.loads(out)
    assert told["machine"] == describe_machine()
    assert [each["benchmark"] for each in told["tables"]] == list(BENCHMARKS)
    ours, peer, absent = told["tables"][0]["rows"]
    assert ours["raw"] == [[2.0], [1.0], [4.0]]
    assert peer["values"]["seconds"] == {
        "rounds": [4.0, 3.0, 2.0],
        "median": 3.0,
        "lowest": 2.0,
        "highest": 4.0,
        "ratio": {"rounds": [2.0, 3.0, 0.5], "median": 2.0, "lowest": 0.5, "highest": 3.0},
    }
    assert "ratio" not in peer["values"]["accuracy"]
    assert (peer["caveat"], absent["caveat"]) == (None, "not available: no compiler")
    assert absent["values"] == {"seconds": None, "accuracy": None}
    assert told["tables"][0]["settings"] == {"threads": 1}


def test_the_names_are_run_in_the_table_s_order(digitscope: Command, met: list[tuple[str, Conditions]]) -> None:
    assert digitscope("bench", "latency", "time-to-99", "latency").code == 0
    assert [name for name, _ in met] == ["time-to-99", "latency"]


def test_rounds_and_threads(
    digitscope: Command, met: list[tuple[str, Conditions]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.get_num_threads", lambda: 7)
    for words, expected in (
        ((), {"time-to-99": (3, 7), "epoch": (3, 1), "latency": (5, 7), "start": (5, 7)}),
        (("--quick",), {"time-to-99": (2, 7), "epoch": (2, 1), "latency": (2, 7), "start": (2, 7)}),
        (("--quick", "--rounds", 9, "--threads", 2), dict.fromkeys(BENCHMARKS, (9, 2))),
    ):
        met.clear()
        assert digitscope("bench", *words).code == 0
        assert {name: (conditions.rounds, conditions.threads) for name, conditions in met} == expected
        assert {conditions.quick for _, conditions in met} == {"--quick" in words}


def test_the_peers_that_are_asked_for(digitscope: Command, met: list[tuple[str, Conditions]]) -> None:
    assert digitscope("bench", "epoch").code == digitscope("bench", "epoch", "--peers", "PyTorch").code == 0
    assert [conditions.peers for _, conditions in met] == ["", "PyTorch"]
    refused = digitscope("bench", "epoch", "latency", "--peers", "PyTorch")
    assert_one_line(refused, 2, "--peers is of one benchmark, not of epoch, latency: name one")


def test_a_wrong_call_is_one_line(digitscope: Command) -> None:
    for words, parts in (
        (("fastest",), ("no benchmark is called 'fastest'", "time-to-99, epoch, latency")),
        (("epoch", "--rounds", 0), ("'0' is no count", "from 1")),
        (("epoch", "--threads", "many"), ("'many' is no count", "from 1")),
    ):
        assert_one_line(digitscope("bench", *words), 2, *parts)


def test_the_real_thing(digitscope: Command, tiny_mnist_folder: Path) -> None:
    words = ("epoch", "--quick", "--rounds", 1, "--data", tiny_mnist_folder, "--unchecked")
    code, out, err = digitscope("bench", *words)
    assert (code, err) == (0, [])
    for part in ("NumPy network", "PyTorch loop", "scikit-learn MLPClassifier", "ratio to first"):
        assert part in out
    assert "1.00" in out
