import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from digitscope.data import Dataset, Split
from digitscope.errors import DataError, SettingError
from digitscope.records import EpochRecord
from digitscope.scratch import Network, ScratchSettings, train
from digitscope.scratch.training import train_epoch


def network_bytes(network: Network) -> bytes:
    return b"".join(array.tobytes() for layer in network.layers for array in layer)


def quick(sample: Dataset, seed: int, **settings: Any) -> tuple[Network, tuple[EpochRecord, ...]]:
    values: dict[str, Any] = {"hidden": (16,), "epochs": 2} | settings
    chosen = ScratchSettings(**values)
    return train(sample.train[:500], sample.validation, chosen, generator=np.random.default_rng(seed))


def test_ten_examples_are_memorised(sample: Dataset) -> None:
    ten = sample.train[:10]
    settings = ScratchSettings(hidden=(32,), epochs=200, batch_size=4)
    network, history = train(ten, ten, settings, generator=np.random.default_rng(0))
    assert (network.predict(ten.images) == ten.labels).all()
    assert history[-1].validation_accuracy == 1
    assert history[-1].validation_loss < 0.01


@pytest.mark.parametrize(
    "settings", [{}, {"momentum": 0.0, "nesterov": False, "dtype": "float64"}, {"nesterov": False, "hidden": ()}]
)
def test_equal_seeds_give_equal_bytes(sample: Dataset, settings: dict[str, Any]) -> None:
    first, first_history = quick(sample, 3, **settings)
    second, second_history = quick(sample, 3, **settings)
    other, _ = quick(sample, 4, **settings)
    assert network_bytes(first) == network_bytes(second) != network_bytes(other)
    assert [r.train_loss for r in first_history] == [r.train_loss for r in second_history]


@pytest.mark.parametrize("activation", ["relu", "leaky-relu", "sigmoid", "tanh"])
def test_every_activation_learns(sample: Dataset, activation: str) -> None:
    network, _ = quick(sample, 0, activation=activation, epochs=15, learning_rate=0.1)
    assert (network.predict(sample.test.images) == sample.test.labels).mean() > 0.75


def test_records_and_the_falling_rate(sample: Dataset) -> None:
    seen: list[EpochRecord] = []
    settings = ScratchSettings(hidden=(16,), epochs=4, batch_size=100, learning_rate=0.2, momentum=0.5)
    network, history = train(
        sample.train[:450], sample.validation, settings, generator=np.random.default_rng(0), on_epoch=seen.append
    )
    assert tuple(seen) == history
    assert [record.epoch for record in history] == [1, 2, 3, 4]
    rates = [record.learning_rate for record in history]
    assert rates == pytest.approx([0.2 * (1 - k / 20) for k in (4, 9, 14, 19)])  # 5 steps an epoch, 20 in all
    right = network.predict(sample.validation.images) == sample.validation.labels
    assert history[-1].validation_accuracy == right.mean()
    assert all(record.seconds > 0 for record in history)


def test_the_last_partial_batch_teaches_and_counts() -> None:
    generator = np.random.default_rng(0)
    blank = Split(np.zeros((5, 2, 2), np.uint8), np.zeros(5, np.uint8))
    settings = ScratchSettings(hidden=(), epochs=1, batch_size=4, learning_rate=1e-9)
    _, history = train(blank, blank, settings, generator=generator)
    assert history[0].train_loss == pytest.approx(np.log(10))
    inputs, targets = np.zeros((5, 4), np.float32), np.eye(10, dtype=np.float32)[:5]
    network, _ = train(blank, blank, settings, generator=generator)
    layers = [*network.layers]
    before = layers[0].bias.copy()
    loose = ScratchSettings(hidden=(), batch_size=4, momentum=0, nesterov=False)
    train_epoch(layers, layers, inputs, targets, np.array([0, 1, 2, 3, 4]), [1e-12, 1.0], loose)
    assert np.abs(layers[0].bias - before).argmax() == 4  # the fifth example, alone in the second batch


