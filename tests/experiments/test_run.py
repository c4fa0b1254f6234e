import json
import re
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from digitscope import scratch
from digitscope.data import COURSE_SEED, Dataset
from digitscope.data.pen_digits import PenDigits
from digitscope.errors import DataError, DivergedError, SettingError
from digitscope.experiments import run as run_module
from digitscope.experiments.recipes import RECIPES, Recipe
from digitscope.experiments.run import Run, load_run, run_recipe
from digitscope.experiments.run_folder import read_recipe
from digitscope.experiments.sources import make_source
from digitscope.reading import Recognizer, shipped_path
from digitscope.records import EpochRecord
from digitscope.scratch import ScratchSettings
from digitscope.training import TrainingSettings, predict_logits
from tests.data.test_pen_digits import STROKES
from tests.experiments.helpers import content, data_for, shortened, small
from tests.training.helpers import course_training

FILES = ["config.json", "metrics.jsonl", "model.safetensors", "state.safetensors"]

ONE_CYCLE = TrainingSettings(
    epochs=3, batch_size=32, order="reshuffled", momentum=0.9, nesterov=True, schedule="one-cycle"
)
ADAM = TrainingSettings(epochs=3, batch_size=32, order="reshuffled", optimizer="adam", learning_rate=0.01)
RESUMABLE = (
    Recipe("dropout and one-cycle", "", "cnn", ONE_CYCLE),
    replace(shortened(RECIPES["best"], 3).with_changes({"batch_size": 40}), model="fast"),
    RECIPES["scratch"].with_changes({"epochs": 3, "batch_size": 32, "hidden": (16, 8)}),
    Recipe("pairs", "", "two-digit-mlp", replace(ONE_CYCLE, order="fresh-pairs"), task="two-digit"),
    RECIPES["separation"].with_changes({"epochs": 3, "batch_size": 16, "epoch_size": 32}),
)


DEFAULTS: dict[str, dict[str, Any]] = {
    "fc": {"hidden": 10, "activation": "relu", "dropout": 0.0},
    "cnn": {"dropout": 0.5},
    "fast": {},
    "small": {},
    "best": {},
    "scratch": {},
    "two-digit-mlp": {"hidden": 64},
    "two-digit-cnn": {"dropout": 0.5},
    "two-digit-fast": {"dropout": 0.3},
    "two-digit-best": {},
    "resnet": {},
    "unet": {},
}


def go(recipe: Recipe, sample: Dataset, folder: Path | None = None, seed: int = 1, **options: Any) -> Run:
    named = {"singles": small(sample), "pens": PENS, **options}
    return run_recipe(recipe, data_for(recipe, sample), seed=seed, device="cpu", folder=folder, **named)


PENS = PenDigits((STROKES["1"], STROKES["7"]), np.array([1, 7], np.uint8), "a hash")


def untimed(history: tuple[EpochRecord, ...]) -> list[EpochRecord]:
    return [replace(record, seconds=0.0) for record in history]


QUICK = RECIPES["scratch"].with_changes({"epochs": 1, "hidden": (16, 8), "activation": "tanh"})

N_BATCHES = {
    "dropout and one-cycle": 4,
    "best": 3,
    "scratch": 4,
    "pairs": 3,
    "separation": 2,
}
"""Of an epoch of each of RESUMABLE: 100 digits or 90 pairs, 32 to separate, the last batch whole or not."""


def with_defaults(recipe: Recipe) -> Recipe:
    """Return the recipe with every option of its model named, as a run folder has it."""
    return replace(recipe, options={**DEFAULTS[recipe.model], **recipe.options})


