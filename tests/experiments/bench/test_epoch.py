from collections.abc import Callable

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from digitscope.data import Dataset, Split
from digitscope.experiments.bench.epoch import (
    loader_epochs,
    measure,
    numpy_epochs,
    resident_epochs,
    sides,
    sklearn_epochs,
    subnormals_as_zero,
)
from digitscope.experiments.bench.measuring import Conditions, NotAvailableError

EPOCHS = [numpy_epochs, loader_epochs, resident_epochs, sklearn_epochs]
TINY = 1e-40
"""Below 2**-126, the smallest normal float32."""


def test_an_epoch_of_one_batch_is_one_step(sample: Dataset) -> None:
    """The loss of the first is that of random weights, near ln 10; one step does not learn the digits."""
    for epochs in EPOCHS:
        epoch = epochs(sample.train[:64])
        first, second = epoch(), epoch()
        assert first == pytest.approx(np.log(10), abs=0.6)
        assert 0.3 < second < first


def test_subnormal_numbers_are_zero_inside_the_block_only() -> None:
    number = torch.tensor([TINY])
    assert (number * 1).item() > 0
    try:
        with subnormals_as_zero():
            assert (number * 1).item() == 0
    except NotAvailableError:
        pytest.skip("this processor computes with subnormal numbers, whatever it is told")
    assert (number * 1).item() > 0


def test_the_flushed_sides_flush_while_they_train(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def watch(_: Split) -> Callable[[], float]:
        return lambda: (torch.tensor([TINY]) * 1).item()

    for name in ("numpy_epochs", "loader_epochs", "resident_epochs", "sklearn_epochs"):
        monkeypatch.setattr(f"digitscope.experiments.bench.epoch.{name}", watch)
    epochs = {name: make() for name, make in sides(sample.train, threads=1).items()}
    zeros = {name: epoch() == 0 for name, epoch in epochs.items()}
    assert len(zeros) == 8
    assert zeros == {name: name.endswith("subnormals as 0") for name in zeros}


def test_the_table(sample: Dataset) -> None:
    split = sample.train[:64]
    dataset = Dataset("64 digits", "here", split, split, split)
    turns: list[None] = []
    started: list[tuple[str, int]] = []
    conditions = Conditions(
        data=lambda: dataset,
        rounds=2,
        threads=1,
        on_start=lambda name, n: started.append((name, n)),
        on_turn=lambda: turns.append(None),
    )
    (table,) = measure(conditions)
    assert "64 images of 64 digits; one thread, 2 rounds" in table.title
    assert started == [("epoch: preparing", 8), ("epoch", len(turns) - 8)]
    assert len(turns) == 8 + 3 * len([row for row in table.rows if not row.caveat])
    assert table.ratios(table.rows[0], table.columns[0]) == (1.0, 1.0)
    for row in table.rows[:4]:
        assert row.values == {"seconds": row.raw}
        assert len(row.raw) == 2
        assert min(row.raw) > 0


def test_on_two_threads_nobody_claims_that_subnormals_are_off(sample: Dataset) -> None:
    before = torch.get_num_threads(), [pool["num_threads"] for pool in threadpool_info()]
    dataset = Dataset("64 digits", "here", *(sample.train[:64] for _ in range(3)))
    (table,) = measure(Conditions(data=lambda: dataset, rounds=1, threads=2))
    assert [row.caveat for row in table.rows] == [""] * 4 + ["not available"] * 4
    assert "one thread only" in table.rows[-1].reason
    assert (torch.get_num_threads(), [pool["num_threads"] for pool in threadpool_info()]) == before


def test_quick_takes_the_first_images(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def count(split: Split) -> Callable[[], None]:
        return lambda: seen.append(len(split))

    monkeypatch.setattr("digitscope.experiments.bench.epoch.QUICK_IMAGES", 100)
    for name in ("numpy_epochs", "loader_epochs", "resident_epochs", "sklearn_epochs"):
        monkeypatch.setattr(f"digitscope.experiments.bench.epoch.{name}", count)
    (table,) = measure(Conditions(data=lambda: sample, rounds=1, threads=1, quick=True))
    assert set(seen) == {100}
    assert table.settings["training_images"] == 100
