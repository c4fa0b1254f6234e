import subprocess
import sys

import pytest

from digitscope.experiments.bench.measuring import Conditions
from digitscope.experiments.bench.start import PROGRAMS, measure


def never() -> None:
    raise AssertionError("no data are needed")


def test_every_side_starts_a_process_a_round() -> None:
    turns: list[None] = []
    conditions = Conditions(data=never, rounds=1, threads=1, peers="Python", on_turn=lambda: turns.append(None))  # type: ignore[arg-type]
    (table,) = measure(conditions)
    assert [row.side for row in table.rows] == ["Recognizer", "Python, which does nothing"]
    ours, nothing = (row.values["seconds"] for row in table.rows)
    assert len(ours) == len(nothing) == 1
    assert ours[0] > nothing[0] > 0
    assert len(turns) == 4  # with the round that is not counted


@pytest.mark.parametrize(("side", "loads"), [("Recognizer", False), ("PyTorch, eager", True)])
def test_a_side_reads_with_what_it_is_named_after(side: str, loads: bool) -> None:
    program = f"{PROGRAMS[side]}; import sys; assert ('torch' in sys.modules) is {loads}"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