@pytest.mark.parametrize("name", ["scratch", "separation"])
def test_a_recipe_makes_a_run_folder_that_can_be_read_back(name: str, sample: Dataset, tmp_path: Path) -> None:
    recipe = shortened(RECIPES[name], 1).with_changes({"batch_size": 32})
    data = data_for(recipe, sample)
    trained = go(recipe, sample, tmp_path / "run")
    assert sorted(content(tmp_path / "run")) == FILES
    found = load_run(tmp_path / "run")
    images = data.test.images
    logits = trained.logits(images)
    assert (
        logits.shape == {"digit": (70, 10), "two-digit": (20, 2, 10), "separation": (20, 2, 42, 28)}[recipe.task]
    )
    assert found.logits(images).tobytes() == logits.tobytes()
    if recipe.model != "scratch":
        assert not trained.model.training
        assert logits.tobytes() == predict_logits(trained.model, images).tobytes()
    assert found.history == trained.history
    assert len(found.history) == 1
    assert found.recipe == with_defaults(recipe)
    assert (found.recipe.name, found.recipe.task) == (name, recipe.task)
    assert found.seed == 1
    assert found.data_sha256 == trained.data_sha256 == data.sha256()


def test_the_configuration_says_what_the_figures_depend_on(sample: Dataset, tmp_path: Path) -> None:
    recipe = RECIPES["fc"].with_changes({"epochs": 1, "hidden": 12, "momentum": 0.5})
    go(recipe, sample, tmp_path, seed=42)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert (config["recipe"], config["task"], config["model"]) == ("fc", "digit", "fc")
    assert config["summary"] == recipe.summary == "the course's fully connected network, 10 hidden neurons"
    assert config["options"] == {"hidden": 12, "activation": "relu", "dropout": 0.0}
    assert config["settings"] == {
        "epochs": 1,
        "batch_size": 32,
        "order": "fixed",
        "train_size": 0,
        "epoch_size": 0,
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "momentum": 0.5,
        "nesterov": False,
        "weight_decay": 0.0,
        "schedule": "constant",
        "warmup": 0.25,
        "label_smoothing": 0.0,
        "hard_example_weight": 1.0,
        "rotation": 0.0,
        "scale": 0.0,
        "shear": 0.0,
        "shift": 0.0,
        "elastic": 0.0,
        "stroke": 0.0,
        "blur": 0.0,
        "flip": 0.0,
        "low_resolution": 0.0,
        "erase": 0.0,
        "styles": 0.0,
        "pens": 0.0,
        "negatives": 0.0,
        "epochs_without_augmentation": 0,
        "ema": 0.0,
        "precision": "float32",
        "threads": 1,
    }
    assert config["seed"] == 42
    assert config["data"] == {"name": "MNIST sample", "sha256": small(sample).sha256()}
    assert {package: config["machine"][package] for package in ("torch", "numpy", "digitscope")} == {
        package: version(package) for package in ("torch", "numpy", "digitscope")
    }
    assert config["machine"]["processor"]
    assert config["machine"]["cores"] >= 1
    assert config["machine"]["threads"] == 1


