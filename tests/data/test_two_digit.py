import _pickle as c_pickle
import gzip
import pickle
import pickletools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digitscope.data import (
    Dataset,
    Split,
    has_two_digit,
    load_two_digit,
    make_two_digit,
    write_two_digit,
)
from digitscope.errors import DataError
from tests.data.helpers import forbid

NAMES = [
    "test_labels_mini.txt.gz",
    "test_multi_digit_mini.pkl.gz",
    "train_labels_mini.txt.gz",
    "train_multi_digit_mini.pkl.gz",
]
LOADED_NAMES = [
    f"{part}{ending}"
    for mini in ("_mini", "")
    for part in ("train", "test")
    for ending in (f"_multi_digit{mini}.pkl.gz", f"_labels{mini}.txt.gz")
]


@pytest.fixture(scope="session")
def pairs(sample: Dataset) -> Dataset:
    return make_two_digit(sample, n_train=40, n_test=7, seed=5)


@pytest.fixture
def written(pairs: Dataset, tmp_path: Path) -> Path:
    write_two_digit(pairs, tmp_path)
    return tmp_path


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def course_images(path: Path) -> Any:
    with gzip.open(path, "rb") as file:
        return c_pickle.load(file, encoding="latin1")


def write_as_the_course(folder: Path, images: list[Any], labels: Any, part: str = "train") -> None:
    with gzip.open(folder / f"{part}_multi_digit_mini.pkl.gz", "wb") as file:
        pickle.dump(images, file, protocol=2)
    np.savetxt(folder / f"{part}_labels_mini.txt.gz", labels)


def test_the_courses_own_code_reads_what_was_written(written: Path, pairs: Dataset) -> None:
    images = course_images(written / "train_multi_digit_mini.pkl.gz")
    labels = np.loadtxt(written / "train_labels_mini.txt.gz")
    assert isinstance(images, list)
    assert {(image.shape, image.dtype.name, image.flags.writeable) for image in images} == {
        ((42, 28), "float64", True)
    }
    assert labels.shape == (2, 40)
    assert np.array_equal(np.array(images)[:36] * 256, pairs.train.images)
    assert np.array_equal(labels[:, 36:].T, pairs.validation.labels)
    assert np.loadtxt(written / "test_labels_mini.txt.gz").shape == (2, 7)


def test_the_files_name_nothing_that_numpy_1_lacks(written: Path) -> None:
    content = gzip.decompress((written / "test_multi_digit_mini.pkl.gz").read_bytes())
    strings = {argument for _, argument, _ in pickletools.genops(content) if isinstance(argument, str)}
    assert {"numpy", "ndarray", "dtype"} <= strings
    assert not [text for text in strings if "core" in text]


def test_round_trip(pairs: Dataset, tmp_path: Path) -> None:
    paths = write_two_digit(pairs, tmp_path / "new" / "folder", mini=False)
    assert not any("_mini" in path.name for path in paths)
    back = load_two_digit(tmp_path / "new" / "folder", mini=False)
    assert back.sha256() == pairs.sha256()
    assert back.source == f"{tmp_path / 'new' / 'folder'}, its full-size files"


def test_equal_sets_give_equal_bytes_and_nothing_else_is_left(pairs: Dataset, written: Path) -> None:
    before = content(written)
    assert sorted(before) == NAMES
    write_two_digit(pairs, written / "again")
    assert content(written / "again") == before


def test_a_file_that_is_there_is_kept(pairs: Dataset, tmp_path: Path) -> None:
    name = NAMES[1]
    (tmp_path / name).write_bytes(b"mine")
    write_two_digit(pairs, tmp_path, mini=False)  # those have other names
    before = content(tmp_path)
    assert len(before) == 5
    message = f"{tmp_path / name}: is there already and is kept; expected a folder without it: name another"
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        write_two_digit(pairs, tmp_path)
    assert content(tmp_path) == before


def test_files_as_the_course_made_them(tmp_path: Path, pairs: Dataset) -> None:
    folder = tmp_path / "mnist"
    folder.mkdir()
    for part, split in (("train", pairs.train), ("test", pairs.test)):
        write_as_the_course(folder, list(split.images / 256), split.labels.T, part)
    two = load_two_digit(tmp_path)
    assert [len(split) for split in two.splits.values()] == [32, 4, 7]
    assert np.array_equal(two.train.images, pairs.train.images[:32])
    assert np.array_equal(two.test.labels, pairs.test.labels)


def test_whether_the_files_are_there(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_two_digit(written)
    monkeypatch.setenv("DIGITSCOPE_DATA", str(written))
    assert len(load_two_digit().test) == 7
    for name in NAMES:
        assert has_two_digit(written)  # the last one tells that a set was meant, and is not complete
        (written / name).unlink()
    assert not has_two_digit(written)
    assert not has_two_digit(written / "nowhere")


def test_any_of_the_names_tells(tmp_path: Path) -> None:
    folder, name = "mnist", "train_multi_digit.pkl.gz"
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / name).touch()
    assert has_two_digit(tmp_path)
    lacking = [other for other in LOADED_NAMES if ("_mini" in other) == ("_mini" in name) and other != name]
    with pytest.raises(DataError) as caught:
        load_two_digit(tmp_path)
    start = f"{tmp_path / folder} lacks {', '.join(lacking)}: expected a complete set of two-digit files"
    assert str(caught.value).startswith(start)


