from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digitscope.data import Dataset, Split
from digitscope.data.augmentation import Augmentation, augment
from digitscope.data.batches import Batch
from digitscope.errors import DataError, DivergedError, SettingError
from digitscope.records import EpochRecord
from digitscope.scratch import (
    Network,
    ScratchSettings,
    ScratchState,
    batch_source,
    load_state,
    save_state,
    train,
)
from digitscope.scratch.training import train_epoch


def network_bytes(network: Network) -> bytes:
    return b"".join(array.tobytes() for layer in network.layers for array in layer)


def quick(sample: Dataset, seed: int, **settings: Any) -> tuple[Network, tuple[EpochRecord, ...]]:
    values: dict[str, Any] = {"hidden": (16,), "epochs": 2} | settings
    chosen = ScratchSettings(**values)
    return train(sample.train[:500], sample.validation, chosen, generator=np.random.default_rng(seed))


def test_ten_examples_are_memorised(sample: Dataset) -> None:
    ten = sample.train[:10]
    settings = ScratchSettings(hidden=(32,), epochs=200, batch_size=4, learning_rate=0.05)
    network, history = train(ten, ten, settings, generator=np.random.default_rng(0))
    assert (network.predict(ten.images) == ten.labels).all()
    assert history[-1].validation_accuracy == 1
    assert history[-1].validation_loss < 0.01


def test_equal_seeds_give_equal_bytes(sample: Dataset) -> None:
    settings = {"momentum": 0.0, "nesterov": False, "dtype": "float64", "hidden": ()}
    first, first_history = quick(sample, 3, **settings)
    second, second_history = quick(sample, 3, **settings)
    other, _ = quick(sample, 4, **settings)
    assert network_bytes(first) == network_bytes(second) != network_bytes(other)
    assert [r.train_loss for r in first_history] == [r.train_loss for r in second_history]


def test_every_activation_learns(sample: Dataset) -> None:
    activation = "sigmoid"
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
    loose = ScratchSettings(hidden=(), batch_size=4, momentum=0, nesterov=False)
    state = ScratchState.start(blank, loose, generator=generator)
    labels = np.arange(5, dtype=np.uint8)
    batches = [(blank.images[rows], labels[rows]) for rows in (slice(0, 4), slice(4, 5))]
    loss, _ = train_epoch(state, batches, [1e-12, 1.0], loose)
    assert loss == pytest.approx(np.log(10))
    assert state.network.layers[0].bias.argmax() == 4  # the fifth example, alone in the second batch
    assert state.network.layers[0].bias == pytest.approx(np.eye(10)[4] - 0.1)  # one step of 1 down the gradient


def noise(n: int, side: int = 4) -> Split:
    generator = np.random.default_rng(1)
    return Split(
        generator.integers(0, 256, (n, side, side), dtype=np.uint8), generator.integers(0, 10, n, dtype=np.uint8)
    )


def watch(monkeypatch: pytest.MonkeyPatch) -> list[list[Batch]]:
    """Return the list that every epoch's batches will be in when it has ended."""
    epochs: list[list[Batch]] = []

    def watched(state: Any, batches: Any, *arguments: Any, **options: Any) -> Any:
        epochs.append([*batches])
        return train_epoch(state, epochs[-1], *arguments, **options)

    monkeypatch.setattr("digitscope.scratch.training.train_epoch", watched)
    return epochs


def test_the_order_differs_between_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    split, epochs = noise(64), watch(monkeypatch)
    settings = ScratchSettings(hidden=(), epochs=3, batch_size=16)
    train(split, split, settings, generator=np.random.default_rng(0))
    orders = [b"".join(image.tobytes() for images, _ in batches for image in images) for batches in epochs]
    assert len(set(orders)) == 3
    each = sorted(image.tobytes() for image in split.images)
    for batches in epochs:
        assert sorted(image.tobytes() for images, _ in batches for image in images) == each


WARPS = {"rotation": 20.0, "scale": 0.2, "shear": 0.2, "shift": 2.0, "elastic": 1.0}


