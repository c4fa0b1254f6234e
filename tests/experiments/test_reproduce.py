from dataclasses import replace
from typing import Any

import pytest

from digitscope.data import COURSE_SEED, Dataset, make_two_digit, whole_batches
from digitscope.errors import SettingError
from digitscope.experiments.recipes import RECIPES, Recipe
from digitscope.experiments.reproduce import (
    EXPERIMENTS,
    QUICK,
    VARIATIONS,
    Bench,
    ComparedFigure,
    reproduce,
    select,
)
from digitscope.experiments.run import run_recipe
from digitscope.training import evaluate
from tests.experiments.helpers import small


def no_data() -> Dataset:
    raise AssertionError("this experiment needs no data")


def bench_of(sample: Dataset, announced: list[tuple[str, int]], steps: list[None]) -> Bench:
    digits = small(sample, 150)
    return Bench(
        mnist=lambda: digits,
        two_digit=lambda: make_two_digit(digits, n_train=150, n_test=64, seed=0),
        device="cpu",
        on_run=lambda name, n_steps: announced.append((name, n_steps)),
        on_batch=lambda: steps.append(None),
    )


def test_when_a_row_passes() -> None:
    nan = float("nan")
    for reference, ours, tolerance, difference, passed in (
        (0.5, 0.75, 0.25, 0.25, True),
        (0.5, 0.25, 0.25, -0.25, True),
        (0.5, 0.75001, 0.25, 0.25001, False),
        (0.98, 0.98, None, 0.0, True),
        (0.98, 0.9799, None, -0.0001, False),
        (None, 0.1, 0.003, None, True),
        (0.5, nan, 0.25, nan, False),
        (0.5, nan, None, nan, False),
    ):
        row = ComparedFigure("an experiment", "a figure", reference, ours, tolerance)
        assert row.passed is passed
        assert row.difference == (None if difference is None else pytest.approx(difference, nan_ok=True))


def test_the_2_3_1_network_gives_the_handout_s_figures() -> None:
    rows = list(reproduce(["2-3-1"], Bench(mnist=no_data, two_digit=no_data)))
    handout = [7.038453196038151, 14.042814826755537, 21.047176457472922, 35.055899718907696, 70.07770787249461]
    assert [row.ours for row in rows[:5]] == pytest.approx(handout, rel=0, abs=1e-9)
    assert [row.reference for row in rows[:5]] == handout
    assert (rows[5].what, rows[5].ours) == ("course tests passed, of 5", 5)
    assert all(row.passed for row in rows)
    assert len(rows) == 6


def test_an_unknown_name_is_refused_before_anything_runs() -> None:
    names = ["2-3-1", "all"]
    expected = "expected quick, 2-3-1, hidden-10, hidden-128, cnn, two-digit, two-digit-fast"
    rows = reproduce(names, Bench(mnist=no_data, two_digit=no_data))
    for refused in (lambda: next(rows), lambda: select(names)):
        with pytest.raises(SettingError, match=f"{expected}$"):
            refused()


def test_selection(monkeypatch: pytest.MonkeyPatch) -> None:
    def stub(name: str) -> Any:
        return lambda _: iter([ComparedFigure(name, "", None, 0.0)])

    table = {name: stub(name) for name in EXPERIMENTS}
    monkeypatch.setattr("digitscope.experiments.reproduce.EXPERIMENTS", table)

    def selected(*names: str) -> list[str]:
        return [row.experiment for row in reproduce(names, Bench(mnist=no_data, two_digit=no_data))]

    assert selected() == ["2-3-1", "hidden-10", "hidden-128", "cnn", "two-digit", "two-digit-fast"]
    assert selected("quick") == ["2-3-1", "hidden-10", "hidden-128"] == list(QUICK)
    assert selected("cnn", "2-3-1") == ["cnn", "2-3-1"]
    assert selected("hidden-10", "quick", "hidden-10") == ["hidden-10", "2-3-1", "hidden-128"]
    for names in ((), ("quick",), ("cnn", "2-3-1"), ("hidden-10", "quick", "hidden-10")):
        assert list(select(names)) == selected(*names)


HANDOUT = {
    "hidden-10": [
        (0.9204727564102564, 0.26722689),
        (0.9314903846153846, 0.24238463),
        (None, 0.27886551),
        (0.8828125, 0.51256450),
        (0.9207732371794872, 0.26892609),
    ],
    "hidden-128": [
        (0.9767628205128205, 0.07372987),
        (0.9749599358974359, 0.08878818),
        (0.9425080128205128, 0.20072906),
        (0.9671474358974359, 0.19402986),
        (0.9766626602564102, 0.07587968),
    ],
}


