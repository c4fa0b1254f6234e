"""What `scripts/ship_weights.py` ships and what it refuses, with recipes that take a moment to train."""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripts import ship_weights
from scripts.ship_weights import ship

from digitscope.data import COURSE_SEED, Dataset, Split, make_two_digit
from digitscope.data.pen_digits import pen_digits
from digitscope.data.pens import load_pens
from digitscope.data.unipen import convert_unipen
from digitscope.errors import SettingError
from digitscope.experiments import recipes
from digitscope.experiments.recipes import Recipe
from digitscope.experiments.run import load_run, run_recipe
from digitscope.export import ExportError
from digitscope.metrics import evaluate_logits
from digitscope.reading import SHIPPED, Recognizer
from digitscope.records import EpochRecord
from digitscope.scratch import ScratchSettings
from digitscope.training import TrainingSettings
from tests.data.helpers import SEVEN, write_unipen
from tests.experiments.helpers import content, small

QUICK = TrainingSettings(epochs=2, batch_size=32, order="reshuffled", threads=1)
RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("quick", "", "fc", QUICK, {"hidden": 12}),
        Recipe("other", "", "fc", QUICK),
        Recipe("penned", "", "fc", replace(QUICK, pens=0.2)),
        Recipe("numpy", "", "scratch", ScratchSettings(epochs=2, hidden=(8,))),
        Recipe(
            "pairs", "", "two-digit-mlp", replace(QUICK, order="fresh-pairs", epoch_size=320), task="two-digit"
        ),
    )
}


@pytest.fixture(autouse=True)
def _quick_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "RECIPES", RECIPES)


@pytest.fixture(scope="module")
def digits(sample: Dataset) -> Dataset:
    return small(sample, 300)


