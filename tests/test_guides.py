"""The outputs that guides show are those of the commands above them."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CALLS = [
    (page.name, call, shown)
    for page in sorted((ROOT / "docs" / "guides").glob("*.md"))
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for call, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]


def test_there_are_some() -> None:
    assert len(CALLS) >= 2


@pytest.mark.parametrize(("page", "call", "shown"), CALLS, ids=[f"{page}: {call}" for page, call, _ in CALLS])
def test_a_call_prints_what_the_guide_shows(page: str, call: str, shown: str) -> None:
    program, *words = shlex.split(call)
    assert program == "digitscope"
    whole = [sys.executable, "-m", "digitscope", *words]
    done = subprocess.run(whole, capture_output=True, text=True, check=False, cwd=ROOT, env=os.environ)
    assert done.returncode == 0, done.stderr
    # A digit at the limit may be sure on one processor and not on another: "?" stands for any digit.
    assert len(done.stdout) == len(shown), f"{page} shows another output than {call!r} prints:\n{done.stdout}"
    differ = [(a, b) for a, b in zip(done.stdout, shown, strict=True) if a != b and "?" not in (a, b)]
    assert differ == [], f"{page} shows another output than {call!r} prints:\n{done.stdout}"