@pytest.mark.parametrize("experiment", HANDOUT)
def test_the_grid_stands_beside_the_handout_s_figures(experiment: str, sample: Dataset) -> None:
    announced: list[tuple[str, int]] = []
    steps: list[None] = []
    bench = bench_of(sample, announced, steps)
    rows = list(reproduce([experiment], bench))
    found = [
        (accuracy.reference, loss.reference) for accuracy, loss in zip(rows[:10:2], rows[1:10:2], strict=True)
    ]
    assert found == HANDOUT[experiment]
    tolerances = [
        (accuracy.tolerance, loss.tolerance) for accuracy, loss in zip(rows[:10:2], rows[1:10:2], strict=True)
    ]
    ordinary, chaotic = (0.003, 0.006), (0.03, 0.08)
    assert tolerances == [ordinary, ordinary, ordinary, chaotic, ordinary]
    assert {row.experiment for row in rows} == {experiment}
    variations = ("baseline", "batch size 64", "learning rate 0.01", "momentum 0.9", "LeakyReLU")
    assert [title for title, _ in announced] == [f"{experiment}, {variation}" for variation in variations]
    assert [n_steps for _, n_steps in announced] == [40, 20, 40, 40, 40]  # 150 digits, 10 epochs
    assert len(steps) == 180
    if experiment == "hidden-10":
        chosen, lead = rows[10:]
        assert (chosen.reference, chosen.tolerance) == (0.940020, 0.003)
        assert lead.what == "batch size 64: lead in validation accuracy over the others"
        assert (lead.reference, lead.tolerance) == (0.0, None)
        recipes = [RECIPES["fc"].with_changes(VARIATIONS[name]) for name in variations]
        validations = [whole_batch_validation(recipe, sample) for recipe in recipes]
        assert chosen.ours == validations[1]
        assert lead.ours == validations[1] - max(validations[:1] + validations[2:])
    else:
        assert len(rows) == 10


def whole_batch_validation(recipe: Recipe, sample: Dataset) -> float:
    digits = small(sample, 150)
    n = 70 // recipe.settings.batch_size * recipe.settings.batch_size
    trained = run_recipe(recipe, digits, seed=12321, device="cpu")
    return evaluate(trained.model, digits.validation[:n]).accuracy


def test_the_convolutional_network_s_rows(sample: Dataset) -> None:
    announced: list[tuple[str, int]] = []
    steps: list[None] = []
    rows = list(reproduce(["cnn"], bench_of(sample, announced, steps)))
    assert [(row.reference, row.tolerance) for row in rows] == [(0.93, 0.015), (0.98, None), (0.99, None)]
    assert announced == [("cnn", len(steps))] == [("cnn", 40)]


POSITIONS = tuple(
    f"{split} accuracy, {which}"
    for split in ("validation", "test")
    for which in ("upper digit", "lower digit", "both right")
)


def test_the_two_digit_rows_need_only_pairs(sample: Dataset) -> None:
    announced: list[tuple[str, int]] = []
    steps: list[None] = []
    bench = replace(bench_of(sample, announced, steps), mnist=no_data)
    rows = list(reproduce(["two-digit"], bench))
    expected = [f"{name}: {figure}" for name in ("two-digit-mlp", "two-digit-cnn") for figure in POSITIONS]
    assert [row.what for row in rows] == expected
    for row in rows:
        assert (row.experiment, row.reference, row.tolerance) == ("two-digit", None, None)
        assert 0 <= row.ours <= 1
    # 135 pairs: 2 whole batches of 64 for 30 epochs, twice
    assert announced == [("two-digit-mlp", 60), ("two-digit-cnn", 60)]
    assert len(steps) == 120


def test_the_rows_of_the_best_two_digit_network(sample: Dataset) -> None:
    announced: list[tuple[str, int]] = []
    steps: list[None] = []
    bench = bench_of(sample, announced, steps)
    rows = list(reproduce(["two-digit-fast"], bench))
    assert [row.what for row in rows] == [f"two-digit-fast: {figure}" for figure in POSITIONS]
    for row in rows:
        assert row.experiment == "two-digit-fast"
        assert row.reference == (None if "both right" in row.what else 0.98), row.what
        assert row.tolerance is None
        assert 0 <= row.ours <= 1
    # 135 pairs: 2 batches of at most 128 for 8 epochs
    assert announced == [("two-digit-fast", 16)]
    assert len(steps) == 16


def test_the_best_two_digit_network_learns_from_mnist_itself(sample: Dataset) -> None:
    announced: list[tuple[str, int]] = []
    bench = replace(bench_of(sample, announced, []), mnist=no_data)
    with pytest.raises(AssertionError, match="needs no data"):
        list(reproduce(["two-digit-fast"], bench))
    assert announced == []


def test_the_baseline_on_mnist_is_the_handout_s(mnist: Dataset) -> None:
    trained = run_recipe(RECIPES["fc"], mnist, seed=COURSE_SEED, device="cpu")
    scored = whole_batches(mnist.test, 32)
    scores = evaluate(trained.model, scored)
    assert len(scored) == scores.n == 9_984
    assert scores.accuracy == pytest.approx(0.9204727564102564, rel=0, abs=0.003)
    assert scores.nll == pytest.approx(0.26722689, rel=0, abs=0.006)
    assert len(trained.history) == 10
