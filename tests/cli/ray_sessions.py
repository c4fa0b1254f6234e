"""The command in a session of its own, so that every process that it starts can be found, and none is left."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PATIENCE = 240
"""Seconds to wait for what takes some ten where a core is free."""

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None or sys.platform != "linux",
    reason="needs Ray (the extra distributed), and Linux's /proc to find its processes",
)


@contextmanager
def session(*words: object, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Call `python WORDS` in `folder`; after the block all of its processes have ended, if need be by force."""
    call = [sys.executable, *map(str, words)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        call, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        kill_all(process.pid)
        process.communicate()


def members(leader: int, name: str = "") -> list[int]:
    """Return the processes in the session of `leader` whose command line begins with `name`; no zombies."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, of_session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            title = (folder / "cmdline").read_text()
        except OSError:  # it has just ended
            continue
        if int(of_session) == leader and state != "Z" and title.startswith(name):
            found.append(int(folder.name))
    return found


def kill_all(leader: int) -> None:
    while left := members(leader):
        for each in left:
            kill(each)
        time.sleep(0.05)


def kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
