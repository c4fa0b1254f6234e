import json
from hashlib import md5
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from digitscope.cli.data import FIGURE_ENDINGS
from digitscope.data import Dataset, load_mnist, load_sample, load_two_digit, make_two_digit
from digitscope.data.local_files import cache_directory
from tests.cli.helpers import Command, assert_one_line, everything_in
from tests.data.helpers import SEVEN, idx_files, write_idx_folder, write_unipen

NO_MNIST = "no full MNIST here: using the embedded sample"


def test_info_of_the_sample(digitscope: Command, sample: Dataset) -> None:
    code, out, err = digitscope("data", "info")
    assert code == 0
    assert out.splitlines() == [
        "MNIST sample, from the embedded sample: 5,000 real MNIST digits",
        "  train        4,000 images of 28 x 28",
        "  validation     500 images of 28 x 28",
        "  test           500 images of 28 x 28",
        f"  sha256     {sample.sha256()}",
    ]
    (line,) = err
    assert line.startswith(NO_MNIST)


def test_info_as_json(digitscope: Command, sample: Dataset) -> None:
    code, out, _ = digitscope("data", "info", "--json")
    assert code == 0
    assert json.loads(out) == {
        "name": "MNIST sample",
        "source": sample.source,
        "sha256": sample.sha256(),
        "splits": {"train": [4000, 28, 28], "validation": [500, 28, 28], "test": [500, 28, 28]},
    }


def test_pairs_are_made_when_there_are_none(digitscope: Command, sample: Dataset) -> None:
    code, out, _ = digitscope("data", "info", "--task", "two-digit", "--json")
    assert code == 0
    assert json.loads(out)["splits"] == {
        "train": [36_000, 42, 28],
        "validation": [4_000, 42, 28],
        "test": [4_000, 42, 28],
    }
    assert json.loads(out)["sha256"] == make_two_digit(sample, seed=12321).sha256()


def test_pairs_written_and_looked_at(digitscope: Command, sample: Dataset, desk: Path) -> None:
    folder = desk / "new" / "pairs"
    code, out, _ = digitscope("data", "two-digit", "--out", folder, "--train", 100, "--test", 20, "--seed", 5)
    assert code == 0
    assert out == f"100 training and 20 test pairs of MNIST sample are in {folder}\n"
    made = make_two_digit(sample, n_train=100, n_test=20, seed=5)
    assert load_two_digit(folder).sha256() == made.sha256()
    code, out, err = digitscope("data", "info", "--data", folder, "--task", "two-digit", "--json")
    assert (code, err) == (0, [])
    assert json.loads(out)["sha256"] == made.sha256()
    assert json.loads(out)["source"] == f"{folder}, its _mini files"


def test_pairs_of_full_size(digitscope: Command, sample: Dataset, tiny_mnist_folder: Path, desk: Path) -> None:
    """MNIST beside them is no reason to make others."""
    words = ("data", "two-digit", "--full", "--out", tiny_mnist_folder, "--train", 30, "--test", 7)
    assert digitscope(*words).code == 0
    names = [path.name for path in tiny_mnist_folder.iterdir() if "multi_digit" in path.name]
    assert sorted(names) == ["test_multi_digit.pkl.gz", "train_multi_digit.pkl.gz"]
    _, out, _ = digitscope("data", "info", "--data", tiny_mnist_folder, "--task", "two-digit", "--json")
    facts = json.loads(out)
    assert facts["source"] == f"{tiny_mnist_folder}, its full-size files"
    assert facts["sha256"] == make_two_digit(sample, n_train=30, n_test=7, seed=12321).sha256()
    assert list(desk.iterdir()) == []


