"""Library versions and device of trials; trials of other versions or devices can differ."""

from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.metadata import version

from digitscope import __version__

Origin = Mapping[str, str]
"""The versions of digitscope, NumPy and PyTorch, and the device; empty in old records."""


def origin_on(device: str) -> Origin:
    """Return the origin of a trial that runs now on `device`: "cpu", "cuda" or "mps"."""
    return {"digitscope": __version__, "numpy": version("numpy"), "torch": version("torch"), "device": device}


def origin_in_words(origin: Origin) -> str:
    """Return "digitscope 0.1.0, numpy 2.4.6, torch 2.13.0 on cpu"."""
    if not origin:
        return "versions that were not recorded"
    versions = ", ".join(f"{name} {value}" for name, value in origin.items() if name != "device")
    return f"{versions} on {origin.get('device', 'a device that was not recorded')}"


def count_origins(origins: Iterable[Origin]) -> dict[str, int]:
    """Return each of `origins` in words and how often it is there, the most frequent first."""
    return dict(Counter(map(origin_in_words, origins)).most_common())