def test_the_order_differs_between_epochs() -> None:
    order = np.random.default_rng(0)
    noise = np.random.default_rng(1)
    split = Split(noise.integers(0, 256, (64, 4, 4), dtype=np.uint8), noise.integers(0, 10, 64, dtype=np.uint8))
    drawn: list[bytes] = []

    class Watching(np.random.Generator):
        def permutation(self, x: Any, axis: int = 0) -> Any:
            drawn.append(order.permutation(x, axis=axis).tobytes())
            return np.frombuffer(drawn[-1], dtype=np.int64)

    settings = ScratchSettings(hidden=(), epochs=3, batch_size=16)
    train(split, split, settings, generator=Watching(np.random.PCG64(0)))
    assert len(set(drawn)) == 3
    assert all(sorted(np.frombuffer(b, dtype=np.int64)) == list(range(64)) for b in drawn)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden", (16, 0)),
        ("hidden", (12.5,)),
        ("hidden", (True,)),
        ("hidden", 128),
        ("hidden", "128"),
        ("hidden", None),
        ("activation", "swish"),
        ("activation", ["relu"]),
        ("activation", None),
        ("epochs", 0),
        ("epochs", 2.5),
        ("epochs", True),
        ("epochs", "9"),
        ("batch_size", 0),
        ("batch_size", 64.5),
        ("learning_rate", 0.0),
        ("learning_rate", "0.1"),
        ("learning_rate", 1j),
        ("learning_rate", float("inf")),
        ("learning_rate", float("nan")),
        ("momentum", 1.0),
        ("momentum", -0.1),
        ("momentum", None),
        ("momentum", False),
        ("nesterov", "no"),
        ("dtype", "float16"),
        ("dtype", np.float32),
        ("dtype", ["float32"]),
    ],
)
def test_bad_settings_are_named(name: str, value: object) -> None:
    settings: dict[str, Any] = {name: value}
    with pytest.raises(SettingError, match=rf"^{name} .*: (expected|choose one of) .") as raised:
        ScratchSettings(**settings)
    assert repr(value) in str(raised.value)


def test_numbers_of_numpy_are_numbers() -> None:
    settings = ScratchSettings(
        hidden=(8, np.int64(4)),  # type: ignore[arg-type]
        epochs=np.int32(2),  # type: ignore[arg-type]
        learning_rate=np.float32(0.1),  # type: ignore[arg-type]
        momentum=np.float64(0.5),
    )
    assert settings.hidden == (8, 4)


def test_a_batch_may_be_larger_than_the_split(sample: Dataset) -> None:
    huge, _ = quick(sample, 0, batch_size=10**9)
    whole, _ = quick(sample, 0, batch_size=500)
    assert network_bytes(huge) == network_bytes(whole)


def test_nesterov_without_momentum_is_a_contradiction() -> None:
    with pytest.raises(SettingError, match="nesterov is True: expected momentum above 0"):
        ScratchSettings(momentum=0, nesterov=True)


@pytest.mark.parametrize("n", [0, 3])
def test_splits_that_cannot_be_learnt(n: int) -> None:
    bad = Split(np.zeros((n, 28, 28), np.uint8), np.zeros((n, 2), np.uint8))
    good = Split(np.zeros((3, 28, 28), np.uint8), np.zeros(3, np.uint8))
    for pair, name in (((bad, good), "training"), ((good, bad), "validation")):
        with pytest.raises(DataError, match=f"the {name} split"):
            train(*pair, ScratchSettings(), generator=np.random.default_rng(0))


def test_splits_of_two_sizes() -> None:
    small = Split(np.zeros((3, 14, 14), np.uint8), np.zeros(3, np.uint8))
    large = Split(np.zeros((3, 28, 28), np.uint8), np.zeros(3, np.uint8))
    with pytest.raises(DataError, match="expected one size"):
        train(small, large, ScratchSettings(), generator=np.random.default_rng(0))


def test_import_leaves_torch_alone() -> None:
    code = "import sys, digitscope.scratch, digitscope.course.neural_nets; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.full_mnist
def test_784_128_10_reads_98_percent_of_mnist(mnist: Dataset) -> None:
    network, history = train(mnist.train, mnist.validation, ScratchSettings(), generator=np.random.default_rng(0))
    assert network.sizes == (784, 128, 10)
    assert len(history) < 10
    predicted = network.predict(mnist.test.images)
    assert len(predicted) == 10_000
    assert (predicted == mnist.test.labels).mean() >= 0.98