def test_beside_pairs_alone_single_digits_come_from_elsewhere(
    digitscope: Command, pairs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITSCOPE_DATA", str(pairs_folder))
    code, out, err = digitscope("data", "info", "--json")
    assert code == 0
    assert json.loads(out)["name"] == "MNIST sample"
    (line,) = err
    assert line.startswith(NO_MNIST)
    _, out, _ = digitscope("data", "info", "--json", "--task", "two-digit")
    assert json.loads(out)["source"] == f"{pairs_folder}, its _mini files"


def test_a_second_call_sees_what_has_changed(
    digitscope: Command, tiny_mnist_folder: Path, pairs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    for named in (tiny_mnist_folder, pairs_folder, "", tiny_mnist_folder):
        monkeypatch.setenv("DIGITSCOPE_DATA", str(named))
        _, out, _ = digitscope("data", "info", "--unchecked", "--json")
        sizes.append(json.loads(out)["splits"]["train"][0])
    assert sizes == [57, 4000, 4000, 57]
    write_idx_folder(tiny_mnist_folder, load_sample().train[:32], load_sample().test[:8])
    _, out, _ = digitscope("data", "info", "--unchecked", "--json")
    assert json.loads(out)["splits"]["train"][0] == 28


def test_the_course_s_mnist(digitscope: Command, tiny_mnist_folder: Path, desk: Path) -> None:
    words = ("data", "mnist", "--data", tiny_mnist_folder, "--unchecked", "--out", "Datasets")
    line = "64 training and 16 test digits of unchecked data are in Datasets/mnist.pkl.gz\n"
    assert digitscope(*words) == (0, line, [])
    _, out, _ = digitscope("data", "info", "--data", "Datasets", "--unchecked", "--json")
    assert json.loads(out)["source"] == "Datasets/mnist.pkl.gz"
    written = load_mnist("Datasets", check=False)
    assert written.sha256() == load_mnist(tiny_mnist_folder, check=False).sha256()
    before = everything_in(desk)
    assert_one_line(digitscope(*words), 1, "Datasets/mnist.pkl.gz: is there already and is kept", "name another")
    assert everything_in(desk) == before


def test_the_course_s_mnist_is_not_made_of_the_sample(digitscope: Command, desk: Path) -> None:
    code, out, (_, line) = digitscope("data", "mnist", "--out", "Datasets")
    assert (code, out) == (1, "")
    assert line.startswith("digitscope: error: MNIST sample: 4000 training and 500 validation images")
    assert "`digitscope data fetch` or --data DIR" in line
    assert list(desk.iterdir()) == []


def test_each_ending_of_a_figure(digitscope: Command, tiny_mnist_folder: Path, desk: Path) -> None:
    for ending in FIGURE_ENDINGS:
        name = f"sheet{ending.upper()}"
        words = ("--data", tiny_mnist_folder, "--unchecked", "-n", 4, "--out", name)
        assert digitscope("data", "sample", *words).code == 0
        assert (desk / name).stat().st_size > 0


def test_a_contact_sheet(digitscope: Command, desk: Path, pairs_folder: Path) -> None:
    code, out, _ = digitscope("data", "sample", "-n", 20)
    assert (code, out) == (0, "sample.png: the first 20 images of the train split\n")
    pixels = matplotlib.image.imread(desk / "sample.png")
    assert pixels.shape[2] in {3, 4}
    assert np.ptp(pixels) == 1
    words = ("--data", pairs_folder, "--task", "two-digit", "--split", "test", "--out", desk / "deep" / "s.png")
    code, out, _ = digitscope("data", "sample", *words, "-n", 1000)
    assert (code, out) == (0, f"{desk}/deep/s.png: the first 20 images of the test split\n")
    assert matplotlib.image.imread(desk / "deep" / "s.png").size > 0


def test_pairs_are_not_written_over(digitscope: Command, desk: Path) -> None:
    words = ("data", "two-digit", "--out", "pairs", "--train", 20, "--test", 5)
    assert digitscope(*words).code == 0
    before = everything_in(desk)
    path = Path("pairs") / "train_multi_digit_mini.pkl.gz"
    code, out, err = digitscope(*words, "--seed", 6)
    assert (code, out) == (1, "")
    assert err[-1] == (
        f"digitscope: error: {path}: is there already and is kept; expected a folder without it: name another"
    )
    assert everything_in(desk) == before


def test_fetching_says_which_mirrors_fail(
    digitscope: Command, monkeypatch: pytest.MonkeyPatch, sample: Dataset
) -> None:
    """The first mirror answers with something else, the second not at all, the third with the files."""
    files = idx_files(sample.train[:64], sample.test[:16])
    digests = {name: md5(content, usedforsecurity=False).hexdigest() for name, content in files.items()}

    def get(url: str) -> bytes:
        host, _, name = url.partition("/")
        if host == "silent":
            raise TimeoutError("no answer")
        return b"a page" if host == "wrong" else files[name.removesuffix(".gz")]

    monkeypatch.delenv("DIGITSCOPE_OFFLINE")
    monkeypatch.setattr("digitscope.data.mnist.KNOWN_FILES", {"MNIST": digests})
    monkeypatch.setattr("digitscope.data.mnist.MIRRORS", ("wrong/", "silent/", "right/"))
    monkeypatch.setattr("digitscope.data.mnist._get", get)
    code, out, err = digitscope("data", "fetch")
    assert (code, out) == (0, f"MNIST is in {cache_directory()}\n")
    page = md5(b"a page", usedforsecurity=False).hexdigest()
    assert err == [
        line
        for name, digest in digests.items()
        for line in (
            f"downloading {name}.gz into {cache_directory()}",
            f"wrong/{name}.gz: content with MD5 {page}, expected {digest}",
            f"silent/{name}.gz: TimeoutError",
        )
    ]
    assert {path.name: path.read_bytes() for path in cache_directory().iterdir()} == {
        f"{name}.gz": content for name, content in files.items()
    }
    assert digitscope("data", "fetch") == (0, out, [])


def test_pen_strokes(digitscope: Command, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = write_unipen(desk / "unipen", {"ann": SEVEN})
    call = ("data", "pens", "--unipen", release)
    assert_one_line(digitscope(*call), 2, "no folder for the pen strokes: name one with --out or DIGITSCOPE_DATA")
    code, out, err = digitscope(*call, "--out", "mine")
    assert (code, err) == (0, [])
    assert out == "1 digits, 1 upper, 1 lower, 1 symbols, 1 words are in mine/pens\n"
    monkeypatch.setenv("DIGITSCOPE_DATA", str(desk / "named"))
    assert digitscope(*call).code == 0
    assert everything_in(desk / "named") == everything_in(desk / "mine")
    assert_one_line(digitscope(*call), 1, "digits.npz: is there already and is kept")
