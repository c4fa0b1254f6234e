"""The estimator, held to scikit-learn's own checks, to `run_recipe`, and to real digits."""

import pickle
import pickletools
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from digitscope import DigitClassifier
from digitscope.data import Dataset
from digitscope.errors import DataError, SettingError
from digitscope.estimator.classifier import Scale, _fit_to
from digitscope.experiments.recipes import RECIPES
from digitscope.experiments.run import run_recipe

Rows = NDArray[Any]


def rows_of(sample: Dataset, n: int) -> tuple[Rows, Rows]:
    """Return the first training digits as scikit-learn has them: (N, 784), (N,)."""
    return sample.train.images[:n].reshape(n, 784), sample.train.labels[:n]


@pytest.fixture(scope="module")
def held_out(sample: Dataset) -> tuple[Rows, Rows]:
    """Return 500 digits that nothing here learns from."""
    test = sample.test
    return test.images.reshape(len(test), 784), test.labels


def quick(**changes: Any) -> DigitClassifier:
    """Return a classifier that fits in some milliseconds."""
    return DigitClassifier(**{"recipe": "scratch-128", "epochs": 2, "random_state": 0, **changes})


# scikit-learn's contract


@pytest.mark.filterwarnings("ignore:Skipping check:sklearn.exceptions.SkipTestWarning")
def test_every_check_of_scikit_learn_passes() -> None:
    results = check_estimator(DigitClassifier(), on_fail=None)
    failed = [each for each in results if each["status"] not in ("passed", "skipped")]
    assert [(each["check_name"], str(each["exception"])) for each in failed] == []
    assert {each["check_name"] for each in results if each["status"] == "skipped"} <= {
        "check_array_api_input",  # asks for an environment variable
        "check_classifier_data_not_an_array",  # asks for pandas, in one of its two runs
    }
    assert len(results) >= 50


def test_what_is_predicted_of_an_example_does_not_depend_on_where_it_stands() -> None:
    """To the last bit, of 20 examples with three features: scikit-learn's check asks this of one order."""
    generator = np.random.default_rng(0)
    rows = 3 * generator.random((20, 3))
    model = DigitClassifier(random_state=1).fit(rows, rows[:, 0].astype(np.int64))
    expected = model.predict_proba(rows)
    for order in (generator.permutation(20) for _ in range(100)):
        assert np.array_equal(model.predict_proba(rows[order]), expected[order])


def test_a_grid_search_over_settings_and_numpys_integers(sample: Dataset, held_out: tuple[Rows, Rows]) -> None:
    grid = {"settings": [{"learning_rate": 1e-6}, {"learning_rate": 0.1}], "epochs": np.arange(1, 3)}
    search = GridSearchCV(quick(), grid, cv=2).fit(*rows_of(sample, 2_000))
    assert search.best_params_["settings"] == {"learning_rate": 0.1}
    assert len(search.best_estimator_.history_) == search.best_params_["epochs"]
    assert search.score(*held_out) > 0.85


def test_a_pipeline_that_scales_pixels_to_one_changes_nothing(
    sample: Dataset, held_out: tuple[Rows, Rows]
) -> None:
    X, y = rows_of(sample, 500)
    to_one = FunctionTransformer(lambda pixels: pixels / 255)
    scaled = make_pipeline(to_one, quick()).fit(X, y)
    np.testing.assert_array_equal(scaled.predict_proba(held_out[0]), quick().fit(X, y).predict_proba(held_out[0]))


def test_digits_of_8x8_behind_a_standard_scaler() -> None:
    X, y = load_digits(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), DigitClassifier(random_state=0))
    assert pipeline.fit(X[:1_000], y[:1_000]).score(X[1_000:], y[1_000:]) > 0.9


def test_a_clone_is_new_and_fits_alike(sample: Dataset) -> None:
    X, y = rows_of(sample, 200)
    fitted = quick(settings={"learning_rate": 0.1}).fit(X, y)
    again = clone(fitted)
    assert again.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        again.predict(X)
    np.testing.assert_array_equal(again.fit(X, y).predict_proba(X), fitted.predict_proba(X))


# What it learns


@pytest.mark.parametrize("recipe", ["fast", "scratch-128"])
def test_it_is_the_recipe_with_the_same_seed(sample: Dataset, recipe: str) -> None:
    n = 2_000
    train = sample.train[:n]
    settings: dict[str, Any] = {"epoch_size": 2_000} if recipe == "fast" else {"epochs": 1}
    classifier = DigitClassifier(recipe, settings=settings, random_state=7).fit(*rows_of(sample, n))
    data = Dataset("digits", "here", train, sample.validation, sample.test)
    run = run_recipe(RECIPES[recipe].with_changes(settings), data, seed=7)
    logits = run.logits(sample.test.images).astype(np.float64)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = classifier.predict_proba(sample.test.images.reshape(-1, 784))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_equal_seeds_give_equal_predictions_and_others_do_not(sample: Dataset) -> None:
    X, y = rows_of(sample, 300)
    settings = {"epoch_size": 300}
    first, second, other, drawn, again = (
        DigitClassifier(settings=settings, random_state=seed).fit(X, y).predict_proba(X)
        for seed in (1, 1, 2, np.random.RandomState(5), np.random.RandomState(5))
    )
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(drawn, again)
    assert np.abs(first - other).max() > 0.01


