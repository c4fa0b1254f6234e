"""A folder read on Ray, beside the same folder read by one process."""

import json
import pickle
import sqlite3
from contextlib import closing, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from digitscope.cli import pictures
from digitscope.cli.pictures import PICTURES_A_TASK, read_on_ray
from digitscope.data import Dataset
from digitscope.errors import ClusterError, DataError
from digitscope.reading import Reading
from tests.cli.helpers import Command, assert_one_line, in_a_process
from tests.cli.ray_sessions import PATIENCE, members, needs_ray, session
from tests.forms.pages import DESCRIPTION, write_pages
from tests.reading.examples import reading
from tests.test_house import without

N = PICTURES_A_TASK + 8


@pytest.fixture
def folder(sample: Dataset, desk: Path) -> Path:
    """Pictures of a digit each for two tasks, in the first of them one that is no picture."""
    pictures = desk / "pictures"
    pictures.mkdir()
    for number, image in enumerate(sample.test.images[:N]):
        Image.fromarray(255 - image).resize((84, 84)).save(pictures / f"{number:03}.png")
    (pictures / "005.png").write_bytes(b"no picture")
    return pictures


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is there once any process has looked for PyTorch."""
    sprung = tmp_path / "sprung"
    (tmp_path / "trap").mkdir()
    code = f"open({str(sprung)!r}, 'w').close()\nraise ImportError('no PyTorch here')\n"
    (tmp_path / "trap" / "torch.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "trap"), prepend=":")
    return sprung


@needs_ray
@pytest.mark.timeout(3 * PATIENCE)
def test_the_same_lines_as_without_ray_and_no_pytorch(desk: Path, folder: Path, trap: Path) -> None:
    """And what --out has already is not read again."""
    words = ("read", folder.name, "--json", "--annotate")
    expected = in_a_process(*words, "here", "--out", "here.jsonl")
    assert (expected.code, len(expected.out.splitlines())) == (1, N - 1)
    begun = (desk / "here.jsonl").read_bytes().splitlines(keepends=True)[:3]
    (desk / "ray.jsonl").write_bytes(b"".join(begun))
    call = ("-W", "error", "-m", "digitscope", *words, "ray", "--out", "ray.jsonl", "--engine", "ray")
    with session(*call, folder=desk) as process:
        out, err = process.communicate(timeout=PATIENCE)
        assert members(process.pid) == []
    assert process.returncode == 1, err
    told, (complaint,) = err.splitlines()[0], err.splitlines()[1:]
    assert told == f"ray.jsonl: has 3 of {N} pictures already, which are not read again"
    assert [complaint] == expected.err
    assert out.splitlines() == expected.out.splitlines()[3:]
    assert (desk / "ray.jsonl").read_bytes() == (desk / "here.jsonl").read_bytes()
    copies = sorted(path.name for path in (desk / "here").iterdir())[3:]
    assert [path.name for path in sorted((desk / "ray").iterdir())] == copies
    assert all((desk / "ray" / name).read_bytes() == (desk / "here" / name).read_bytes() for name in copies)
    assert not trap.exists()
    assert json.loads(out.splitlines()[0])["path"] == "pictures/003.png"


@pytest.mark.parametrize("words", [("--engine", "ray", "--workers", "2"), ("--address", "auto")])
def test_forms_on_ray_with_options_that_contradict_it(
    digitscope: Command, desk: Path, words: tuple[str, ...]
) -> None:
    (desk / "form.png").touch()
    assert_one_line(digitscope("form", "read", "form.toml", "form.png", *words), 2, "expected --engine")


def test_standard_input_stays_here(digitscope: Command) -> None:
    assert_one_line(digitscope("read", "-", "--engine", "ray"), 2, "expected --engine local")


def test_without_ray_the_line_names_the_extra(tmp_path: Path) -> None:
    done = without(["ray"], "read", "form.png", "--engine", "ray", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.endswith("pip install 'digitscope[distributed]'")


EMPTY = reading()

# Without Ray, which a stand-in shows from its worst side


class LostError(Exception):
    """A worker is gone."""


class TaskError(LostError):
    """What a task raised."""

    cause = OSError("no such folder")


def never(_: str) -> Reading:
    raise AssertionError("the stand-in calls no function")


class Cluster:
    """One core, on which every task is lost that has a picture called "bad", and "odd" raises."""

    exceptions = SimpleNamespace(RayError=LostError, RayTaskError=TaskError)

    def __init__(self) -> None:
        self.running = self.most = 0

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 1}

    def remote(self, **_: object) -> Any:
        return lambda _function: SimpleNamespace(remote=self.begin)

    def begin(self, read_one: object, folder: str, paths: list[str]) -> list[str]:
        assert (read_one, folder) == (never, str(Path.cwd()))
        self.running += 1
        self.most = max(self.most, self.running)
        return paths

    def get(self, paths: list[str]) -> list[tuple[str, Reading]]:
        self.running -= 1
        if "bad" in paths:
            raise LostError
        if "odd" in paths:
            raise TaskError
        return [(path, EMPTY) for path in paths]


class OneMachine(Cluster):
    """Runs each task here, and copies what goes there and back as a cluster does."""

    def remote(self, **_: object) -> Any:
        return lambda function: SimpleNamespace(remote=lambda *words: _copy(function(*_copy(words))))

    def get(self, found: Any) -> Any:
        return found


def _copy(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def test_forms_have_the_same_values_as_without_ray(
    digitscope: Command, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One picture shows the form, one another form, and one is none."""
    pytest.importorskip("cv2", reason="needs OpenCV, of the extra packages of forms")
    write_pages(desk)
    (desk / "form.toml").write_text(DESCRIPTION)
    (desk / "scans" / "no.png").write_bytes(b"no picture")
    monkeypatch.setattr(pictures, "load_ray", lambda _: None)
    monkeypatch.setattr(pictures, "connected", lambda *_: nullcontext(OneMachine()))
    expected = digitscope("form", "read", "form.toml", "scans", "--out", "here.db")
    assert (expected.code, len(expected.err)) == (1, 3)
    assert digitscope("form", "read", "form.toml", "scans", "--out", "ray.db", "--engine", "ray") == expected
    here, ray = (_rows(desk / name) for name in ("here.db", "ray.db"))
    assert here == ray
    assert [row[:3] for row in here] == [("scans/one.png", "a", "7"), ("scans/other.png", "", "")]


