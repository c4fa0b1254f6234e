"""A clock that moves only when it is told to."""

import pytest


class Clock:
    """Seconds since the test began, as the benchmarks read them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("digitscope.experiments.bench.measuring.perf_counter", lambda: self.now)

    def passes(self, seconds: float) -> None:
        self.now += seconds