def test_classes_may_be_words(sample: Dataset) -> None:
    X, y = rows_of(sample, 1_000)
    words = np.array([f"class {label}" for label in range(10)])[::-1]
    classifier = quick(epochs=9).fit(X, words[y])
    assert classifier.classes_.tolist() == sorted(words)
    assert classifier.score(X, words[y]) > 0.9


def test_some_digits_keep_their_own_outputs(sample: Dataset) -> None:
    kind = str
    X, y = rows_of(sample, 1_000)
    chosen = np.isin(y, [1, 7])
    classifier = quick().fit(X[chosen], y[chosen].astype(kind))
    raw = classifier.run_.logits(X[chosen].reshape(-1, 28, 28))
    assert set(raw.argmax(axis=1)) == {1, 7}
    assert classifier.predict_proba(X).shape == (1_000, 2)
    assert classifier.score(X[chosen], y[chosen].astype(kind)) > 0.95


def test_other_classes_and_tables_are_not_restyled(sample: Dataset) -> None:
    X, y = rows_of(sample, 40)
    settings = {"epochs_without_augmentation": 0, "ema": 0.0, "elastic": 0.0}
    digits = DigitClassifier("small", epochs=1, settings=settings, random_state=0).fit(X, y)
    words = clone(digits).fit(X, np.where(y == 1, "one", "other"))
    table = clone(digits).fit(X[:, :64], y)
    kept = [vars(each.run_.recipe.settings) for each in (digits, words, table)]
    assert [each["styles"] for each in kept] == [0.3, 0, 0]
    assert [each["negatives"] for each in kept] == [0.15, 0, 0]
    assert [each["pens"] for each in kept] == [0, 0, 0]


def test_a_recipe_is_fitted_to_few_examples() -> None:
    few: dict[str, int] = {}
    for n, settings, sizes in (
        (54_000, few, (160, 36_000)),
        (300, few, (30, 3_000)),
        (20, few, (8, 200)),
        (300, {"batch_size": 64, "epoch_size": 9_000}, (64, 9_000)),
        (300, {"epoch_size": 10}, (10, 10)),
    ):
        fitted = _fit_to(RECIPES["fast"], n, settings, with_digits=True).settings
        assert (fitted.batch_size, fitted.epoch_size) == sizes


# Progress


def test_without_a_share_held_out_nothing_is_said_of_validation(
    sample: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    classifier = quick(verbose=True).fit(*rows_of(sample, 100))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert [line.split(":")[0] for line in printed.err.splitlines()] == ["epoch 1", "epoch 2"]
    assert "validation" not in printed.err
    assert [record.epoch for record in classifier.history_] == [1, 2]
    assert np.isnan([record.validation_accuracy for record in classifier.history_]).all()


def test_a_share_held_out_is_scored(sample: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    classifier = quick(verbose=True, validation_fraction=0.2).fit(*rows_of(sample, 1_000))
    assert capsys.readouterr().err.count("validation") == 2
    hits = np.array([record.validation_accuracy for record in classifier.history_]) * 200
    np.testing.assert_allclose(hits, hits.round())
    assert classifier.history_[-1].validation_accuracy > 0.7


# How numbers become images


def test_pixels_stay_as_they_are() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 784)).astype(np.uint8)
    for X in (pixels, pixels.astype(np.int64), pixels.astype(np.float32), pixels / 255):
        np.testing.assert_array_equal(Scale.of(X).images(X), pixels.reshape(5, 28, 28))


def test_pixels_in_another_range_than_those_of_the_fit_are_refused(sample: Dataset) -> None:
    white = 1
    X, y = rows_of(sample, 100)
    fitted = quick().fit(X / 255 * white, y)
    said = f"X has pixels up to {255 // white}, and fit saw them from 0 to {white}: give X in that range"
    with pytest.raises(ValueError, match=said):
        fitted.predict(X / white)
    for alike in (np.zeros((1, 784)), X[:1] / 255 * white * 1.001):  # nothing, and a little too much
        assert len(fitted.predict(alike)) == 1


def test_a_table_is_stretched_feature_by_feature() -> None:
    X = np.array([[-1.0, 1e6, 7.0], [0.0, 3e6, 7.0], [1.0, 2e6, 7.0]])
    scale = Scale.of(X)
    images = scale.images(X)
    assert images[:, 0, 0].tolist() == [0, 128, 255]
    assert images[:, 0, 27].tolist() == [0, 255, 128]
    assert not images[:, 14:].any()
    assert all((image[:14, :14] == image[0, 0]).all() for image in images)
    beyond = scale.images(np.array([[-9.0, 9e6, 7.0]]))
    assert beyond[0, 0, [0, 27]].tolist() == [0, 255]


def test_a_range_wider_than_the_numbers_hold() -> None:
    X = np.array([[-1.7e308], [0.0], [1.7e308]])
    assert Scale.of(X).images(X)[:, 0, 0].tolist() == [0, 128, 255]


