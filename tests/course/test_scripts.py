"""The course's four scripts and the data they load."""

import copy
import functools
import gzip
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import nn

from digitscope.course import conv, mlp, nnet_cnn, nnet_fc
from digitscope.course.utils import get_MNIST_data
from digitscope.course.utils_multiMNIST import get_data
from digitscope.data import Dataset, load_mnist, make_two_digit, whole_batches, write_two_digit
from digitscope.data.course_files import write_course_mnist
from digitscope.data.splits import hold_out_last_tenth, joined
from digitscope.errors import DataError, SettingError
from digitscope.experiments.recipes import get_recipe
from digitscope.experiments.run import run_recipe
from digitscope.training import evaluate
from tests.course.plain import plain_batches, plain_epoch

EPOCH = r"-------------\nEpoch 1:\n\n"
NUMBER = r"\d\.\d{6}"
ONE_DIGIT = (
    rf"{EPOCH}Train loss: {NUMBER} \| Train accuracy: {NUMBER}\n"
    rf"Val loss:   {NUMBER} \| Val accuracy:   {NUMBER}\n"
    r"Loss on test set:(\S+) Accuracy on test set: (\S+)\n"
)
TWO_DIGITS = (
    rf"{EPOCH}Train \| loss1: {NUMBER}  accuracy1: {NUMBER} \| loss2: {NUMBER}  accuracy2: {NUMBER}\n"
    rf"Valid \| loss1: {NUMBER}  accuracy1: {NUMBER} \| loss2: {NUMBER}  accuracy2: {NUMBER}\n"
    rf"Test loss1: ({NUMBER})  accuracy1: ({NUMBER})  loss2: ({NUMBER})   accuracy2: ({NUMBER})\n"
)


