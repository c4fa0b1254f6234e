"""What the course's scripts refuse, and how they end when they are run."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from digitscope.course import mlp, run_script
from digitscope.course.protocol import split_into_batches
from digitscope.data import Dataset, make_two_digit, write_two_digit
from digitscope.errors import DataError, SettingError


def test_a_split_without_a_whole_batch_is_refused(sample: Dataset, tmp_path: Path) -> None:
    write_two_digit(make_two_digit(sample, n_train=300, n_test=40, seed=2), tmp_path)
    with pytest.raises(SettingError, match="the validation split has 30 examples and batch_size is 64: expected"):
        mlp.main(tmp_path, True, 1)


def test_the_smallest_split_may_be_one_batch() -> None:
    x, y = np.zeros((300, 1, 42, 28), np.float32), np.zeros((2, 300), np.int64)
    batches = split_into_batches((x, y, x[:40], y[:, :40]), 30)
    assert [len(part) for part in batches] == [9, 1, 1]
    with pytest.raises(SettingError, match="the test split has 20 examples"):
        split_into_batches((x, y, x[:20], y[:, :20]), 30)
    with pytest.raises(SettingError, match="the training split has 270 examples and batch_size is 0: expected"):
        split_into_batches((x, y, x, y), 0)


def test_as_a_script_an_error_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "digitscope.course.mlp"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("digitscope: error: ../Datasets: no such folder")


def test_a_script_ends_with_the_error_s_code(capsys: pytest.CaptureFixture[str]) -> None:
    error, code = DataError("gone:\n twice"), 1

    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        run_script(main)
    assert ended.value.code == code
    assert capsys.readouterr() == ("", "digitscope: error: gone: twice\n")