def test_an_image_of_8x8_is_enlarged() -> None:
    small = np.arange(64.0)
    X = np.stack([np.zeros(64), small, np.full(64, 255.0)])
    image = Scale.of(X).images(X)[1]
    np.testing.assert_array_equal(image[3:26:3, 3:26:3], small.reshape(8, 8))
    np.testing.assert_array_equal(image[2:26, 2:26], small.reshape(8, 8).repeat(3, axis=0).repeat(3, axis=1))
    assert image.sum() == 9 * small.sum()


# Pickles


@pytest.mark.parametrize("recipe", ["fast", "scratch-128"])
def test_a_pickle_holds_a_safe_file_and_reads_alike(sample: Dataset, recipe: str) -> None:
    X, y = rows_of(sample, 200)
    classifier = DigitClassifier(recipe, epochs=1, validation_fraction=0.1, random_state=0).fit(X, y)
    stored = pickle.dumps(classifier)
    # A global stands in the pickle as its module and name, each a text before or in its opcode.
    texts = [value for _, value, _ in pickletools.genops(stored) if isinstance(value, str)]
    assert [text for text in texts if text.startswith(("torch", "digitscope.models", "digitscope.scratch"))] == []
    assert [text for text in texts if text.startswith("digitscope.")] == ["digitscope.estimator.classifier"]
    files = classifier.__getstate__()["run_"]
    assert sorted(files) == ["config.json", "metrics.jsonl", "model.safetensors"]
    assert all(array.dtype.kind in "fi" for array in load(files["model.safetensors"]).values())
    again = pickle.loads(stored)
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))
    assert again.history_ == classifier.history_
    assert again.run_.recipe == classifier.run_.recipe


def test_a_damaged_file_in_a_pickle_is_an_error(sample: Dataset) -> None:
    state = quick().fit(*rows_of(sample, 50)).__getstate__()
    state["run_"] |= {"model.safetensors": state["run_"]["model.safetensors"][:-9]}
    with pytest.raises(DataError, match="not a network"):
        quick().__setstate__(state)


def test_a_pickle_from_a_machine_with_another_device(sample: Dataset) -> None:
    X, y = rows_of(sample, 100)
    classifier = DigitClassifier(settings={"epoch_size": 100}, random_state=0).fit(X, y)
    classifier.set_params(device="no such device")
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict(X), classifier.predict(X))


# What is refused


def test_what_the_networks_cannot_learn(sample: Dataset) -> None:
    X, y = rows_of(sample, 100)
    with pytest.raises(ValueError, match="y has 50 classes: expected at most 10"):
        quick().fit(X, np.arange(100) // 2)
    with pytest.raises(ValueError, match="X has 785 features: expected at most 784"):
        quick().fit(np.zeros((100, 785)), y)
    with pytest.raises(ValueError, match="X has 64 features, but DigitClassifier is expecting 784"):
        quick().fit(X, y).predict(X[:, :64])


def test_a_setting_that_is_refused_is_a_value_error(sample: Dataset) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"recipe": "quickest"}, "no recipe is called 'quickest'"),
        ({"recipe": "two-digit-fast"}, "is for the task 'two-digit'"),
        ({"settings": {"speed": 1}}, "has no setting 'speed'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"validation_fraction": 1.0}, "validation_fraction is 1.0"),
        ({"random_state": -1}, "seed is -1"),
    ]
    for changes, said in refused:
        with pytest.raises(SettingError, match=said):
            quick(**changes).fit(*rows_of(sample, 100))


def test_a_fit_that_fails_leaves_the_last_one(sample: Dataset) -> None:
    X, y = rows_of(sample, 100)
    classifier = quick().fit(X, y)
    before = classifier.predict_proba(X)
    with pytest.raises(SettingError):
        classifier.set_params(epochs=0).fit(X, (y > 4).astype(int))
    np.testing.assert_array_equal(classifier.predict_proba(X), before)


# What is loaded, and when


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_is_loaded_before_it_is_needed() -> None:
    code = """
import sys
def loaded(): print(*[name for name in ("sklearn", "torch") if name in sys.modules], sep=",")
import digitscope; loaded()
from digitscope import *; loaded()
from digitscope import DigitClassifier; loaded()
classifier = DigitClassifier(epochs=1, random_state=0); loaded()
classifier.fit([[0], [1]], ["a", "b"]); loaded()
"""
    assert python(code).split("\n")[:5] == ["", "", "sklearn", "sklearn", "sklearn,torch"]


@pytest.mark.parametrize(
    ("package", "extra", "code"),
    [
        ("sklearn", "sklearn", "from digitscope import DigitClassifier"),
        ("torch", "train", "import digitscope; digitscope.DigitClassifier().fit([[0], [1]], [0, 1])"),
    ],
)
def test_a_missing_package_names_its_extra(package: str, extra: str, code: str) -> None:
    blocked = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name={package!r})
sys.meta_path.insert(0, Block())
from digitscope.errors import MissingExtraError
try:
    {code}
except MissingExtraError as error:
    print(error)
"""
    assert python(blocked).endswith(f"pip install 'digitscope[{extra}]'\n")
