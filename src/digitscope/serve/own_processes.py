"""How the service starts a process of this package: with this interpreter, one thread, and no secrets."""

import os
import sys
from pathlib import Path

import digitscope

TOKEN_VARIABLE = "DIGITSCOPE_TOKEN"  # noqa: S105 - its name, not the token

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def command_of(module: str) -> tuple[str, ...]:
    """Return what runs `module`; with -P it imports nothing from the folder that the server was started in."""
    return sys.executable, "-P", "-m", module


def environment() -> dict[str, str]:
    """Return the environment of such a process: it finds the package that the server has, wherever that is."""
    inherited = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
    places = [str(Path(digitscope.__file__).parent.parent), inherited.get("PYTHONPATH", "")]
    return {**inherited, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, places))}
