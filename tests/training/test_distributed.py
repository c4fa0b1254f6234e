"""Shares of batches, and two processes under torchrun that train what one trains."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from digitscope.errors import SettingError
from digitscope.training.distributed import (
    SynchronizedBatchNorm2d,
    add_up_gradients,
    n_processes,
    share_of,
    share_out,
)
from tests.training.together import train_small_columns

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node")
ROOT = Path(__file__).parent.parent.parent


def test_shares_part_the_batch_and_each_column_keeps_its_own() -> None:
    n, columns, ranks = 27, 3, 4
    whole = torch.arange(n)
    shares = [share_of(n, columns, rank, ranks) for rank in range(ranks)]
    assert torch.equal(torch.cat(shares).sort().values, whole)
    for column in range(columns):
        found = torch.cat([share[column::columns] for share in shares])
        assert torch.equal(found.sort().values, whole[column::columns])
    lengths = sorted(map(len, shares))
    assert lengths[-1] - lengths[0] <= columns


def test_a_batch_too_small_to_share() -> None:
    with pytest.raises(SettingError, match="a batch has 5 examples: expected at least 6 for 2 processes"):
        share_of(5, 3, 0, 2)


def test_a_process_on_its_own_shares_nothing() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    assert n_processes() == 1
    assert share_out(model) is model
    assert add_up_gradients(optimizer) is optimizer
    assert type(model[1]) is nn.BatchNorm2d


def test_the_batch_norm_is_pytorchs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one process, where the sum over all processes is its own."""
    monkeypatch.setattr("digitscope.training.distributed.dist.all_reduce", lambda _: None)
    ours, theirs = SynchronizedBatchNorm2d(3), nn.BatchNorm2d(3)
    for _ in range(2):
        x = (torch.randn(5, 3, 4, 4) * 3 + 20).requires_grad_()
        y = x.detach().clone().requires_grad_()
        weights = torch.randn(5, 3, 4, 4)
        torch.autograd.backward((ours(x) * weights).sum())
        torch.autograd.backward((theirs(y) * weights).sum())
        torch.testing.assert_close(x.grad, y.grad)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(y))


torchrun = pytest.mark.skipif(os.name != "posix", reason="torchrun is of POSIX systems")


def together(*words: object, folder: Path = ROOT, processes: int = 2) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo" if sys.platform == "linux" else "lo0"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(ROOT), environment.get("PYTHONPATH", "")])
    call = [sys.executable, *TORCHRUN, *map(str, (processes, *words))]
    return subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def difference(first: Path, second: Path) -> float:
    """Return the largest difference of two files of weights."""
    ours, theirs = load_file(first), load_file(second)
    assert ours.keys() == theirs.keys()
    return max(float((ours[name] - theirs[name]).abs().max()) for name in ours)


@torchrun
def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    """And a run with dropout that is stopped and resumed goes on as one that was not."""
    done = together("-m", "tests.training.together", tmp_path)
    assert done.returncode == 0, done.stderr
    train_small_columns(tmp_path / "alone.safetensors")
    first, second, alone = (tmp_path / f"{name}.safetensors" for name in ("0", "1", "alone"))
    assert first.read_bytes() == second.read_bytes()
    assert difference(first, alone) < 1e-5
    resumed, at_once = (tmp_path / name / "model.safetensors" for name in ("resumed", "at-once"))
    assert resumed.read_bytes() == at_once.read_bytes()


@torchrun
def test_a_call_that_is_refused_is_told_by_one_process(tiny_mnist_folder: Path, tmp_path: Path) -> None:
    """What torchrun tells of the exit code is its own, and the only trace is of its own failure."""
    words = ("train", "scratch")
    said = "scratch is the NumPy network, which one process trains: call it without torchrun"
    data = ("--data", tiny_mnist_folder, "--unchecked", "--device", "cpu")
    done = together("-m", "digitscope", *words, *data, folder=tmp_path)
    ours = [line for line in done.stderr.splitlines() if line.startswith("digitscope") and "error: " in line]
    assert len(ours) == 1, done.stderr
    assert said in ours[0]
    assert done.returncode == 1
    assert "failed (exitcode: 2) local_rank: 0" in done.stderr
    for noise in ("[rank", "gloo", "destroy_process_group", "src/digitscope"):
        assert noise not in done.stderr


FAILS_ALONE = """
import sys
from digitscope.cli import main, train
from digitscope.errors import DigitscopeError
from digitscope.training import is_first_process
from digitscope.training.distributed import wait_for_all

def fail(*_):
    if not is_first_process():
        raise DigitscopeError("only here")
    wait_for_all()

train.dataset_for = fail
sys.exit(main(["train", "fc"]))
"""


@torchrun
def test_a_process_that_fails_alone_says_so(tmp_path: Path) -> None:
    """The other one says that it is gone, in place of gloo's trace."""
    (tmp_path / "alone.py").write_text(FAILS_ALONE)
    done = together("alone.py", folder=tmp_path)
    assert sorted(line for line in done.stderr.splitlines() if line.startswith("digitscope: error")) == [
        "digitscope: error: another process of this training has ended: see what it said",
        "digitscope: error: only here",
    ]
    assert "gloo" not in done.stderr


@torchrun
def test_the_command_under_torchrun(tiny_mnist_folder: Path, tmp_path: Path) -> None:
    """The first process alone speaks and writes."""
    words = ("train", "cnn", "--batch-size", 10, "--data", tiny_mnist_folder, "--unchecked", "--device", "cpu")
    done = together("-m", "digitscope", *words, "--epochs", 1, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("next: digitscope evaluate") == 1
    assert done.stderr.count(" on unchecked data") == 1
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["machine"]["processes"] == 2
    assert {"report.html", "curves.png"} <= {path.name for path in (tmp_path / "run").iterdir()}
