"""What a call of the command is told by."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Outcome(NamedTuple):
    """Exit code, standard output, and the lines of standard error."""

    code: object
    out: str
    err: list[str]


Command = Callable[..., Outcome]


def in_a_process(*words: object) -> Outcome:
    """Call `python -m digitscope` with pipes for its output."""
    call = [sys.executable, "-W", "error", "-m", "digitscope", *map(str, words)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr.splitlines())


def everything_in(folder: Path) -> dict[str, bytes | None]:
    """Every path below `folder`, with its content if it is a file."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")
    }


def assert_one_line(outcome: Outcome, code: int, *parts: str, announced: bool = False) -> None:
    """Check that the call failed with `code` and one line that holds `parts`.

    A training that is refused only when it starts has announced itself one line before.
    """
    announcement, line = outcome.err if announced else ("", *outcome.err)
    assert " on " in announcement or not announced
    assert outcome.code == code, outcome
    assert line.startswith("digitscope"), line
    assert "error: " in line
    for part in parts:
        assert part in line
    assert outcome.out == ""
