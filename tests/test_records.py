import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digitscope.errors import DataError
from digitscope.records import EpochRecord, format_history, parse_history, read_history, write_history

FIRST = EpochRecord(
    epoch=1,
    train_loss=0.1 + 0.2,  # a number whose shortest decimal form is long
    train_accuracy=0.875,
    validation_loss=1e-9,
    validation_accuracy=1.0,
    learning_rate=0.05,
    seconds=12.5,
)
LINE = json.dumps(asdict(FIRST))

numbers = st.floats(allow_nan=False)
records = st.builds(EpochRecord, st.integers(1), numbers, numbers, numbers, numbers, numbers, numbers)


def test_a_history_comes_back_as_it_was(tmp_path: Path) -> None:
    n = 3
    history = tuple(replace(FIRST, epoch=epoch) for epoch in range(1, n + 1))
    path = tmp_path / "run" / "metrics.jsonl"
    write_history(path, history)
    assert read_history(path) == history


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(records, max_size=4).map(tuple))
def test_no_number_loses_a_digit(history: tuple[EpochRecord, ...]) -> None:
    assert parse_history(format_history(history)) == history


def test_a_loss_that_is_not_a_number_comes_back() -> None:
    (record,) = parse_history(format_history([replace(FIRST, train_loss=math.nan)]))
    assert math.isnan(record.train_loss)


def test_the_file_is_one_json_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write_history(path, [FIRST, replace(FIRST, epoch=2)])
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]
    assert set(json.loads(lines[0])) == set(asdict(FIRST))


def test_a_field_of_a_later_version_is_passed_over() -> None:
    assert parse_history(json.dumps({**asdict(FIRST), "temperature": 1.5})) == (FIRST,)


@pytest.mark.parametrize(
    "bad",
    ["not json", '{"epoch": 1}'],
)
def test_a_line_that_is_no_record(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(f"{LINE}\n{bad}\n{LINE}\n", encoding="utf-8")
    with pytest.raises(DataError, match="not a run's metrics") as caught:
        read_history(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with pytest.raises(DataError) as caught:
        read_history(path)
    assert str(caught.value) == (
        f"{path}: No such file or directory: expected one epoch's JSON a line, as train writes"
    )


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"metrics\.jsonl"):
        read_history(path)
