from pathlib import Path

import pytest

from digitscope.errors import DataError, SettingError
from digitscope.experiments.recipes import RECIPES
from digitscope.experiments.reproduce import VARIATIONS
from digitscope.experiments.sweep.space import (
    SHIPPED,
    Choices,
    Range,
    Space,
    check_points,
    load_space,
    setting_of,
)


@pytest.mark.parametrize(("name", "recipe"), [("course-hidden-10", "fc"), ("course-hidden-128", "fc-128")])
def test_the_course_s_grids_are_those_that_reproduce_trains(name: str, recipe: str) -> None:
    assert name in SHIPPED
    space = load_space(name)
    points = space.points()
    expected = [RECIPES[recipe].with_changes(changes) for changes in VARIATIONS.values()]
    found = [space.recipe.with_changes(point) for point in points]
    assert [each.settings for each in found] == [each.settings for each in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.all_options == theirs.all_options
    assert (space.method, [*space.seeds]) == ("one-factor", [12321])
    labels = ["baseline", "batch size 64", "learning rate 0.01", "momentum 0.9", "activation leaky-relu"]
    assert [space.label(point) for point in points] == labels


def test_a_file_of_one_s_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        """
        recipe = "fc"
        method = "tpe"
        seeds = 2
        seed = 7
        trials = 5
        [baseline]
        momentum = 0
        [vary]
        batch_size = [16, 32]
        learning_rate = { low = 0.01, high = 1, log = true }
        hidden = { low = 4, high = 64 }
        """
    )
    space = load_space(str(path))
    learning_rate = space.axes["learning_rate"]
    assert space.name == "mine"
    assert space.axes == {
        "batch_size": Choices((16, 32)),
        "learning_rate": Range(0.01, 1.0, True),
        "hidden": Range(4, 64),
    }
    assert isinstance(learning_rate, Range)
    assert type(learning_rate.high) is float
    assert ([*space.seeds], space.n_trials, space.recipe.settings.epochs) == ([7, 8], 5, 10)
    assert load_space(str(path), seeds=1, trials=9).n_trials == 9


def test_the_command_line_says_what_varies() -> None:
    space = load_space(
        "fc", ["learning-rate=0.01..1:log", "hidden=4..64", "activation=relu,leaky-relu", "epochs=1"], method="tpe"
    )
    assert space.axes == {
        "learning_rate": Range(0.01, 1.0, True),
        "hidden": Range(4, 64),
        "activation": Choices(("relu", "leaky-relu")),
    }
    assert space.recipe.settings.epochs == 1


def test_the_command_line_goes_before_the_file() -> None:
    space = load_space("course-hidden-10", ["momentum=0.5", "batch_size=16,128"])
    assert list(space.axes) == ["batch_size", "learning_rate", "activation"]
    assert space.baseline["batch_size"] == 32
    assert setting_of(space.recipe, "momentum") == 0.5


def test_layers_of_the_numpy_network() -> None:
    space = load_space("scratch", ["hidden=[256],[512,256]", "epochs=1"])
    assert space.axes == {"hidden": Choices(((256,), (512, 256)))}
    assert [space.label(point) for point in space.points()] == [
        "baseline",
        "hidden 256",
        "hidden 512-256",
    ]
    assert setting_of(load_space("scratch", ["hidden=[512,256]", "epochs=1,2"]).recipe, "hidden") == (512, 256)


def test_every_setting_of_every_recipe_can_vary() -> None:
    name = "two-digit-best"
    recipe = RECIPES[name]
    described = Space("all", recipe, {"epochs": Choices((recipe.settings.epochs,))}).described()
    axes = {
        setting: Choices((setting_of(recipe, setting),))
        for setting in {**described["options"], **described["settings"]}
    }
    check_points(Space("all", recipe, axes, "grid"))


def test_the_points_of_a_grid_and_of_single_changes() -> None:
    axes = ["batch_size=16,32", "momentum=0.0,0.5"]
    assert [tuple(point.values()) for point in load_space("fc", axes, method="grid").points()] == [
        (16, 0.0),
        (16, 0.5),
        (32, 0.0),
        (32, 0.5),
    ]
    assert [tuple(point.values()) for point in load_space("fc", axes).points()] == [
        (32, 0.0),
        (16, 0.0),
        (32, 0.5),
    ]


_TEN = "momentum weight_decay label_smoothing ema rotation scale shear shift elastic dropout"
MANY = ["order=reshuffled", *[f"{name}=0.0,0.1,0.2" for name in _TEN.split()]]
"""3 to the tenth, 59,049 combinations."""


def test_a_search_of_any_size_is_accepted_and_a_grid_is_not() -> None:
    check_points(load_space("fc", MANY, method="tpe"))
    with pytest.raises(
        SettingError, match="59,049 combinations: expected at most 10,000 for grid; leave some out"
    ):
        check_points(load_space("fc", MANY, method="grid"))


def test_a_value_that_only_others_allow_can_be_searched() -> None:
    """Nesterov's way needs momentum, which the baseline has not; Adam has none, which a grid would give it."""
    searched = ["nesterov=false,true", "momentum=0.0,0.9", "optimizer=sgd,adam"]
    check_points(load_space("fc", searched, method="tpe"))
    with pytest.raises(SettingError, match="nesterov"):
        check_points(load_space("fc", searched, method="grid"))
    with pytest.raises(SettingError, match="at nesterov True, batch size 32: nesterov needs momentum"):
        check_points(load_space("fc", ["nesterov=false,true", "batch_size=32,64"], method="tpe"))


def test_a_space_that_cannot_be_is_refused() -> None:
    for assignments, named, expected in [
        ([], {}, "nothing varies"),
        (["colour=1,2"], {}, "has no setting 'colour': expected one of hidden, activation"),
        (["hidden=4..8"], {}, "cannot go through: expected values, or tpe"),
        (["hidden=8..4"], {"method": "tpe"}, "expected its low end below its high end"),
        (["hidden=4,4"], {}, "hidden: the values 4, 4: expected one or more, each once"),
        ([*MANY, "hidden=4,0"], {"method": "tpe"}, "hidden 0: hidden is 0"),
    ]:
        with pytest.raises(SettingError) as caught:
            check_points(load_space("fc", assignments, **named))
        assert expected in str(caught.value)


def test_a_file_that_is_no_space(tmp_path: Path) -> None:
    for text, error, expected in [
        ("recipe = 'fc'\ncolour = 1", SettingError, "'colour' is no part of a space"),
        ("recipe = 'fc'\nvary = 1", SettingError, "vary is 1: expected a table"),
        ("recipe = 'fc'\n[vary]\nepochs = 3", SettingError, "epochs is 3: expected a list of values, or { low"),
        ("recipe = 'fc'\nmethod = 'magic'\n[vary]\nepochs = [1]", SettingError, "method is 'magic'"),
        ("recipe = ", DataError, "not a space in TOML"),
    ]:
        path = tmp_path / "mine.toml"
        path.write_text(text)
        with pytest.raises(error) as caught:
            load_space(str(path))
        assert expected in str(caught.value)


def test_an_unknown_space_a_missing_file_and_pages_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="page: a sweep makes no pages to train on: expected a recipe for"):
        load_space("page", ["learning_rate=0.001,0.002"])
    with pytest.raises(SettingError, match="no space is called 'nonsense': expected a file that ends"):
        load_space("nonsense")
    with pytest.raises(DataError, match="cannot be read"):
        load_space(str(tmp_path / "none.toml"))
