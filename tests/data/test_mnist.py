import _pickle as c_pickle
import gzip
import pickle
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest

from digitscope.data import (
    Dataset,
    Split,
    find_data_directory,
    has_mnist,
    load_mnist,
    load_mnist_elsewhere,
    make_two_digit,
    write_mnist,
)
from digitscope.data.local_files import cache_directory
from digitscope.errors import DataError
from tests.data.helpers import IDX_NAMES, ONLY_THE_SAMPLE, forbid, write_idx_folder

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = IDX_NAMES


def write_course_file(folder: Path, train: Split, test: Split) -> None:
    """Write `mnist.pkl.gz` as Python 2 code would, without digitscope's own writer."""
    cut = len(train) * 5 // 6
    pairs = [
        ((split.images.reshape(-1, 784) / 256).astype(np.float32), split.labels.astype(np.int64))
        for split in (train[:cut], train[cut:], test)
    ]
    with gzip.open(folder / "mnist.pkl.gz", "wb") as file:
        pickle.dump(pairs, file, protocol=2)


def test_full_mnist(mnist: Dataset) -> None:
    assert mnist.name == "MNIST"
    assert [len(split) for split in mnist.splits.values()] == [54_000, 6_000, 10_000]
    # Digits 0 to 9 in MNIST's training and test files, as its descriptions count them.
    counts = np.bincount(mnist.train.labels) + np.bincount(mnist.validation.labels)
    assert counts.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(mnist.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert round(float(mnist.test.images.mean()), 2) == 33.79


def test_a_folder_of_ones_own(tiny_mnist_folder: Path, sample: Dataset) -> None:
    tiny = load_mnist(tiny_mnist_folder, check=False)
    assert [len(split) for split in tiny.splits.values()] == [57, 7, 16]
    assert (tiny.name, tiny.source) == ("unchecked data", str(tiny_mnist_folder))
    assert np.array_equal(tiny.validation.images, sample.train.images[57:64])
    assert np.array_equal(tiny.test.labels, sample.test.labels[:16])


def test_the_subfolder_and_the_other_spelling(sample: Dataset, tmp_path: Path) -> None:
    write_idx_folder(tmp_path / "mnist", sample.train[:20], sample.test[:5], zipped=False)
    for path in list((tmp_path / "mnist").iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert load_mnist(tmp_path, check=False).source == str(tmp_path / "mnist")


def test_the_environment_names_the_folder(tiny_mnist_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITSCOPE_DATA", str(tiny_mnist_folder))
    assert len(load_mnist(check=False).test) == 16
    assert find_data_directory() == tiny_mnist_folder
    assert find_data_directory("elsewhere") == Path("elsewhere")
    monkeypatch.setenv("DIGITSCOPE_DATA", "")
    assert find_data_directory() is None


def test_a_named_folder_without_data_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"no MNIST here or in its subfolder mnist; looked for train-images"):
        load_mnist(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file: a file; expected the folder that holds the data files"):
        load_mnist(tmp_path / "file")
    monkeypatch.setenv("DIGITSCOPE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"nowhere: no such folder; .* DIGITSCOPE_DATA names"):
        load_mnist()


def test_a_file_that_lacks_is_named(tiny_mnist_folder: Path) -> None:
    (tiny_mnist_folder / f"{TEST_LABELS}.gz").unlink()
    with pytest.raises(DataError, match=f"tiny lacks {TEST_LABELS}; looked for"):
        load_mnist(tiny_mnist_folder)


def test_a_wrong_hash_names_file_and_both_hashes(tiny_mnist_folder: Path) -> None:
    content = gzip.decompress((tiny_mnist_folder / f"{TRAIN_IMAGES}.gz").read_bytes())
    found = md5(content, usedforsecurity=False).hexdigest()
    expected = "6bbc9ace898e44ae57da46a324031adb"
    with pytest.raises(DataError, match=f"{TRAIN_IMAGES}.gz: content with MD5 {found}, .*{expected}.*check=False"):
        load_mnist(tiny_mnist_folder)


def test_swapped_files_are_called_what_they_are(known_tiny: dict[str, bytes], tmp_path: Path) -> None:
    first, second = TRAIN_IMAGES, TEST_IMAGES
    swapped = known_tiny | {first: known_tiny[second], second: known_tiny[first]}
    for name, content in swapped.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{first}: this is MNIST's {second} .*, expected MNIST's {first}"):
        load_mnist(tmp_path)


def test_labels_in_the_place_of_images_unchecked(tiny_mnist_folder: Path) -> None:
    labels = (tiny_mnist_folder / f"{TRAIN_LABELS}.gz").read_bytes()
    (tiny_mnist_folder / f"{TRAIN_IMAGES}.gz").write_bytes(labels)
    with pytest.raises(DataError, match=rf"{TRAIN_IMAGES}.gz with .*images are uint8 of shape \(64,\)"):
        load_mnist(tiny_mnist_folder, check=False)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (TRAIN_IMAGES, b"", "truncated: 0 bytes"),
        (TEST_LABELS, b"\x00\x00\x08\x01\x00\x00\x00\x02\x01\x01", "16 images but 2 labels"),
        (
            TEST_IMAGES,
            b"\x00\x00\x08\x03\x00\x00\x00\x10" + b"\x00\x00\x00\x01" * 2 + b"\x00" * 16,
            "one shape",
        ),
    ],
)
def test_broken_files_unchecked(tiny_mnist_folder: Path, name: str, content: bytes, message: str) -> None:
    (tiny_mnist_folder / f"{name}.gz").write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match=message) as caught:
        load_mnist(tiny_mnist_folder, check=False)
    assert str(tiny_mnist_folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_web_page_in_the_place_of_a_file_is_to_be_got_again(tiny_mnist_folder: Path) -> None:
    (tiny_mnist_folder / f"{TEST_LABELS}.gz").write_bytes(b"<html>not found</html>")
    with pytest.raises(
        DataError, match=rf"{TEST_LABELS}\.gz: not an IDX file: .*, expected .*; get the file again"
    ):
        load_mnist(tiny_mnist_folder)


def test_damaged_gzip_and_unreadable_content(tiny_mnist_folder: Path) -> None:
    path = tiny_mnist_folder / f"{TRAIN_IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"damaged gzip content .*; get the file again"):
        load_mnist(tiny_mnist_folder)


def test_the_course_file_of_ones_own(sample: Dataset, tmp_path: Path) -> None:
    write_course_file(tmp_path, sample.train[:60], sample.test[:10])
    own = load_mnist(tmp_path, check=False)
    assert np.array_equal(own.train.images, sample.train.images[:54])
    assert np.array_equal(own.test.labels, sample.test.labels[:10])
    with pytest.raises(DataError, match=r"mnist\.pkl\.gz, its train-images-idx3-ubyte: content with MD5"):
        load_mnist(tmp_path)


def test_the_course_file_is_checked_by_its_digits(
    known_tiny: dict[str, bytes], sample: Dataset, tmp_path: Path
) -> None:
    assert set(known_tiny) == set(IDX_NAMES)
    write_course_file(tmp_path, sample.train[:64], sample.test[:16])
    assert load_mnist(tmp_path).name == "MNIST"


@pytest.fixture
def sixty(sample: Dataset) -> Dataset:
    """54, 6 and 10 digits, divided as full MNIST is."""
    return Dataset("sixty", "a test", sample.train[:54], sample.train[54:60], sample.test[:10])


def test_our_course_file_is_readable_by_the_courses_code(sample: Dataset, sixty: Dataset, tmp_path: Path) -> None:
    """Read it as `get_MNIST_data` of the course's `utils.py` does."""
    path = write_mnist(sixty, tmp_path / "new")
    with gzip.open(path, "rb") as file:
        train_set, valid_set, test_set = c_pickle.load(file, encoding="latin1")
    train_x, train_y = train_set
    valid_x, valid_y = valid_set
    assert (train_x.shape, valid_x.shape, test_set[0].shape) == ((50, 784), (10, 784), (10, 784))
    train_x, train_y = np.vstack((train_x, valid_x)), np.append(train_y, valid_y)
    assert (train_x.dtype.name, train_y.dtype.name) == ("float32", "int64")
    assert np.array_equal(train_x * 256, sample.train.images[:60].reshape(60, 784))
    assert np.array_equal(train_y, sample.train.labels[:60])
    assert np.array_equal(test_set[0] * 256, sample.test.images[:10].reshape(10, 784))
    assert np.array_equal(test_set[1], sample.test.labels[:10])
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["mnist.pkl.gz"]
    assert load_mnist(tmp_path / "new", check=False).sha256() == sixty.sha256()


def test_a_course_file_that_is_there_is_kept(sixty: Dataset, tmp_path: Path) -> None:
    (tmp_path / "mnist.pkl.gz").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"mnist\.pkl\.gz: is there already and is kept; .*: name another"):
        write_mnist(sixty, tmp_path)
    assert (tmp_path / "mnist.pkl.gz").read_bytes() == b"mine"


def test_a_course_file_that_cannot_be_written(
    sixty: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/mnist\.pkl\.gz: cannot be written"):
        write_mnist(sixty, tmp_path / "file")

    def fail(path: Path, *_: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("digitscope.data.mnist.write_course_mnist", fail)
    with pytest.raises(DataError, match=r"mnist\.pkl\.gz: cannot be written .No space left"):
        write_mnist(sixty, tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_what_the_course_file_cannot_hold(sample: Dataset, sixty: Dataset, tmp_path: Path) -> None:
    """The embedded sample is divided otherwise; the rest are no single digits of the size."""
    pairs = make_two_digit(sample, n_train=20, n_test=5, seed=1)
    cut = Dataset("cut", "a test", *(Split(each.images[:, 1:], each.labels) for each in sixty.splits.values()))
    for wrong in (sample, pairs, cut):
        with pytest.raises(DataError, match=f"^{wrong.name}: .* make no mnist.pkl.gz: expected single digits"):
            write_mnist(wrong, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, 2], "expected three"),
        ([(np.zeros((1, 784)), [1])] * 3, "expected pairs of arrays"),
        ([(np.zeros((1, 783)), np.zeros(1))] * 3, r"images of shape \(1, 783\)"),
        ([(np.full((1, 784), 1 / 255), np.zeros(1))] * 3, "not whole multiples of 1/256"),
    ],
)
def test_broken_course_files(tmp_path: Path, value: object, message: str) -> None:
    with gzip.open(tmp_path / "mnist.pkl.gz", "wb") as file:
        pickle.dump(value, file)
    with pytest.raises(DataError, match=message) as caught:
        load_mnist(tmp_path, check=False)
    assert str(caught.value).startswith(str(tmp_path))


def test_without_data_and_network_the_sample_serves(sample: Dataset) -> None:
    told: list[str] = []
    found = load_mnist(report=told.append)
    assert found.sha256() == sample.sha256()
    assert told == [ONLY_THE_SAMPLE]
    assert load_mnist(download=False, report=told.append).source == sample.source
    assert told == [ONLY_THE_SAMPLE] * 2
    assert not cache_directory().exists()


def test_the_cache_serves_when_it_is_right(known_tiny: dict[str, bytes]) -> None:
    folder = cache_directory()
    folder.mkdir(parents=True)
    for name, content in known_tiny.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    told: list[str] = []
    assert load_mnist(report=told.append).source == f"the cache {folder}"
    assert told == []
    (folder / f"{TEST_LABELS}.gz").write_bytes(b"damaged")
    assert load_mnist(report=told.append).source.startswith("the embedded sample")
    assert told == [ONLY_THE_SAMPLE]


def test_a_cache_that_cannot_be_looked_into_is_passed_over(
    known_tiny: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = cache_directory()
    folder.mkdir(parents=True)
    for name, content in known_tiny.items():
        (folder / name).write_bytes(content)
    forbid(monkeypatch, folder)
    assert load_mnist().source.startswith("the embedded sample")


def test_a_named_folder_that_cannot_be_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "private").mkdir()
    forbid(monkeypatch, tmp_path / "private")
    for look in (load_mnist, has_mnist):
        with pytest.raises(
            DataError, match=r"private/train-images-idx3-ubyte: cannot be read \(Permission denied\)"
        ):
            look(tmp_path / "private")
    with pytest.raises(DataError, match=r"private/deeper: cannot be read \(Permission denied\)"):
        load_mnist(tmp_path / "private" / "deeper")
    with pytest.raises(DataError, match=r"^~nobody-of-this-name/data: .*; expected a folder: write its full path"):
        has_mnist("~nobody-of-this-name/data")


def test_mnist_from_elsewhere_than_the_named_folder(
    tiny_mnist_folder: Path, sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITSCOPE_DATA", str(tiny_mnist_folder))
    told: list[str] = []
    assert load_mnist_elsewhere(report=told.append).sha256() == sample.sha256()
    assert told == [ONLY_THE_SAMPLE]


def test_an_empty_file_is_named(sample: Dataset, tmp_path: Path) -> None:
    write_idx_folder(tmp_path, sample.train[:9], sample.test[:0])
    with pytest.raises(DataError, match=r"t10k-images.*: 0 images: expected at least 1"):
        load_mnist(tmp_path, check=False)
