"""A sweep on Ray, one of whose workers is killed, beside the same sweep without Ray."""

import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from digitscope.experiments.sweep.journal import load_study
from tests.cli.helpers import Command, assert_one_line
from tests.cli.ray_sessions import PATIENCE, kill, members, needs_ray, session

TINY = ("fc", "hidden=4", "batch_size=8", "momentum=0,0.5")

CLUSTER = """
import sys
from digitscope.cluster import connected
with connected(None, 2) as ray:
    print(ray.get_runtime_context().gcs_address, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def data(tiny_mnist_folder: Path) -> tuple[object, ...]:
    return ("--data", tiny_mnist_folder, "--unchecked", "--device", "cpu", "--cores", "2")


def states(folder: Path) -> Counter[str]:
    """Count the trials in the journal of `folder` by their state; those that failed are lost or have crashed."""
    with suppress(KeyError, OSError):  # before it begins
        return Counter(trial.state.name for trial in load_study(folder).trials)
    return Counter()


def lost(folder: Path) -> list[str]:
    """Return why trials failed that have not crashed by themselves."""
    with suppress(KeyError, OSError):
        failed = [trial for trial in load_study(folder).trials if trial.state.name == "FAIL"]
        reasons = [str(trial.user_attrs["reason"]) for trial in failed]
        return [reason for reason in reasons if not reason.startswith("SettingError: ")]
    return []


@needs_ray
@pytest.mark.timeout(3 * PATIENCE)
@pytest.mark.usefixtures("trials_in_process")
def test_a_cluster_goes_on_with_a_local_sweep_and_loses_a_worker(
    digitscope: Command, desk: Path, data: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three points one cannot be trained; a worker is killed, and its trial is begun anew."""
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # a driver, too, is to stay on the loopback
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0123456789abcdef" * 2)
    words = ("sweep", "fc", "hidden=4", "epochs=100", "batch_size=8,100000", *data)
    assert digitscope(*words, "--out", "both").code == 1
    with session("-W", "error", "-c", CLUSTER, folder=desk) as cluster:
        assert cluster.stdout
        address = cluster.stdout.readline().strip()
        assert address.startswith("127.0.0.1:")
        there = ("--seeds", "4", "--out", "both", "--engine", "ray", "--address", address)
        with session("-W", "error", "-m", "digitscope", *words, *there, folder=desk) as ray:
            while ray.poll() is None and not lost(desk / "both"):
                for worker in members(cluster.pid, "ray::_train")[:1]:
                    kill(worker)
                    time.sleep(1)  # until it is missed
                time.sleep(0.05)  # its trial may have ended just before: then another is tried
            out, err = ray.communicate(timeout=PATIENCE)
            assert members(ray.pid) == []
        assert ray.returncode == 1, err
        assert "SettingError: batch_size = 100000: expected 1 to " in err
        assert err.endswith("failed trials: 4; the same call tries them again\n")
        assert members(cluster.pid)
    assert lost(desk / "both")
    assert all("Error: " in reason for reason in lost(desk / "both"))
    assert states(desk / "both") == {"COMPLETE": 2 * 4, "FAIL": 1 + 4 + len(lost(desk / "both"))}
    assert out.startswith("fc, ranked on validation accuracy\n")
    assert digitscope(*words, "--seeds", "4", "--out", "local").code == 1
    for name in ("results.csv", "results.jsonl"):
        assert (desk / "both" / name).read_bytes() == (desk / "local" / name).read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("--address", "auto"), 2, "--address: auto: expected --engine ray with it"),
        (("--engine", "ray", "--address", "ray://head:10001"), 1, "expected auto or HOST:PORT"),
    ],
)
def test_a_wrong_call(digitscope: Command, desk: Path, words: tuple[str, ...], code: int, part: str) -> None:
    assert_one_line(digitscope("sweep", *TINY, *words), code, part)
    assert list(desk.iterdir()) == []
