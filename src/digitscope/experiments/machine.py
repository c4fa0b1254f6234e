"""The machine and the versions behind a measured figure."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from digitscope import __version__
from digitscope.cores import usable_cores


def describe_machine() -> dict[str, str | int]:
    """Return the processor, the usable cores and the library versions, for JSON."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "not installed"
    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "torch": torch,
        "onnxruntime": version("onnxruntime"),
        "digitscope": __version__,
    }


def _processor() -> str:
    """Return the processor's name where the system tells it: Linux keeps it in a file."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