def test_the_first_complete_set_serves(sample: Dataset, tmp_path: Path) -> None:
    small, large = (make_two_digit(sample, n_train=n, n_test=3, seed=1) for n in (10, 30))
    write_two_digit(large, tmp_path, mini=False)
    assert load_two_digit(tmp_path).sha256() == large.sha256()
    assert load_two_digit(tmp_path).source == f"{tmp_path}, its full-size files"
    with pytest.raises(DataError, match="expected all of train_multi_digit_mini"):
        load_two_digit(tmp_path, mini=True)
    write_two_digit(small, tmp_path / "mnist")
    assert load_two_digit(tmp_path).sha256() == small.sha256()
    assert load_two_digit(tmp_path).source == f"{tmp_path / 'mnist'}, its _mini files"
    assert load_two_digit(tmp_path, mini=False).sha256() == large.sha256()
    (tmp_path / "mnist" / NAMES[2]).unlink()
    assert load_two_digit(tmp_path).sha256() == large.sha256()
    with pytest.raises(DataError, match=f"mnist lacks {NAMES[2]}: expected a complete set"):
        load_two_digit(tmp_path, mini=True)


def test_every_set_that_was_begun_is_named(written: Path) -> None:
    (written / NAMES[0]).unlink()
    (written / "mnist").mkdir()
    (written / "mnist" / "test_labels.txt.gz").touch()
    with pytest.raises(DataError) as caught:
        load_two_digit(written)
    assert f"{written} lacks {NAMES[0]}; {written / 'mnist'} lacks train_multi_digit.pkl.gz, " in str(caught.value)


def test_a_folder_that_cannot_be_looked_into(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid(monkeypatch, written)
    for look in (load_two_digit, has_two_digit):
        with pytest.raises(
            DataError, match=r"train_multi_digit_mini.pkl.gz: cannot be read \(Permission denied\)"
        ):
            look(written)


def test_a_write_that_fails_leaves_nothing(
    pairs: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_bytes(b"mine")
    written: list[Path] = []

    def fail(split: Split, images: Path, labels: Path) -> None:
        images.write_bytes(b"half")
        written.extend([images, labels])
        if split is pairs.test:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("digitscope.data.course_files._write_pairs", fail)
    with pytest.raises(DataError, match=r"cannot be written .No space left on device"):
        write_two_digit(pairs, tmp_path)
    assert len(written) == 4
    assert content(tmp_path) == {"notes.txt": b"mine"}
    monkeypatch.undo()
    write_two_digit(pairs, tmp_path)  # nothing is in its way
    assert load_two_digit(tmp_path).sha256() == pairs.sha256()


def test_a_split_that_readers_would_divide_elsewhere(pairs: Dataset, sample: Dataset, tmp_path: Path) -> None:
    uneven = Dataset("uneven", "a test", pairs.train[:20], pairs.validation, pairs.test)
    for wrong in (uneven, sample):
        with pytest.raises(DataError, match="the validation split a tenth"):
            write_two_digit(wrong, tmp_path)
    assert not list(tmp_path.iterdir())


IMAGES = [np.zeros((42, 28))] * 10
LABELS = np.zeros((2, 10))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES[:9], LABELS, "10 labels for the 9 images of train_multi_digit_mini.pkl.gz; expected one"),
        (IMAGES, np.full((2, 10), 0.5), "label 0.5 among the labels"),
        (IMAGES, LABELS.T, "10 lines of 2, 2, 2 numbers; expected two of equal length"),
        (np.zeros((10, 42, 28)), LABELS, "expected a list of images"),
        ([np.zeros((28, 28))] * 10, LABELS, r"images of shape \(28, 28\): expected \(42, 28\)"),
        ([*IMAGES[:9], np.zeros((41, 28))], LABELS, "expected images of one shape"),
        ([np.full((42, 28), np.nan)] * 10, LABELS, "not whole multiples of 1/256"),
    ],
)
def test_broken_files(written: Path, images: Any, labels: Any, message: str) -> None:
    write_as_the_course(written, images, labels)
    with pytest.raises(DataError, match=message) as caught:
        load_two_digit(written)
    assert str(caught.value).startswith(str(written))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train_labels_mini.txt.gz", gzip.compress(b"1 2\n3 x\n", mtime=0), "could not convert"),
        ("train_labels_mini.txt.gz", gzip.compress(b"", mtime=0), "0 lines of no numbers"),
        ("train_labels_mini.txt.gz", gzip.compress(b"1 2\n3 4\n", mtime=0)[:-9], "damaged gzip content"),
        ("test_multi_digit_mini.pkl.gz", b"junk", "not a pickle that can be read safely"),
    ],
)
def test_damaged_files(written: Path, name: str, content: bytes, message: str) -> None:
    (written / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load_two_digit(written)
    assert str(caught.value).startswith(str(written / name))


def test_nothing_to_load(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder with the course's two-digit files is named"):
        load_two_digit()
    with pytest.raises(DataError, match=r"no two-digit files here .* expected all of train_multi_digit_mini"):
        load_two_digit(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        load_two_digit(tmp_path / "nowhere")
