import copy
import pickle
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from digitscope.data import COURSE_SEED, Dataset, Split
from digitscope.errors import DataError, SettingError
from digitscope.experiments.recipes import RECIPES, Recipe, get_recipe
from digitscope.models import build, sizes_of
from digitscope.scratch import ScratchSettings
from digitscope.training import TrainingSettings


def test_every_recipe_is_whole_and_can_be_pickled_and_told() -> None:
    for name in RECIPES:
        recipe = get_recipe(name)
        assert recipe.name == name
        assert recipe.summary
        assert (recipe.task == "two-digit") == ("two-digit" in recipe.model)
        assert pickle.loads(pickle.dumps(recipe)) == copy.deepcopy(recipe) == recipe
        assert asdict(recipe)["options"] == dict(recipe.options)
        if recipe.model != "scratch":
            build(recipe.model, recipe.options)


def test_the_course_s_recipes_are_the_course_s_scripts() -> None:
    for name, batch_size, learning_rate, momentum, nesterov, epochs in (
        ("fc", 32, 0.1, 0.0, False, 10),
        ("fc-128", 32, 0.1, 0.0, False, 10),
        ("cnn", 32, 0.01, 0.9, True, 10),
        ("two-digit-mlp", 64, 0.01, 0.9, False, 30),
        ("two-digit-cnn", 64, 0.01, 0.9, False, 30),
    ):
        settings = RECIPES[name].settings
        assert settings == TrainingSettings(
            epochs=epochs,
            batch_size=batch_size,
            order="fixed",
            optimizer="sgd",
            learning_rate=learning_rate,
            momentum=momentum,
            nesterov=nesterov,
            schedule="constant",
            threads=settings.threads,  # the course says nothing of them
        )
    assert COURSE_SEED == 12321


def test_changes_reach_settings_and_options_and_leave_the_recipe() -> None:
    recipe = RECIPES["fc-128"]
    changed = recipe.with_changes({"epochs": 2, "learning_rate": 0.5, "activation": "leaky-relu"})
    assert (changed.settings.epochs, changed.settings.learning_rate) == (2, 0.5)
    assert changed.options == {"hidden": 128, "activation": "leaky-relu"}
    assert changed.settings.batch_size == recipe.settings.batch_size == 32
    assert (recipe.settings.epochs, recipe.options) == (10, {"hidden": 128})
    assert recipe.with_changes({}) == recipe


def test_an_unknown_change_is_refused_with_every_accepted_name() -> None:
    with pytest.raises(SettingError) as caught:
        RECIPES["fc"].with_changes({"epochs": 1, "lr": 0.1})
    assert str(caught.value) == (
        "the recipe 'fc' has no setting 'lr': expected one of epochs, batch_size, order, train_size, "
        "epoch_size, optimizer, learning_rate, momentum, nesterov, weight_decay, schedule, warmup, "
        "label_smoothing, hard_example_weight, "
        "rotation, scale, shear, shift, elastic, stroke, blur, flip, low_resolution, erase, styles, pens, "
        "negatives, epochs_without_augmentation, ema, "
        "precision, threads, hidden, activation, dropout"
    )


def test_refused_values_and_contradictions_of_a_change() -> None:
    with pytest.raises(SettingError, match="epochs is 0"):
        RECIPES["fc"].with_changes({"epochs": 0})
    for changes in ({}, {"nesterov": False}, {"momentum": 0.0}):
        with pytest.raises(
            SettingError, match="momentum and nesterov are settings of sgd and muon, not of adam: expected"
        ):
            RECIPES["cnn"].with_changes({"optimizer": "adam", **changes})
    RECIPES["cnn"].with_changes({"optimizer": "adam", "nesterov": False, "momentum": 0.0})
    with pytest.raises(SettingError, match="order is 'fresh-pairs', but fc reads one digit"):
        RECIPES["fc"].with_changes({"order": "fresh-pairs"})
    for name in ("styles", "pens", "negatives"):
        with pytest.raises(
            SettingError, match=f"two-digit-mlp reads two digits: expected {name} of 0, which wants one"
        ):
            RECIPES["two-digit-mlp"].with_changes({"order": "reshuffled", name: 0.1})


def test_a_model_that_is_not_there() -> None:
    with pytest.raises(SettingError, match="no model is called 'FC': expected one of fc, cnn, fast, small"):
        Recipe("mine", "", "FC", TrainingSettings())
    with pytest.raises(SettingError, match="no model is called ''"):
        replace(RECIPES["fc"], model="")


def test_parameters_are_counted_of_models_of_pytorch() -> None:
    assert RECIPES["fc"].n_parameters() == (784 + 1) * 10 + (10 + 1) * 10
    RECIPES["scratch"].check_options()
    with pytest.raises(SettingError, match="no model is called 'scratch'"):
        RECIPES["scratch"].n_parameters()
    with pytest.raises(KeyError):
        sizes_of("scratch")