@pytest.fixture(scope="module")
def runs(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three runs of "quick"; not to be changed."""
    folders = [tmp_path_factory.mktemp("runs") / f"quick-{seed}" for seed in range(3)]
    for seed, folder in enumerate(folders):
        run_recipe(RECIPES["quick"], digits, seed=seed, device="cpu", folder=folder)
    return folders


def table_under(card: str, title: str) -> list[list[str]]:
    """Return the cells of the table under a title, its header and the line below left out."""
    lines = card.partition(f"\n### {title}\n\n")[2].partition("\n\n")[0].splitlines()
    assert set(lines[1]) == set("| -")
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def numbers(row: list[str]) -> list[float]:
    return [float(cell) for cell in row[1:]]


def test_the_best_on_validation_ships_and_the_card_says_what_it_scores(
    runs: list[Path], digits: Dataset, tmp_path: Path
) -> None:
    """The file is scored by ONNX Runtime, each run without its temperature. Older files do not matter."""
    for name in ("digit.onnx", "digit.md"):
        (tmp_path / name).write_text("an older one")
    ship("digit", runs, digits, tmp_path)
    first = content(tmp_path)
    assert sorted(first) == ["digit.md", "digit.onnx"]
    assert b"an older one" not in first.values()
    shipped = Recognizer.load(tmp_path / "digit.onnx")

    def scores_of(logits: Any, split: Split) -> tuple[float, float]:
        scores = evaluate_logits(logits(split.images), split.labels)
        return 100 * scores.accuracy, scores.nll

    card = (tmp_path / "digit.md").read_text(encoding="utf-8")
    *rows, means = table_under(card, "70 test digits")
    assert [row[0].removesuffix(" (ships)") for row in rows] == ["0", "1", "2"]
    validation = [scores_of(load_run(folder).logits, digits.validation)[0] for folder in runs]
    test = [scores_of(load_run(folder).logits, digits.test)[0] for folder in runs]
    assert [numbers(row)[0] for row in rows] == pytest.approx(validation, abs=0.005)
    assert [numbers(row)[1] for row in rows] == pytest.approx(test, abs=0.005)
    (best,) = (row for row in rows if row[0].endswith(" (ships)"))
    assert scores_of(shipped.logits, digits.validation)[0] == pytest.approx(max(validation))
    assert numbers(best)[0] == pytest.approx(max(validation), abs=0.005)
    assert numbers(best)[1:3] == pytest.approx(scores_of(shipped.logits, digits.test), abs=0.005)
    assert means[:2] == ["mean of 3", f"{np.mean(validation):.3f} ± {np.std(validation, ddof=1):.3f}"]
    classes = table_under(card, "The shipped one, by digit")
    assert [int(row[1]) for row in classes] == np.bincount(digits.test.labels).tolist()
    ship("digit", runs, digits, tmp_path)
    assert content(tmp_path) == first


def test_the_card_says_what_it_is_and_how_it_was_trained(
    runs: list[Path], digits: Dataset, tmp_path: Path
) -> None:
    ship("digit-best", runs[:1], digits, tmp_path)
    card = (tmp_path / "digit-best.md").read_text(encoding="utf-8")
    machine = json.loads((runs[0] / "config.json").read_text(encoding="utf-8"))["machine"]
    n_bytes = (tmp_path / "digit-best.onnx").stat().st_size
    for text in (
        f"# digit-best\n\nReads {SHIPPED['digit-best']}.\n",
        "\n    OMP_NUM_THREADS=1 digitscope train quick --seed 0\n",
        "\n    digitscope export runs/quick-1 --to digit-best.onnx\n",
        f"`fc`, {784 * 12 + 12 + 12 * 10 + 10:,} parameters; {n_bytes:,} bytes, ONNX opset 20.",
        "1 run of the recipe `quick`, 2 epochs in 0 minutes on one core,",
        f"of an {machine['processor']} with PyTorch {machine['torch']}.",
        f"MNIST sample, 300 examples an epoch, sha256 `{digits.sha256()[:16]}`.",
        "It knows digits framed as MNIST's",
    ):
        assert text in card
    assert len(table_under(card, "70 test digits")) == 1  # no mean of one
    assert "\n\n\n" not in card


def test_two_digits(sample: Dataset, tmp_path: Path) -> None:
    """Trained on the pairs that the command makes, and tested on 10,000."""
    digits = small(sample, 300)
    data = make_two_digit(digits, seed=COURSE_SEED)
    run_recipe(RECIPES["pairs"], data, seed=5, device="cpu", singles=digits, folder=tmp_path / "run")
    ship("two-digit", [tmp_path / "run"], digits, tmp_path)
    shipped = Recognizer.load(tmp_path / "two-digit.onnx")
    test = make_two_digit(digits, n_train=2, n_test=10_000, seed=COURSE_SEED).test
    right = shipped.predict(test.images).labels == test.labels
    ((seed, _, *cells),) = table_under(
        (tmp_path / "two-digit.md").read_text(encoding="utf-8"), "10,000 test pairs"
    )
    assert seed == "5 (ships)"
    expected = [*right.mean(axis=0), right.all(axis=1).mean()]
    assert [float(cell) for cell in cells[:3]] == pytest.approx([100 * share for share in expected], abs=0.011)


def test_pen_digits(digits: Dataset, tmp_path: Path) -> None:
    """Of six writers, each with a 7, the last one is held back: its 7 is read right or not."""
    convert_unipen(write_unipen(tmp_path / "unipen", dict.fromkeys("abcdef", SEVEN)), tmp_path)
    pens = load_pens("digits", tmp_path)
    run_recipe(RECIPES["penned"], digits, seed=5, folder=tmp_path / "run", pens=pen_digits(pens))
    into = tmp_path / "out"
    ship("digit", [tmp_path / "run"], digits, into, pens=pens)
    card = (into / "digit.md").read_text(encoding="utf-8")
    for text in (
        "UNIPEN train_r01_v07 (Guyon et al. 1994; Zenodo 10.5281/zenodo.1195803), licence CC BY 4.0",
        f": 5 digits, 0.2 for each of MNIST's, sha256 `{pens.sha256()[:16]}`.",
    ):
        assert text in card
    held_back = pen_digits(pens, held_back=True).each(np.random.default_rng(0))
    right = Recognizer.load(into / "digit.onnx").predict(held_back.images).labels == held_back.labels
    assert f"It reads {right.mean():.2%} of 1 digits by a tenth of UNIPEN's writers" in card
    others = replace(pens, labels=np.array(["1", *pens.labels[1:]]))
    for wrong, message in ((others, "a run on other pen digits"), (None, "penned: expected UNIPEN's digits with")):
        with pytest.raises(SettingError, match=message):
            ship("digit", [tmp_path / "run"], digits, tmp_path / "not", pens=wrong)
    assert not (tmp_path / "not").exists()


def test_what_fails_leaves_both_files_as_they_were(
    runs: list[Path], digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = "card"
    for name in ("digit.onnx", "digit.md"):
        (tmp_path / name).write_text("an older one")
    before = content(tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise ExportError("it does not compute")

    monkeypatch.setattr(ship_weights, "export_onnx" if broken == "export" else "card", fail)
    with pytest.raises(ExportError, match="it does not compute"):
        ship("digit", runs, digits, tmp_path)
    assert content(tmp_path) == before


def refused(name: str, folders: list[Path], digits: Dataset, into: Path) -> str:
    """Return what `ship` says when it refuses, after checking that it wrote nothing."""
    with pytest.raises(SettingError) as caught:
        ship(name, folders, digits, into)
    assert not into.exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("recipe", "changes", "message"),
    [
        ("quick", {"hidden": 13}, "a run of quick: expected runs of one recipe, as it is committed"),
        ("numpy", {}, "numpy is the NumPy network: expected one that PyTorch trains"),
    ],
)
def test_a_run_that_the_card_s_command_would_not_give(
    recipe: str, changes: Mapping[str, Any], message: str, runs: list[Path], digits: Dataset, tmp_path: Path
) -> None:
    run_recipe(RECIPES[recipe].with_changes(changes), digits, seed=1, folder=tmp_path / "run")
    folders = [tmp_path / "run"] if recipe == "numpy" else [runs[0], tmp_path / "run"]
    assert refused("digit", folders, digits, tmp_path / "out") == message


def test_a_recipe_that_is_there_no_more(digits: Dataset, tmp_path: Path) -> None:
    run_recipe(replace(RECIPES["quick"], name="gone"), digits, seed=1, folder=tmp_path / "run")
    message = refused("digit", [tmp_path / "run"], digits, tmp_path / "out")
    assert message.startswith("no recipe is called 'gone': expected one of quick,")


def test_an_unfinished_run(digits: Dataset, tmp_path: Path) -> None:
    def interrupt(_: EpochRecord) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_recipe(RECIPES["quick"], digits, seed=1, folder=tmp_path / "run", on_epoch=interrupt)
    message = refused("digit", [tmp_path / "run"], digits, tmp_path / "out")
    assert message == "a run of 1 epochs: expected 2, resume it"


def test_other_data(runs: list[Path], sample: Dataset, tmp_path: Path) -> None:
    other = small(sample, 301)
    message = refused("digit", runs, other, tmp_path / "out")
    assert message == f"a run on other data: expected runs on MNIST sample, from {other.source}"


def test_another_task(runs: list[Path], digits: Dataset, tmp_path: Path) -> None:
    message = refused("two-digit", runs, digits, tmp_path / "out")
    assert message == "two-digit is no network for the task digit: expected runs of another recipe"


def test_the_script_ends_with_one_line(runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digits that it finds here are the whole sample's, on which nothing was trained."""
    for words, message in (
        (["digit", str(runs[0])], r"a run on other data: expected runs on MNIST sample, from .*"),
        (["digit", str(tmp_path)], rf"{re.escape(str(tmp_path))}: no run is here: .*"),
    ):
        monkeypatch.setattr(sys, "argv", ["ship_weights.py", *words])
        with pytest.raises(SystemExit) as stop:
            ship_weights.main()
        assert re.fullmatch(message, str(stop.value.code))
