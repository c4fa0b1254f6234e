import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from digitscope.data import Dataset, Split
from digitscope.errors import DataError
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.recipes import Recipe
from digitscope.experiments.reproduce import REPORTED_PREDICTIONS, Bench, ComparedFigure
from digitscope.experiments.run import Run, run_recipe
from tests.cli.helpers import Command, assert_one_line
from tests.data.helpers import write_idx_folder

# The handout's predictions of its 2-3-1 network, as the project's page prints them.
HANDOUT = [7.038453196038151, 14.042814826755537, 21.047176457472922, 35.055899718907696, 70.07770787249461]


def test_the_small_network_as_json(digitscope: Command) -> None:
    code, out, err = digitscope("reproduce", "--only", "2-3-1", "--json")
    assert (code, err) == (0, ["6 of 6 figures within tolerance"])
    result = json.loads(out)
    assert result["passed"] is True
    *predictions, tests = result["rows"]
    assert [row["reference"] for row in predictions] == HANDOUT
    assert [row["ours"] for row in predictions] == pytest.approx(HANDOUT, abs=1e-9, rel=0)
    assert (tests["reference"], tests["ours"]) == (5, 5)
    assert set(tests) == {"experiment", "what", "reference", "ours", "difference", "tolerance", "passed"}
    assert list(result) == ["passed", "machine", "rows"]
    assert result["machine"] == describe_machine()