def test_what_warps_is_what_the_data_layer_does(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    split, epochs = sample.train[:10], watch(monkeypatch)
    values: dict[str, Any] = {"hidden": (), "epochs": 2, "batch_size": 4, **WARPS}
    train(split, split, ScratchSettings(**values), generator=np.random.default_rng(7))
    for batches, generator in zip(epochs, np.random.default_rng(7).spawn(2), strict=True):
        order = generator.permutation(10)
        for images, labels in batches:
            chosen, order = order[:4], order[4:]
            assert np.array_equal(labels, split.labels[chosen])
            expected = augment(split.images[chosen], Augmentation(**WARPS), generator=generator)
            assert np.array_equal(images, expected)


class Stopped(Exception):  # noqa: N818  it is no error
    """The machine goes off."""


def test_a_training_that_goes_on_gives_the_same_bytes(sample: Dataset, tmp_path: Path) -> None:
    after = 1
    split, values = sample.train[:200], {**WARPS, "hidden": (16, 8), "epochs": 3, "dtype": "float64"}
    settings = ScratchSettings(**values)  # type: ignore[arg-type]
    whole, expected = train(split, sample.validation, settings, generator=np.random.default_rng(5))
    generator = np.random.default_rng(5)
    state = ScratchState.start(split, settings, generator=generator)

    def stop(record: EpochRecord) -> None:
        save_state(tmp_path / "state", state)
        if record.epoch == after:
            raise Stopped

    with pytest.raises(Stopped):
        train(split, sample.validation, settings, generator=generator, state=state, on_epoch=stop)
    other = np.random.default_rng(5)
    resumed = ScratchState.start(split, settings, generator=np.random.default_rng(99))
    load_state(tmp_path / "state", resumed)
    assert len(resumed.history) == after
    steps: list[None] = []
    network, history = train(
        split, sample.validation, settings, generator=other, state=resumed, on_batch=lambda: steps.append(None)
    )
    assert len(steps) == (3 - after) * 4 == (3 - after) * batch_source(split, settings).n_batches
    assert network is resumed.network
    assert network_bytes(network) == network_bytes(whole)
    assert [replace(r, seconds=0) for r in history] == [replace(r, seconds=0) for r in expected]


@pytest.mark.parametrize("batch_size", [64, 500])
def test_a_diverging_training_is_one_clear_line(batch_size: int, sample: Dataset) -> None:
    """With 500 of 500 in a batch, the only loss is taken before the step that ruins the weights."""
    seen: list[EpochRecord] = []
    values: dict[str, Any] = {"hidden": (16,), "learning_rate": 1e38, "batch_size": batch_size, "epochs": 1}
    with pytest.raises(DivergedError, match="not finite in epoch 1: train with a lower learning rate"):
        train(
            sample.train[:500],
            sample.validation,
            ScratchSettings(**values),
            generator=np.random.default_rng(0),
            on_epoch=seen.append,
        )
    assert seen == []


def test_bad_settings_are_named() -> None:
    for name, value in [
        ("hidden", (16, 0)),
        ("activation", "swish"),
        ("learning_rate", float("nan")),
        ("momentum", 1.0),
        ("nesterov", "no"),
    ]:
        settings: dict[str, Any] = {name: value}
        with pytest.raises(SettingError, match=rf"^{name} .*: (expected|choose one of) .") as raised:
            ScratchSettings(**settings)
        assert repr(value) in str(raised.value)


def test_numbers_of_numpy_are_numbers_and_lists_are_tuples() -> None:
    settings = ScratchSettings(
        hidden=(8, np.int64(4)),  # type: ignore[arg-type]
        epochs=np.int32(2),  # type: ignore[arg-type]
        learning_rate=np.float32(0.1),  # type: ignore[arg-type]
        momentum=np.float64(0.5),
    )
    assert settings.hidden == (8, 4)
    listed: Any = [32, 16]  # as JSON has it, and so a run's configuration
    assert ScratchSettings(hidden=listed) == ScratchSettings(hidden=(32, 16))
    with pytest.raises(SettingError, match="nesterov needs momentum: expected momentum above 0"):
        ScratchSettings(momentum=0, nesterov=True)


def test_a_batch_may_be_larger_than_the_split(sample: Dataset) -> None:
    huge, _ = quick(sample, 0, batch_size=10**9)
    whole, _ = quick(sample, 0, batch_size=500)
    assert network_bytes(huge) == network_bytes(whole)


def test_splits_that_cannot_be_learnt() -> None:
    bad = Split(np.zeros((3, 28, 28), np.uint8), np.zeros((3, 2), np.uint8))
    good = Split(np.zeros((3, 28, 28), np.uint8), np.zeros(3, np.uint8))
    for pair, name in (((bad, good), "training"), ((good, bad), "validation")):
        with pytest.raises(DataError, match=f"the {name} split"):
            train(*pair, ScratchSettings(), generator=np.random.default_rng(0))
    small = Split(np.zeros((3, 14, 14), np.uint8), np.zeros(3, np.uint8))
    with pytest.raises(DataError, match="expected one size"):
        train(small, good, ScratchSettings(), generator=np.random.default_rng(0))


@pytest.mark.full_mnist
def test_784_128_10_reads_98_percent_of_mnist(mnist: Dataset) -> None:
    settings = ScratchSettings(epochs=5)
    network, _ = train(mnist.train, mnist.validation, settings, generator=np.random.default_rng(0))
    assert network.sizes == (784, 128, 10)
    predicted = network.predict(mnist.test.images)
    assert len(predicted) == 10_000
    assert (predicted == mnist.test.labels).mean() >= 0.98