@pytest.fixture(autouse=True)
def course_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder of the course's project, beside which there is no ../Datasets/ yet."""
    folder = tmp_path / "course" / "part1"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def course_mnist(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Let 1,500 training and 330 test digits stand for MNIST, divided as MNIST is: the last tenth validates."""
    train, validation = hold_out_last_tenth(joined(sample.train[:1200], sample.validation[:300]))
    small = Dataset("a slice", "the sample", train, validation, sample.test[:330])

    def load(directory: None, *, report: Callable[[str], None]) -> Dataset:
        assert directory is None
        assert report is print
        return small

    monkeypatch.setattr("digitscope.course.utils.load_mnist", load)
    return small


@pytest.fixture
def pairs(sample: Dataset) -> Dataset:
    return make_two_digit(sample, n_train=750, n_test=150, seed=2)


@pytest.fixture
def pairs_folder(pairs: Dataset, tmp_path: Path) -> Path:
    write_two_digit(pairs, tmp_path)
    return tmp_path


# Data


def test_mnist_of_the_sample(sample: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    x_train, y_train, x_test, y_test = get_MNIST_data()
    out, err = capsys.readouterr()
    assert err == ""
    (line,) = out.splitlines()
    assert line.startswith("no full MNIST here: using the embedded sample: 5,000 real MNIST digits; ")
    assert [array.shape for array in (x_train, y_train, x_test, y_test)] == [
        (4500, 784),
        (4500,),
        (500, 784),
        (500,),
    ]
    assert x_train.dtype == x_test.dtype == np.float32
    assert np.array_equal(x_train[:4000] * 256, sample.train.images.reshape(-1, 784))
    assert np.array_equal(x_train[4000:] * 256, sample.validation.images.reshape(-1, 784))
    assert np.array_equal(x_test * 256, sample.test.images.reshape(-1, 784))
    assert np.array_equal(y_train, [*sample.train.labels, *sample.validation.labels])
    assert np.array_equal(y_test, sample.test.labels)


def test_full_mnist_in_its_own_order(
    mnist: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DIGITSCOPE_DATA", mnist.source)
    names = ("train-images", "train-labels", "t10k-images", "t10k-labels")
    shapes = ((60_000, 784), (60_000,), (10_000, 784), (10_000,))
    arrays: tuple[np.ndarray, ...] = get_MNIST_data()
    assert capsys.readouterr() == ("", "")
    for array, name, shape in zip(arrays, names, shapes, strict=True):
        path = next(path for path in Path(mnist.source).iterdir() if path.name.startswith(name))
        content = path.read_bytes()
        raw = gzip.decompress(content) if path.suffix == ".gz" else content
        stored = np.frombuffer(raw, np.uint8, offset=16 if "images" in name else 8)
        assert array.shape == shape
        assert np.array_equal(array.ravel(), stored / np.float32(256) if "images" in name else stored)


def test_mnist_in_the_course_s_place_comes_first(
    sample: Dataset,
    tiny_mnist_folder: Path,
    course_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("digitscope.course.utils.load_mnist", functools.partial(load_mnist, check=False))
    monkeypatch.setenv("DIGITSCOPE_DATA", str(tiny_mnist_folder))
    datasets = course_folder.parent / "Datasets"
    datasets.mkdir()
    assert [len(array) for array in get_MNIST_data()] == [64, 64, 16, 16]  # an empty ../Datasets/ is passed over
    write_course_mnist(
        datasets / "mnist.pkl.gz", joined(sample.train[:90], sample.validation[:30]), sample.test[:20]
    )
    x_train, y_train, x_test, y_test = get_MNIST_data()
    assert [array.shape for array in (x_train, y_train, x_test, y_test)] == [(120, 784), (120,), (20, 784), (20,)]
    assert np.array_equal(x_train[:90] * 256, sample.train.images[:90].reshape(-1, 784))
    assert np.array_equal(y_test, sample.test.labels[:20])
    assert capsys.readouterr() == ("", "")


def test_two_digit_files(pairs: Dataset, pairs_folder: Path) -> None:
    x_train, y_train, x_test, y_test = get_data(pairs_folder, True)
    assert [array.shape for array in (x_train, y_train, x_test, y_test)] == [
        (750, 1, 42, 28),
        (2, 750),
        (150, 1, 42, 28),
        (2, 150),
    ]
    assert x_train.dtype == x_test.dtype == np.float32
    assert np.array_equal(x_train[:675, 0] * 256, pairs.train.images)
    assert np.array_equal(x_train[675:, 0] * 256, pairs.validation.images)
    assert np.array_equal(x_test[:, 0] * 256, pairs.test.images)
    assert np.array_equal(y_train[:, :675].T, pairs.train.labels)
    assert np.array_equal(y_test.T, pairs.test.labels)


def test_the_set_that_is_not_there(pairs_folder: Path) -> None:
    with pytest.raises(DataError, match=r"expected all of train_multi_digit\.pkl\.gz"):
        get_data(pairs_folder, False)


# Networks


def test_networks_give_a_tuple(pairs: Dataset) -> None:
    model = conv.CNN(42 * 28).eval()
    x = torch.tensor(pairs.test.images[:7] / 256, dtype=torch.float32).unsqueeze(1)
    outputs = model(x)
    assert isinstance(outputs, tuple)
    assert [output.shape for output in outputs] == [(7, 10), (7, 10)]
    again = model(x)
    assert all(torch.equal(one, other) for one, other in zip(outputs, again, strict=True))  # no dropout here


def test_another_input_dimension_is_refused() -> None:
    with pytest.raises(SettingError, match=r"input_dimension is 784: expected .* 1176"):
        conv.CNN(784)


# Scripts


def test_one_digit_scripts(course_mnist: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    before = copy.deepcopy(course_mnist.train.images)
    loss, accuracy = nnet_cnn.main(n_epochs=1)
    printed = re.fullmatch(ONE_DIGIT, capsys.readouterr().out)
    assert printed is not None
    assert [float(number) for number in printed.groups()] == [loss, accuracy]
    assert isinstance(loss, float)
    assert loss < np.log(10)
    torch.rand(3)  # what was drawn before does not matter
    assert nnet_cnn.main(n_epochs=1) == (loss, accuracy)
    assert np.array_equal(course_mnist.train.images, before)


def test_two_digit_scripts(pairs_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    losses, accuracies = conv.main(pairs_folder, True, 1)
    assert isinstance(losses, tuple)
    assert isinstance(accuracies, tuple)
    printed = re.fullmatch(TWO_DIGITS, capsys.readouterr().out)
    assert printed is not None
    figures = (losses[0], accuracies[0], losses[1], accuracies[1])
    assert [float(number) for number in printed.groups()] == pytest.approx(figures, abs=1e-6)
    assert max(losses) < 2.5


def test_fc_is_the_handout_s_script(course_mnist: Dataset) -> None:
    """The script once more, in plain PyTorch: seed, split, shuffle, batches, two epochs, the test set."""
    both = joined(course_mnist.train, course_mnist.validation)
    split = int(9 * len(both) / 10)
    order = list(range(split))
    np.random.seed(12321)  # noqa: NPY002 - the course's own line
    np.random.shuffle(order)  # noqa: NPY002
    torch.manual_seed(12321)
    model = nn.Sequential(nn.Linear(784, 10), nn.LeakyReLU(), nn.Linear(10, 10))
    images = torch.tensor(both.images.reshape(-1, 784) / 256, dtype=torch.float32)
    labels = torch.tensor(both.labels.astype(np.int64))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.5)
    for _ in range(2):
        plain_epoch(plain_batches(images[order], labels[order], 32), model, two_digits=False, optimizer=optimizer)
    test_images = torch.tensor(course_mnist.test.images[:320].reshape(-1, 784) / 256, dtype=torch.float32)
    test_labels = torch.tensor(course_mnist.test.labels[:320].astype(np.int64))
    logits = model(test_images)

    loss, accuracy = nnet_fc.main(activation="leaky-relu", lr=0.2, momentum=0.5, n_epochs=2)
    assert loss == pytest.approx(F.cross_entropy(logits, test_labels).item(), rel=1e-4)
    assert accuracy == pytest.approx((logits.argmax(1) == test_labels).double().mean().item())


def test_the_script_and_the_recipe_agree(course_mnist: Dataset) -> None:
    recipe = get_recipe("fc").with_changes({"epochs": 3, "batch_size": 64, "activation": "leaky-relu"})
    run = run_recipe(recipe, course_mnist, seed=12321, device="cpu")
    scores = evaluate(run.model, whole_batches(course_mnist.test, recipe.settings.batch_size))
    loss, accuracy = nnet_fc.main(n_epochs=3, batch_size=64, activation="leaky-relu")
    assert accuracy == scores.accuracy
    assert loss == pytest.approx(scores.nll, rel=1e-6)


def test_the_two_digit_script_and_the_recipe_agree(pairs: Dataset, pairs_folder: Path) -> None:
    recipe = get_recipe("two-digit-mlp").with_changes({"epochs": 2})
    run = run_recipe(recipe, pairs, seed=12321, device="cpu")
    scores = evaluate(run.model, whole_batches(pairs.test, 64))
    losses, accuracies = mlp.main(pairs_folder, True, 2)
    assert accuracies == scores.per_position
    assert np.mean(losses) == pytest.approx(scores.nll, rel=1e-6)