def test_fresh_pairs_are_for_pairs() -> None:
    settings = TrainingSettings(order="fresh-pairs")
    with pytest.raises(SettingError, match="mine reads one digit: expected reshuffled or fixed"):
        Recipe("mine", "", "fc", settings)
    Recipe("mine", "", "two-digit-mlp", settings, task="two-digit")


def test_what_separates_pixels_does_so_on_fresh_pairs_alone() -> None:
    recipe = RECIPES["separation"]
    assert (recipe.task, recipe.measure) == ("separation", "mean IoU")
    for changes in ({"order": "reshuffled"}, {"order": "fixed"}, {"negatives": 0.1}):
        with pytest.raises(SettingError, match="separation separates pixels: expected order fresh-pairs and neg"):
            recipe.with_changes(changes)


def test_what_finds_digits_on_pages_does_so_on_fresh_pages_alone() -> None:
    recipe = RECIPES["page"]
    assert (recipe.task, recipe.measure, recipe.training_measure) == ("page", "F1", "class accuracy")
    assert RECIPES["fc"].training_measure == "accuracy"
    for order in ("reshuffled", "fresh-pairs"):
        with pytest.raises(
            SettingError, match=f"page has the order '{order}': fresh-pages is for the tasks page and item"
        ):
            recipe.with_changes({"order": order})
    with pytest.raises(
        SettingError, match="fc has the order 'fresh-pages': fresh-pages is for the tasks page and item"
    ):
        RECIPES["fc"].with_changes({"order": "fresh-pages"})


@pytest.mark.parametrize("name", ["resnet", "page"])
def test_data_of_another_size_or_task_are_refused(name: str) -> None:
    recipe = RECIPES[name]
    for size in ((28, 28), (32, 32), (42, 28)):
        images = np.zeros((3, *size), dtype=np.uint8)
        for labels in (np.zeros(3, np.uint8), np.zeros((3, 2), np.uint8), np.zeros((3, 2, *size), np.uint8)):
            split = Split(images, labels)
            data = Dataset("mine", "a folder", split, split, split)
            if split.task != recipe.task:
                with pytest.raises(
                    SettingError, match=f"'{name}' is for the task '{recipe.task}', but mine is for"
                ):
                    recipe.check_data(data)
            elif size not in recipe.sizes:
                expected = f"a folder: images of {size[0]} x {size[1]}: expected .* as '{name}' takes them"
                with pytest.raises(DataError, match=expected):
                    recipe.check_data(data)
            else:
                recipe.check_data(data)
    assert ((32, 32) in recipe.sizes) == (name == "resnet")


def test_changes_of_the_numpy_network_are_among_its_settings() -> None:
    changed = RECIPES["scratch"].with_changes({"hidden": (16, 8), "activation": "tanh", "elastic": 0.0})
    assert isinstance(changed.settings, ScratchSettings)
    assert (changed.settings.hidden, changed.settings.activation, changed.settings.elastic) == ((16, 8), "tanh", 0)
    assert (changed.task, changed.options) == ("digit", {})
    with pytest.raises(SettingError) as caught:
        RECIPES["scratch"].with_changes({"optimizer": "adam"})
    names = "hidden, activation, epochs, batch_size, learning_rate, momentum, nesterov, rotation, scale, shear, "
    names += "shift, elastic, dtype"
    assert str(caught.value) == f"the recipe 'scratch' has no setting 'optimizer': expected one of {names}"


def test_a_model_with_another_kind_of_settings() -> None:
    numpy_settings: Any = ScratchSettings()
    with pytest.raises(SettingError, match="mine has the model 'fc': expected TrainingSettings with it"):
        Recipe("mine", "", "fc", numpy_settings)
    with pytest.raises(SettingError, match="mine has the model 'scratch': expected ScratchSettings with it"):
        Recipe("mine", "", "scratch", TrainingSettings())
    with pytest.raises(SettingError, match="mine has options: expected none with the model 'scratch'"):
        Recipe("mine", "", "scratch", numpy_settings, {"hidden": 3})


def test_fewer_epochs_than_are_plain_are_all_plain() -> None:
    recipe = get_recipe("resnet")
    assert recipe.with_changes({"epochs": 1}).settings.epochs_without_augmentation == 1
    assert recipe.with_changes({"epochs": 5}).settings.epochs_without_augmentation == 2
    with pytest.raises(SettingError, match="epochs_without_augmentation is 2: expected up to 1"):
        recipe.with_changes({"epochs": 1, "epochs_without_augmentation": 2})
