"""Speed, measured: every side of a comparison in turns within one run, every second kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

from digitscope.errors import SettingError
from digitscope.experiments.bench.measuring import Column, Comparison, ComparisonRow, Conditions, MedianRange

__all__ = [
    "BENCHMARKS",
    "QUICK_ROUNDS",
    "Benchmark",
    "Column",
    "Comparison",
    "ComparisonRow",
    "Conditions",
    "MedianRange",
    "select",
]

QUICK_ROUNDS = 2
"""Rounds of a benchmark that is only tried out."""


@dataclass(frozen=True)
class Benchmark:
    """A benchmark, described before its module is loaded.

    `about` tells people what it measures and the limits of its figures. `rounds` and `threads` are defaults; 0
    threads are as many as PyTorch has: one a core, unless the environment says otherwise.
    """

    module: str
    about: str
    rounds: int
    threads: int

    def load(self) -> Callable[[Conditions], tuple[Comparison, ...]]:
        """Return its `measure`.

        Raises:
            MissingExtraError: one of its sides is a package that is not installed.
        """
        module = import_module(f"{__name__}.{self.module}")
        return module.measure  # type: ignore[no-any-return]


BENCHMARKS: Mapping[str, Benchmark] = MappingProxyType(
    {
        "time-to-99": Benchmark(
            "time_to_99",
            "Training time to 99 % of MNIST's test set, from uint8 arrays in memory to weights, of the recipe "
            "fast, of the course's CNN and of the MNIST network of pytorch/examples; of the latter two as "
            "published, and with their images preloaded as tensors. The test set is looked at after every "
            "epoch, with the clock stopped, and a row is the first epoch whose mean over the rounds is at least "
            "99.0 %. That is a peer's most favourable reading, since it picks the epoch on the test set; fast "
            "has no choice: it trains its whole schedule. Its network reads a test image at nine places, "
            "a pixel apart, and the peers' at one. 'As published' means the published "
            "batches, rates and data; the loader that converts image by image is written anew, without "
            "torchvision. What digitscope tells glibc's allocator holds for every side. It takes about an hour "
            "on two cores.",
            rounds=3,
            threads=0,
        ),
        "epoch": Benchmark(
            "epoch",
            "Seconds an epoch of 784-128-10, in batches of 64 with Nesterov SGD, of the NumPy network, of a "
            "plain PyTorch loop and of scikit-learn's MLPClassifier. The network is so small that a framework's "
            "overhead counts as much as its arithmetic: the ratios say nothing of larger ones. Part of the gap "
            "is subnormal numbers, which NumPy's loop sets to 0 and the others compute with; the rows "
            "'subnormals as 0' let the processor do it for each side, and what remains is the loop itself. "
            "About a minute.",
            rounds=3,
            threads=1,
        ),
        "latency": Benchmark(
            "latency",
            "Median and 99th percentile of reading one image, and images a second in batches of 256, from uint8 "
            "pixels to probabilities: the network of the recipe small in ONNX Runtime, in PyTorch, and in "
            "PyTorch compiled, where there is a C++ compiler. Its weights are random and the same on every "
            "side; the shipped weights, where they are installed, are a further row. Calls follow each other at "
            "once, so a service that idles between them will see more, and compiling, which takes PyTorch "
            "seconds, is off the clock. About a minute.",
            rounds=5,
            threads=0,
        ),
        "start": Benchmark(
            "start",
            "Seconds that a new Python process takes to read one digit, with the network that ships and without "
            "PyTorch, beside a process that loads PyTorch and the same network, and one that does nothing. Half a "
            "minute.",
            rounds=5,
            threads=0,
        ),
    }
)
"""Every benchmark by name."""


def select(names: Sequence[str]) -> tuple[str, ...]:
    """Return the benchmarks that `names` mean, each once and in the table's order; all if there are no names.

    Raises:
        SettingError: a name is unknown.
    """
    for name in names:
        if name not in BENCHMARKS:
            raise SettingError(f"no benchmark is called {name!r}: expected one of {', '.join(BENCHMARKS)}")
    return tuple(name for name in BENCHMARKS if not names or name in names)