def test_a_false_row_fails_the_command(digitscope: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    false = MappingProxyType({**REPORTED_PREDICTIONS, (1, 1): 7.0})
    monkeypatch.setattr("digitscope.experiments.reproduce.REPORTED_PREDICTIONS", false)
    code, out, err = digitscope("reproduce", "--only", "2-3-1")
    assert (code, err) == (1, ["5 of 6 figures within tolerance"])
    assert (out.count("FAILS"), out.count("ok")) == (1, 5)
    code, out, _ = digitscope("reproduce", "--only", "2-3-1", "--json")
    assert (code, json.loads(out)["passed"]) == (1, False)
    assert [row["passed"] for row in json.loads(out)["rows"]] == [False, True, True, True, True, True]


def stub(name: str) -> Callable[[Bench], Iterator[ComparedFigure]]:
    """An experiment of one row, or none and an error where it is called broken."""

    def run(_: Bench) -> Iterator[ComparedFigure]:
        if name == "broken":
            raise DataError("it broke")
        yield ComparedFigure(name, f"the figure of {name}", 1.0, 1.0, 0.5)

    return run


@pytest.fixture
def _stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    table = MappingProxyType({name: stub(name) for name in ("one", "two", "broken")})
    monkeypatch.setattr("digitscope.experiments.reproduce.EXPERIMENTS", table)


@pytest.mark.usefixtures("_stubs")
def test_each_experiment_has_its_table(digitscope: Command) -> None:
    code, out, err = digitscope("reproduce", "--only", "two", "one")
    assert (code, err) == (0, ["2 of 2 figures within tolerance"])
    tables = out.split(": the course's figures\n")
    assert [len(tables), tables[0]] == [3, "two"]
    assert "the figure of two" in tables[1]
    assert "the figure of one" not in tables[1]
    assert "the figure of one" in tables[2]
    assert "the figure of two" not in tables[2]


@pytest.mark.usefixtures("_stubs")
def test_a_table_is_printed_as_soon_as_its_experiment_is_done(digitscope: Command) -> None:
    code, out, err = digitscope("reproduce")  # the third has not begun to fail when the first two are done
    assert (code, err) == (1, ["digitscope: error: it broke"])
    assert [out.count(f"the figure of {name}") for name in ("one", "two")] == [1, 1]
    assert "broken" not in out
    assert digitscope("reproduce", "--json") == (1, "", ["digitscope: error: it broke"])


def test_figures_of_full_mnist_need_full_mnist(digitscope: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The small network needs no data, and its table stands already."""
    forbid_training(monkeypatch)
    code, out, err = digitscope("reproduce", "--only", "quick")
    assert (code, out) == (1, digitscope("reproduce", "--only", "2-3-1").out)
    errors = [line for line in err if line.startswith("digitscope")]
    assert errors == [err[-1]]
    assert (
        err[-1]
        == f"digitscope: error: {refusal_of('MNIST sample', 'the embedded sample: 5,000 real MNIST digits')}"
    )


def test_other_data_of_full_size_are_not_mnist(
    digitscope: Command, monkeypatch: pytest.MonkeyPatch, sample: Dataset, tmp_path: Path
) -> None:
    """Neither Fashion-MNIST nor what `--unchecked` lets in, however many images there are."""
    name = "hidden-10"
    forbid_training(monkeypatch)
    many = Split(np.zeros((10_000, 28, 28), np.uint8), np.zeros(10_000, np.uint8))
    write_idx_folder(tmp_path / "many", sample.train[:64], many)
    data = ("--data", tmp_path / "many", "--unchecked")
    expected = refusal_of("unchecked data", str(tmp_path / "many"))
    assert_one_line(digitscope("reproduce", "--only", name, *data), 1, expected)
    fashion = Dataset("Fashion-MNIST", "a folder", sample.train, sample.validation, many)
    monkeypatch.setattr("digitscope.cli.reproduce.single_digits", lambda *_: fashion)
    assert_one_line(digitscope("reproduce", "--only", name), 1, refusal_of("Fashion-MNIST", "a folder"))


@pytest.fixture
def quick_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the experiments train for two steps, on the folder's 90 pairs."""

    def train_briefly(recipe: Recipe, *arguments: Any, **options: Any) -> Run:
        return run_recipe(recipe.with_changes({"epochs": 1, "batch_size": 45}), *arguments, **options)

    monkeypatch.setattr("digitscope.experiments.reproduce.run_recipe", train_briefly)


@pytest.mark.usefixtures("quick_pairs")
def test_the_course_s_two_networks_need_only_its_pairs(digitscope: Command, pairs_folder: Path) -> None:
    words = ("reproduce", "--only", "two-digit", "--data", pairs_folder)
    code, out, err = digitscope(*words)
    assert (code, err) == (0, ["0 of 0 figures within tolerance, 12 shown without one of the handout's"])
    assert out.startswith("two-digit: the course's figures\n")
    assert [out.count(f"{name}: ") for name in ("two-digit-mlp", "two-digit-cnn", "two-digit-fast")] == [6, 6, 0]
    code, out, _ = digitscope(*words, "--json")
    assert code == 0
    assert [row["experiment"] for row in json.loads(out)["rows"]] == ["two-digit"] * 12


def test_the_best_two_digit_network_needs_mnist_beside_the_pairs(
    digitscope: Command, pairs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid_training(monkeypatch)
    code, out, err = digitscope("reproduce", "--only", "two-digit-fast", "--data", pairs_folder)
    assert (code, out) == (1, "")
    expected = refusal_of("MNIST sample", "the embedded sample: 5,000 real MNIST digits")
    assert err[-1] == f"digitscope: error: {expected}"


@pytest.mark.usefixtures("quick_pairs")
def test_the_best_two_digit_network_has_its_own_table(
    digitscope: Command, pairs_folder: Path, sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    mnist = replace(sample, name="MNIST")
    monkeypatch.setattr("digitscope.cli.reproduce.single_digits", lambda *_: mnist)
    _, out, err = digitscope("reproduce", "--only", "two-digit-fast", "--data", pairs_folder)
    assert "of 4 figures within tolerance, 2 shown" in err[-1]
    assert out.startswith("two-digit-fast: the course's figures\n")
    assert sum(line.startswith("│ two-digit-fast: ") for line in out.splitlines()) == 6


def refusal_of(name: str, source: str) -> str:
    return (
        f"the handout's figures are for full MNIST, and here is only {name}, from {source}: "
        "pass --data DIR, or run digitscope data fetch"
    )


def forbid_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("it trained on something else")

    monkeypatch.setattr("digitscope.experiments.reproduce.run_recipe", refuse)


@pytest.mark.usefixtures("_stubs")
def test_only_may_be_given_twice(digitscope: Command) -> None:
    code, out, _ = digitscope("reproduce", "--only", "two", "--only", "one")
    assert code == 0
    assert out.count(": the course's figures") == 2
