from dataclasses import fields, replace
from typing import Any

import pytest

from digitscope.data import COURSE_SEED
from digitscope.errors import SettingError
from digitscope.experiments.recipes import RECIPES, Recipe, get_recipe
from digitscope.models import MODELS, build
from digitscope.training import TrainingSettings


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_whole(name: str) -> None:
    recipe = get_recipe(name)
    assert recipe.name == name
    assert recipe.summary
    assert recipe.model in MODELS
    assert (recipe.task == "two-digit") == ("two-digit" in recipe.model)
    build(recipe.model, recipe.options)


@pytest.mark.parametrize(
    ("name", "batch_size", "learning_rate", "momentum", "nesterov", "epochs"),
    [
        ("fc", 32, 0.1, 0.0, False, 10),
        ("fc-128", 32, 0.1, 0.0, False, 10),
        ("cnn", 32, 0.01, 0.9, True, 10),
        ("two-digit-mlp", 64, 0.01, 0.9, False, 30),
        ("two-digit-cnn", 64, 0.01, 0.9, False, 30),
    ],
)
def test_the_course_s_recipes_are_the_course_s_scripts(
    name: str, batch_size: int, learning_rate: float, momentum: float, nesterov: bool, epochs: int
) -> None:
    assert RECIPES[name].settings == TrainingSettings(
        epochs=epochs,
        batch_size=batch_size,
        order="fixed",
        optimizer="sgd",
        learning_rate=learning_rate,
        momentum=momentum,
        nesterov=nesterov,
        schedule="constant",
        threads=RECIPES[name].settings.threads,  # the course says nothing of them
    )
    assert COURSE_SEED == 12321


def test_the_table_is_read_only() -> None:
    table: Any = RECIPES
    with pytest.raises(TypeError):
        table["fc"] = RECIPES["cnn"]


def test_an_unknown_recipe() -> None:
    with pytest.raises(SettingError, match="no recipe is called 'best': expected one of fc, fc-128, cnn"):
        get_recipe("best")


def test_changes_reach_settings_and_options_and_leave_the_recipe() -> None:
    recipe = RECIPES["fc-128"]
    changed = recipe.with_changes({"epochs": 2, "learning_rate": 0.5, "activation": "leaky-relu"})
    assert (changed.settings.epochs, changed.settings.learning_rate) == (2, 0.5)
    assert changed.options == {"hidden": 128, "activation": "leaky-relu"}
    assert changed.settings.batch_size == recipe.settings.batch_size == 32
    assert (recipe.settings.epochs, recipe.options) == (10, {"hidden": 128})
    assert recipe.with_changes({}) == recipe


@pytest.mark.parametrize("name", ["lr", "dropout", "Epochs"])
def test_an_unknown_change_is_refused_with_every_accepted_name(name: str) -> None:
    with pytest.raises(SettingError) as caught:
        RECIPES["fc"].with_changes({"epochs": 1, name: 0.1})
    assert str(caught.value) == (
        f"the recipe 'fc' has no setting {name!r}: expected one of epochs, batch_size, order, optimizer, "
        "learning_rate, momentum, nesterov, weight_decay, schedule, warmup, label_smoothing, threads, "
        "hidden, activation"
    )


def test_refused_values_and_contradictions_of_a_change() -> None:
    with pytest.raises(SettingError, match="epochs is 0"):
        RECIPES["fc"].with_changes({"epochs": 0})
    for changes in ({}, {"nesterov": False}, {"momentum": 0.0}):
        with pytest.raises(SettingError, match="momentum and nesterov are settings of sgd, not of adam: expected"):
            RECIPES["cnn"].with_changes({"optimizer": "adam", **changes})
    RECIPES["cnn"].with_changes({"optimizer": "adam", "nesterov": False, "momentum": 0.0})
    with pytest.raises(SettingError, match="order is 'fresh-pairs', but fc reads one digit"):
        RECIPES["fc"].with_changes({"order": "fresh-pairs"})


@pytest.mark.parametrize("name", MODELS)
def test_the_task_is_the_model_s(name: str) -> None:
    recipe = Recipe("mine", "", name, TrainingSettings())
    assert recipe.task == ("two-digit" if name.startswith("two-digit") else "digit")
    assert "task" not in {field.name for field in fields(Recipe)}


@pytest.mark.parametrize("name", ["lost", "", "FC"])
def test_a_model_that_is_not_there(name: str) -> None:
    with pytest.raises(SettingError, match=f"no model is called {name!r}: expected one of fc, cnn, fast, two-dig"):
        Recipe("mine", "", name, TrainingSettings())
    with pytest.raises(SettingError, match=f"no model is called {name!r}"):
        replace(RECIPES["fc"], model=name)


def test_fresh_pairs_are_for_pairs() -> None:
    settings = TrainingSettings(order="fresh-pairs")
    with pytest.raises(SettingError, match="mine reads one digit: expected reshuffled or fixed"):
        Recipe("mine", "", "fc", settings)
    Recipe("mine", "", "two-digit-mlp", settings)