def _rows(path: Path) -> list[tuple[object, ...]]:
    query = "SELECT file, name, value, confidence, reason, crop, digits FROM fields JOIN forms ON forms.id = form"
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"{query} ORDER BY fields.id").fetchall()


def test_a_picture_that_ends_its_process_is_told_and_the_others_are_read() -> None:
    cluster = Cluster()
    paths = [str(number) for number in range(5 * N)]
    paths[N] = "bad"
    for path, (told, found) in zip(paths, read_on_ray(cluster, never, paths), strict=True):
        assert told == path
        if path == "bad":
            assert isinstance(found, DataError)
            assert str(found) == "bad: the process that read it ended, 3 times"
        else:
            assert found is EMPTY
    assert cluster.most == 2  # tasks at once, for its one core


def test_a_machine_that_cannot_read_ends_it_with_one_line() -> None:
    with pytest.raises(ClusterError, match="a machine of the Ray cluster cannot read: no such folder"):
        next(read_on_ray(Cluster(), never, ["odd"]))


def test_a_task_reads_what_it_can() -> None:
    def read_one(path: str) -> str:
        if path == "bad":
            raise DataError("bad: no picture")
        return path

    first, (_, second) = pictures._read_some(read_one, str(Path.cwd()), ["a", "bad"])
    assert first == ("a", "a")
    assert isinstance(second, DataError)
    assert str(second) == "bad: no picture"