def test_the_configuration_says_how_many_threads_there_were(sample: Dataset, tmp_path: Path) -> None:
    """0 leaves it to PyTorch: what that was, only the machine's part can say."""
    threads = 0
    go(RECIPES["fc"].with_changes({"epochs": 1, "threads": threads}), sample, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert config["settings"]["threads"] == threads
    assert config["machine"]["threads"] == (threads or torch.get_num_threads()) >= 1


def test_a_run_folder_without_its_task_is_of_single_digits(sample: Dataset, tmp_path: Path) -> None:
    recipe = RECIPES["fc"].with_changes({"epochs": 1})
    go(recipe, sample, tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    del config["task"]
    path.write_text(json.dumps(config), encoding="utf-8")
    assert load_run(tmp_path).recipe == with_defaults(recipe)
    assert len(go(recipe, sample, tmp_path, resume=True).history) == 1


def test_folders_of_earlier_versions_are_read(sample: Dataset, tmp_path: Path) -> None:
    """The NumPy network's settings as they were when they were a class of their own."""
    go(QUICK, sample, tmp_path)
    path = tmp_path / "config.json"
    settings = {
        "hidden": [16, 8],
        "activation": "tanh",
        "epochs": 1,
        "batch_size": 128,
        "learning_rate": 0.1,
        "momentum": 0.9,
        "nesterov": True,
        "rotation": 7,
        "scale": 0.07,
        "shear": 0.07,
        "shift": 0.7,
        "elastic": 1.0,
        "dtype": "float32",
    }
    config = json.loads(path.read_text(encoding="utf-8"))
    assert config["settings"] == settings
    path.write_text(json.dumps({**config, "settings": settings}), encoding="utf-8")
    assert load_run(tmp_path).recipe == QUICK


def test_a_run_from_the_course_s_seed_gives_the_course_s_weights(sample: Dataset) -> None:
    data = small(sample, 500)
    course, losses = course_training(data.train, epochs=2)
    trained = run_recipe(RECIPES["fc"].with_changes({"epochs": 2}), data, seed=12321, device="cpu")
    for ours, theirs in zip(trained.model.parameters(), course.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert [record.train_loss for record in trained.history] == pytest.approx(losses, rel=1e-6)


def test_equal_seeds_give_equal_bytes_and_others_do_not(sample: Dataset, tmp_path: Path) -> None:
    recipe = RESUMABLE[0]
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.rand(3)  # what was drawn before must not matter
        go(recipe, sample, tmp_path / folder, seed)
    weights = [content(tmp_path / folder)["model.safetensors"] for folder in "abc"]
    assert weights[0] == weights[1] != weights[2]
    assert untimed(load_run(tmp_path / "a").history) == untimed(load_run(tmp_path / "b").history)


def test_a_run_leaves_torch_s_generator_as_it_was(sample: Dataset) -> None:
    torch.manual_seed(8)
    expected = torch.rand(3)
    torch.manual_seed(8)
    go(RECIPES["cnn"].with_changes({"epochs": 1}), sample)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("recipe", "after"),
    [*((recipe, 1) for recipe in RESUMABLE), (RESUMABLE[0], 3)],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_a_resumed_run_gives_the_same_bytes(recipe: Recipe, after: int, sample: Dataset, tmp_path: Path) -> None:
    all_told: list[str | int] = []
    whole = go(
        recipe, sample, tmp_path / "whole", on_start=all_told.append, on_batch=lambda: all_told.append("step")
    )
    n_steps = 3 * N_BATCHES[recipe.name]
    assert all_told == [n_steps, *["step"] * n_steps]

    def interrupt(record: EpochRecord) -> None:
        if record.epoch == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(recipe, sample, tmp_path / "cut", on_epoch=interrupt)
    assert len(load_run(tmp_path / "cut").history) == after
    epochs: list[int] = []
    told: list[str | int] = []
    resumed = go(
        recipe,
        sample,
        tmp_path / "cut",
        resume=True,
        on_start=told.append,
        on_batch=lambda: told.append("step"),
        on_epoch=lambda record: epochs.append(record.epoch),
    )
    assert epochs == list(range(after + 1, 4))
    n_steps = (3 - after) * N_BATCHES[recipe.name]
    assert told == [n_steps, *["step"] * n_steps]  # those still to be taken, before the first of them
    assert content(tmp_path / "cut")["model.safetensors"] == content(tmp_path / "whole")["model.safetensors"]
    assert untimed(resumed.history) == untimed(whole.history)
    assert untimed(load_run(tmp_path / "cut").history) == untimed(whole.history)


@pytest.mark.parametrize(("writer", "epoch"), [("save_weights", 1), ("write_history", 3), ("save_state", 2)])
def test_a_checkpoint_cut_short_is_made_good_by_a_resume(
    writer: str, epoch: int, sample: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies before one of an epoch's three files is written."""
    recipe = Recipe("adam", "", "fc", ADAM, {"hidden": 7, "activation": "leaky-relu"})
    whole = go(recipe, sample, tmp_path / "whole")
    genuine, calls = getattr(run_module, writer), []

    def die(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == epoch:
            raise KeyboardInterrupt
        genuine(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(run_module, writer, die)
        with pytest.raises(KeyboardInterrupt):
            go(recipe, sample, tmp_path / "cut")
    go(recipe, sample, tmp_path / "cut", resume=True)
    assert sorted(content(tmp_path / "cut")) == FILES
    assert content(tmp_path / "cut")["model.safetensors"] == content(tmp_path / "whole")["model.safetensors"]
    assert untimed(load_run(tmp_path / "cut").history) == untimed(whole.history)


def test_a_run_stopped_in_its_first_epoch_resumes_from_the_start(sample: Dataset, tmp_path: Path) -> None:
    recipe = RESUMABLE[0]
    whole = go(recipe, sample)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(recipe, sample, tmp_path, on_batch=interrupt)
    assert sorted(content(tmp_path)) == ["config.json"]
    assert untimed(go(recipe, sample, tmp_path, resume=True).history) == untimed(whole.history)


def test_pairs_go_on_with_the_digits_that_they_began_with(sample: Dataset, tmp_path: Path) -> None:
    recipe = shortened(RECIPES["two-digit-best"], 1).with_changes({"batch_size": 32})
    data, singles, others = data_for(recipe, sample), small(sample), small(sample, 99)
    run_recipe(recipe, data, seed=1, singles=singles, folder=tmp_path)
    known = json.loads((tmp_path / "config.json").read_text())["data"]
    assert (known["singles"], known["singles_sha256"]) == (singles.name, singles.sha256())
    difference = f"data's singles_sha256 is {singles.sha256()}, not {others.sha256()}"
    with pytest.raises(SettingError, match=re.escape(f"holds a run whose {difference}: resume with the same")):
        run_recipe(recipe, data, seed=1, singles=others, folder=tmp_path, resume=True)


def test_pen_digits_are_part_of_what_decides(sample: Dataset, tmp_path: Path) -> None:
    recipe = shortened(RECIPES["small"], 1).with_changes({"batch_size": 32})
    first = go(recipe, sample, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "config.json").read_text())["data"]["pens_sha256"] == "a hash"
    others = replace(PENS, labels=PENS.labels[::-1], sha256="another")
    assert untimed(go(recipe, sample, pens=others).history) != untimed(first.history)
    with pytest.raises(SettingError, match="holds a run whose data's pens_sha256 is a hash, not another"):
        go(recipe, sample, tmp_path / "run", pens=others, resume=True)
    without = recipe.with_changes({"pens": 0.0})
    assert untimed(go(without, sample).history) == untimed(go(without, sample, pens=None).history)


def test_a_folder_with_another_run_is_refused_and_untouched(sample: Dataset, tmp_path: Path) -> None:
    recipe = RECIPES["fc"].with_changes({"epochs": 1})
    go(recipe, sample, tmp_path)
    before = content(tmp_path)
    with pytest.raises(SettingError, match=f"{tmp_path} already holds a run: name another folder"):
        go(RECIPES["cnn"].with_changes({"epochs": 1}), sample, tmp_path)
    for changed, seed, difference in (
        (recipe.with_changes({"learning_rate": 0.2}), 1, "learning_rate is 0.1, not 0.2"),
        (recipe.with_changes({"epochs": 2, "momentum": 0.5}), 1, "momentum is 0.0, not 0.5"),
        (recipe.with_changes({"hidden": 11}), 1, "hidden is 10, not 11"),
        (RECIPES["cnn"], 1, "recipe is fc, not cnn"),
        (replace(RECIPES["cnn"], name="fc"), 1, "model is fc, not cnn"),
        (recipe.with_changes({"activation": "leaky-relu"}), 1, "activation is relu, not leaky-relu"),
        (recipe.with_changes({"threads": 2}), 1, "threads is 1, not 2"),
        (recipe, 2, "seed is 1, not 2"),
    ):
        message = f"{tmp_path} holds a run whose {difference}: resume with the same, or name another --out"
        with pytest.raises(SettingError, match=f"^{re.escape(message)}$"):
            go(changed, sample, tmp_path, seed=seed, resume=True)
    other = small(sample, 99)
    difference = f"data's sha256 is {small(sample).sha256()}, not {other.sha256()}"
    message = f"{tmp_path} holds a run whose {difference}: resume with the same, or name another --out"
    with pytest.raises(SettingError, match=f"^{re.escape(message)}$"):
        run_recipe(recipe, other, seed=1, folder=tmp_path, resume=True)
    assert content(tmp_path) == before


def test_a_resume_may_name_what_the_run_has_by_default_and_the_data_may_lie_elsewhere(
    sample: Dataset, tmp_path: Path
) -> None:
    """In either direction: the default is named by the run, or by the resume."""
    recipe = RECIPES["fc"].with_changes({"epochs": 1})
    named = recipe.with_changes({"hidden": 10, "activation": "relu"})
    for first, second, folder in ((recipe, named, tmp_path / "a"), (named, recipe, tmp_path / "b")):
        assert first.options != second.options
        go(first, sample, folder)
        before = content(folder)
        assert len(go(second, sample, folder, resume=True).history) == 1
        moved = replace(small(sample), name="the same", source="another folder")
        assert len(run_recipe(second, moved, seed=1, folder=folder, resume=True).history) == 1
        assert content(folder) == before


def test_a_run_that_is_older_than_a_setting_goes_on_with_its_default(sample: Dataset, tmp_path: Path) -> None:
    recipe = RECIPES["fc"].with_changes({"epochs": 1})
    go(recipe, sample, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["settings"]["negatives"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert len(go(recipe, sample, tmp_path, resume=True).history) == 1
    other = recipe.with_changes({"order": "reshuffled", "negatives": 0.5})
    config["settings"]["order"] = "reshuffled"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(SettingError, match=r"holds a run whose negatives is 0\.0, not 0\.5: resume with the same"):
        go(other, sample, tmp_path, resume=True)


def test_a_call_that_is_refused_leaves_no_folder(sample: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for changes in ({"batch_size": 101}, {"hidden": 0}):
        with pytest.raises(SettingError):
            go(RECIPES["fc"].with_changes(changes), sample, folder)
    recipe = RECIPES["two-digit-best"]
    with pytest.raises(SettingError, match="no single digits to make pairs from: use reshuffled"):
        run_recipe(recipe, data_for(recipe, sample), seed=1, folder=folder)
    with pytest.raises(SettingError, match="expected one of auto"):
        run_recipe(RECIPES["fc"], small(sample), seed=1, device="tpu", folder=folder)
    for name in ("fc", "cnn"):
        for seed in (-1, 2**32):
            with pytest.raises(
                SettingError, match=f"seed is {seed}: expected a whole number from 0 to 4294967295"
            ):
                go(RECIPES[name], sample, folder, seed=seed)
    assert not folder.exists()


def test_a_run_that_starts_from_a_file_reads_as_the_file_does(sample: Dataset, tmp_path: Path) -> None:
    start = shipped_path("digit")
    changes = {"optimizer": "adamw", "momentum": 0.0, "nesterov": False, "learning_rate": 1e-5, "pens": 0.0}
    recipe, data = RECIPES["small"].with_changes({"epochs": 1, **changes}), small(sample, 300)
    run = run_recipe(recipe, data, seed=1, start=start, folder=tmp_path)
    expected = Recognizer(start).predict(data.test.images).labels
    assert (run.logits(data.test.images).argmax(axis=1) == expected).mean() >= 0.99
    with pytest.raises(SettingError, match=r"data's start_sha256 is \w+, not None: resume with the same"):
        run_recipe(recipe, data, seed=1, folder=tmp_path, resume=True)
    for name, problem in (("small", "expected --optimizer adamw"), ("scratch", "expected none to start from")):
        with pytest.raises(SettingError, match=problem):
            run_recipe(RECIPES[name], data, seed=1, start=start)


def test_a_diverging_run_says_so_and_leaves_no_weights(sample: Dataset, tmp_path: Path) -> None:
    recipe = RECIPES["fc"].with_changes({"learning_rate": 1e30})
    with pytest.raises(DivergedError, match="train with a lower learning rate"):
        go(recipe, sample, tmp_path)
    assert sorted(content(tmp_path)) == ["config.json"]


def test_a_folder_without_one_of_its_files(sample: Dataset, tmp_path: Path) -> None:
    go(RECIPES["fc"].with_changes({"epochs": 1}), sample, tmp_path)
    for name in ("metrics.jsonl", "model.safetensors", "config.json"):
        (tmp_path / name).unlink()
        with pytest.raises(DataError, match=name) as caught:
            load_run(tmp_path)
        assert "\n" not in str(caught.value)


WHOLE: dict[str, Any] = {
    "recipe": "fc",
    "summary": "",
    "model": "fc",
    "options": {},
    "settings": {},
    "seed": 1,
    "data": {"sha256": "0"},
}
"""The least that is a configuration."""


def test_the_least_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(WHOLE), encoding="utf-8")
    assert read_recipe(tmp_path) == (Recipe("fc", "", "fc", TrainingSettings(), {}), 1)


DAMAGED = [
    *("", "[]", "{}"),
    *(json.dumps({name: WHOLE[name] for name in WHOLE if name != missing}) for missing in WHOLE),
    *(
        json.dumps(WHOLE | change)
        for change in (
            {"model": "lost"},
            {"model": ["fc"]},
            {"task": "nonsense"},
            {"settings": {"lr": 1}},
            {"settings": {"nesterov": 1, "momentum": 0.9}},
            {"settings": {"order": "fresh-pairs"}},
            {"options": {"hidden": "x"}},
            {"options": {"depth": 2}},
            {"options": 3},
            {"data": "0"},
            {"seed": "one"},
        )
    ),
]


def test_a_damaged_configuration(sample: Dataset, tmp_path: Path) -> None:
    go(RECIPES["fc"].with_changes({"epochs": 1}), sample, tmp_path)
    for text in DAMAGED:
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
        before = content(tmp_path)
        for read in (load_run, read_recipe):
            with pytest.raises(DataError, match=r"config\.json: not a run's configuration"):
                read(tmp_path)
        with pytest.raises(
            (DataError, SettingError), match=f"{tmp_path}.*(not a run's configuration|holds a run)"
        ):
            go(RECIPES["fc"].with_changes({"epochs": 1}), sample, tmp_path, resume=True)
        assert content(tmp_path) == before


def test_a_damaged_state_is_not_resumed(sample: Dataset, tmp_path: Path) -> None:
    recipe = RECIPES["fc"].with_changes({"epochs": 1})
    go(recipe, sample, tmp_path)
    state = tmp_path / "state.safetensors"
    state.write_bytes(state.read_bytes()[:100])
    before = content(tmp_path)
    with pytest.raises(DataError, match=r"state\.safetensors: not a readable"):
        go(recipe, sample, tmp_path, resume=True)
    assert content(tmp_path) == before


def test_a_folder_without_a_run_cannot_be_resumed(sample: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "nothing"
    message = f"{folder}: no run is here: expected a folder with config.json, as train makes"
    for exists in (False, True):
        if exists:
            folder.mkdir()
        with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
            go(RECIPES["fc"], sample, folder, resume=True)
        with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
            load_run(folder)
    assert list(folder.iterdir()) == []


def test_sources(sample: Dataset) -> None:
    orders: list[tuple[Any, int]] = [("fixed", 3), ("reshuffled", 4), ("fresh-pairs", 3)]
    for order, n_batches in orders:
        settings = TrainingSettings(order=order, batch_size=32)
        recipe = RECIPES["two-digit-best" if order == "fresh-pairs" else "fc"]
        data = data_for(recipe, sample)  # 100 single digits, or 90 pairs
        assert make_source(settings, data, small(sample), seed=1).n_batches == n_batches
        if order != "fixed":
            longer = replace(settings, epoch_size=200)
            assert make_source(longer, data, small(sample), seed=1).n_batches == 7


def test_train_size_draws_by_the_seed_and_a_smaller_draw_is_part_of_a_larger(sample: Dataset) -> None:
    def drawn(n: int, seed: int) -> set[bytes]:
        settings = TrainingSettings(train_size=n, order="reshuffled", batch_size=10)
        batches = make_source(settings, sample, None, seed).epoch(np.random.default_rng(0))
        return {image.tobytes() for images, _ in batches for image in images}

    assert len(drawn(50, 1)) == 50
    assert drawn(50, 1) < drawn(200, 1)
    assert drawn(50, 1) != drawn(50, 2)
    assert drawn(50, 1) <= {image.tobytes() for image in sample.train.images}
    with pytest.raises(SettingError, match="train_size is 4001: expected at most 4000, which there are"):
        drawn(4001, 1)


def test_a_run_of_the_numpy_network_is_its_own_training(sample: Dataset) -> None:
    """The network is what `scratch.train` makes of the same seed, and PyTorch's model it has none."""
    data = small(sample)
    trained = go(QUICK, sample, seed=3)
    settings = QUICK.settings
    assert isinstance(settings, ScratchSettings)
    network, history = scratch.train(data.train, data.validation, settings, generator=np.random.default_rng(3))
    assert trained.logits(data.test.images).tobytes() == network.logits(data.test.images).tobytes()
    assert untimed(trained.history) == untimed(history)
    with pytest.raises(SettingError, match="scratch is the NumPy network: expected one that PyTorch trains"):
        _ = trained.model


def test_the_configuration_of_the_numpy_network(sample: Dataset, tmp_path: Path) -> None:
    go(QUICK, sample, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert (config["recipe"], config["task"], config["model"], config["options"]) == (
        "scratch",
        "digit",
        "scratch",
        {},
    )
    assert config["settings"] == {**QUICK.settings.as_dict(), "hidden": [16, 8]}
    assert "threads" not in config["machine"]
    assert read_recipe(tmp_path) == (QUICK, 1)


def test_the_numpy_network_resumes_its_own_run_only(sample: Dataset, tmp_path: Path) -> None:
    go(QUICK, sample, tmp_path)
    before = content(tmp_path)
    for changes, difference in (
        ({"hidden": (16,)}, "hidden is [16, 8], not [16]"),
        ({"elastic": 0.5}, f"elastic is {QUICK.settings.elastic}, not 0.5"),
    ):
        with pytest.raises(SettingError, match=re.escape(f"holds a run whose {difference}: resume with the same")):
            go(QUICK.with_changes(changes), sample, tmp_path, resume=True)
    with pytest.raises(SettingError, match="holds a run whose recipe is scratch, not fc"):
        go(RECIPES["fc"], sample, tmp_path, resume=True)
    assert len(go(QUICK, sample, tmp_path, resume=True).history) == 1
    assert content(tmp_path) == before


def test_numpy_computes_on_the_processor(sample: Dataset, tmp_path: Path) -> None:
    device = "cuda"
    message = f"device is '{device}': expected auto or cpu, where the NumPy network computes"
    with pytest.raises(SettingError, match=message):
        run_recipe(QUICK, small(sample), seed=1, device=device, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    go(QUICK, sample, tmp_path / "run")
    with pytest.raises(SettingError, match=message):
        load_run(tmp_path / "run", device=device)
    assert load_run(tmp_path / "run", device="auto").history


def test_numpy_weights_that_are_not_the_configuration_s(sample: Dataset, tmp_path: Path) -> None:
    go(QUICK, sample, tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["settings"] |= {"activation": "relu"}
    path.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(DataError, match=r"model\.safetensors: these weights belong to another network"):
        load_run(tmp_path)


def test_a_run_is_read_back_onto_the_device_that_is_named(sample: Dataset, tmp_path: Path) -> None:
    go(RECIPES["fc"].with_changes({"epochs": 1}), sample, tmp_path)
    assert {parameter.device.type for parameter in load_run(tmp_path, device="cpu").model.parameters()} == {"cpu"}
    with pytest.raises(SettingError, match="expected one of auto"):
        load_run(tmp_path, device="tpu")


def test_the_numpy_network_learns_from_warped_digits(sample: Dataset) -> None:
    """Four epochs of 4,000 digits in place of twenty of 54,000."""
    trained = run_recipe(RECIPES["scratch"].with_changes({"epochs": 4}), sample, seed=COURSE_SEED)
    assert 0.9 < trained.history[-1].validation_accuracy < 0.98
