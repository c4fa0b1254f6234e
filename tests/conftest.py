"""Fixtures for every test: an environment of its own, and data to work on."""

import os
import signal

# A shell has what it starts in the background ignore Ctrl-C, and what the tests start would ignore it too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# One thread each: what the tests compute is small, and a second thread waits for a core that others use.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

from pathlib import Path

import pytest

from digitscope.data import Dataset, load_mnist, load_sample
from digitscope.data.hands import Material
from digitscope.data.pens import Pens, has_pens, load_pens
from tests.data.helpers import write_idx_folder
from tests.data.page_material import write_pens

NAMED_DATA = os.environ.get("DIGITSCOPE_DATA")


LONGEST = (
    "test_chapters.py",
    "test_sweep.py",
    "test_sweep_on_ray.py",
    "test_other_python.py",
    "test_distributed.py",
)
"""Files of few tests that take long. A worker that begins one last would end long after the other."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; mark what needs full MNIST, so that `-m "not full_mnist"` leaves it out."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
    for item in items:
        if "mnist" in getattr(item, "fixturenames", ()):
            item.add_marker("full_mnist")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give the test an empty cache of its own, no network and no named data."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("DIGITSCOPE_OFFLINE", "1")
    monkeypatch.delenv("DIGITSCOPE_DATA", raising=False)


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    """Full MNIST, from the folder that DIGITSCOPE_DATA named when the tests began."""
    if not NAMED_DATA:
        pytest.skip("needs full MNIST: set DIGITSCOPE_DATA to its folder")
    return load_mnist(NAMED_DATA)


@pytest.fixture(scope="session")
def pens() -> Pens:
    """The digits of UNIPEN, from the folder that DIGITSCOPE_DATA named when the tests began."""
    if not NAMED_DATA or not has_pens(NAMED_DATA):
        pytest.skip(
            "needs UNIPEN's pen strokes: set DIGITSCOPE_DATA to a folder where `digitscope data pens` wrote"
        )
    return load_pens("digits", NAMED_DATA)


@pytest.fixture(scope="session")
def sample() -> Dataset:
    """The embedded sample: 4,000, 500 and 500 real digits."""
    return load_sample()


@pytest.fixture
def tiny_mnist_folder(sample: Dataset, tmp_path: Path) -> Path:
    """Return a folder with IDX files of 64 training and 16 test images; load it with `check=False`."""
    folder = tmp_path / "tiny"
    write_idx_folder(folder, sample.train[:64], sample.test[:16])
    return folder


@pytest.fixture(scope="session")
def page_folder(sample: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with 600 training digits, 200 test digits and simple pen strokes; not to be changed."""
    folder = tmp_path_factory.mktemp("page-data")
    write_idx_folder(folder / "mnist", sample.train[:600], sample.test[:200])
    return write_pens(folder)


@pytest.fixture(scope="session")
def material(sample: Dataset, page_folder: Path) -> Material:
    """The digits and the pens of `page_folder`, to make pages of."""
    return Material.of(sample.train[:540], directory=page_folder)
