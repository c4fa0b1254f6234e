"""The command called in process, from an empty folder of its own, and small data for it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from digitscope.cli import main
from digitscope.cli.datasets import labelled_images
from digitscope.data import Dataset, make_two_digit, write_two_digit
from digitscope.experiments.recipes import get_recipe
from digitscope.experiments.run import run_recipe
from tests.cli.helpers import Command, Outcome


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, and let no command see what another one read."""
    folder = tmp_path / "desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    labelled_images.cache_clear()
    return folder


@pytest.fixture
def digitscope(capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    def call(*words: object) -> Outcome:
        try:
            code: object = main([str(word) for word in words])
        except SystemExit as stop:  # what argparse does about a wrong call
            code = stop.code
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err.splitlines())

    yield call
    labelled_images.cache_clear()


@pytest.fixture
def on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A call with a terminal of 120 columns as standard error, which returns what was written there."""

    def call(*words: object) -> str:
        with monkeypatch.context() as patch:
            patch.setenv("TERM", "xterm")
            patch.setenv("COLUMNS", "120")
            patch.setattr(sys.stderr, "isatty", lambda: True)
            assert main([str(word) for word in words]) == 0
        return capsys.readouterr().err

    return call


@pytest.fixture
def trials_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let trials run in this process, which gives what others give: `test_engine` compares them."""
    from tests.experiments.sweep.helpers import InProcess

    for command in ("sweep", "study"):
        engine = f"digitscope.cli.{command}.LocalEngine"
        monkeypatch.setattr(engine, lambda data, cores: nullcontext(InProcess(data, cores)))


@pytest.fixture
def pairs_folder(sample: Dataset, tmp_path: Path) -> Path:
    """A folder with two-digit files of 90, 10 and 20 pairs."""
    folder = tmp_path / "pairs"
    write_two_digit(make_two_digit(sample, n_train=100, n_test=20, seed=3), folder)
    return folder


@pytest.fixture(scope="session")
def trained_folder(sample: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of one epoch of `fc` on the embedded sample, made by the library; not to be changed."""
    folder = tmp_path_factory.mktemp("trained") / "fc"
    run_recipe(get_recipe("fc").with_changes({"epochs": 1}), sample, seed=12321, device="cpu", folder=folder)
    return folder
