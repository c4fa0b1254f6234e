from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from digitscope.data import Dataset
from digitscope.data.splits import UInt8
from digitscope.experiments.bench.latency import (
    CallTimes,
    Predict,
    batch_row,
    compiled_reader,
    exported_reader,
    measure,
    read_in_turn,
    shipped_reader,
    single_row,
    torch_reader,
    untrained_network,
)
from digitscope.experiments.bench.measuring import Conditions, NotAvailableError
from tests.experiments.bench.clock import Clock

MODULE = "digitscope.experiments.bench.latency"


def test_percentiles_by_hand() -> None:
    readings = CallTimes((0.001, 0.002, 0.009), ()), CallTimes(tuple(i / 1000 for i in range(101)), ())
    row = single_row("x", readings)
    assert row.values["p50_ms"] == pytest.approx((2.0, 50.0))
    assert row.values["p99_ms"] == pytest.approx((2 + 0.98 * 7, 99.0))
    assert row.raw == [singles for singles, _ in readings]


def test_images_a_second_by_hand() -> None:
    row = batch_row("x", (CallTimes((), (0.5, 0.25, 0.25)), CallTimes((), (2.0,))), batch_size=100)
    assert row.values == {"images_per_second": (300.0, 50.0)}
    assert row.raw == [(0.5, 0.25, 0.25), (2.0,)]


def test_each_call_is_timed_by_itself(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    met: list[UInt8] = []

    def read(images: UInt8) -> NDArray[np.float32]:
        met.append(images)
        clock.passes(len(images))
        return np.zeros((len(images), 10), np.float32)

    images = sample.test.images[:3]
    reading = read_in_turn(read, images, n_singles=4, n_batches=2, batch_size=2)
    assert reading == ((1.0,) * 4, (2.0,) * 2)
    for found, expected in zip(met, [images[[i]] for i in (0, 1, 2, 0)] + [images[:2]] * 2, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_file_and_pytorch_are_the_same_network(sample: Dataset) -> None:
    model = untrained_network()
    images = sample.test.images[:20]
    with torch.inference_mode():
        expected = model(torch.tensor(images)).softmax(dim=-1).numpy()
    np.testing.assert_array_equal(torch_reader(model, 1)(images), expected)
    np.testing.assert_allclose(exported_reader(model, images, 1)(images), expected, rtol=0, atol=1e-5)
    assert np.ptp(expected) > 0.001  # so that equal means something


def test_the_untrained_network_is_always_the_same(sample: Dataset) -> None:
    before = torch.get_rng_state()
    first, second = (torch_reader(untrained_network(), 1)(sample.test.images[:2]) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_cannot_be_compiled_is_not_available(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("\nno C++ compiler\nat line 3")

    monkeypatch.setattr(torch, "compile", lambda *_, **__: fail)
    with pytest.raises(NotAvailableError, match=r"^torch\.compile: no C[+][+] compiler$"):
        compiled_reader(untrained_network(), sample.test.images, 1)


def test_both_shapes_are_compiled_before_the_clock_runs(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []

    def compiled(images: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(images.shape))
        return torch.zeros(len(images), 10)

    monkeypatch.setattr(torch, "compile", lambda *_, **__: compiled)
    compiled_reader(untrained_network(), sample.test.images, 1)
    assert shapes == [(1, 28, 28), (256, 28, 28)]


def test_an_installation_without_weights_lacks_a_row_and_no_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("digitscope.reading.shipped.WEIGHTS", tmp_path)
    with pytest.raises(NotAvailableError, match=r"digit\.onnx"):
        shipped_reader(threads=1)


def test_the_two_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(images: UInt8) -> NDArray[np.float32]:
        return np.zeros((len(images), 10), np.float32)

    def broken() -> Predict:
        raise NotAvailableError("no compiler")

    monkeypatch.setattr(f"{MODULE}.makers", lambda *_: {"a": lambda: read, "b": broken, "c": lambda: read})
    monkeypatch.setattr(f"{MODULE}.QUICK_SINGLES", 5)

    def no_data() -> Dataset:
        raise AssertionError("it needs no data")

    one, many = measure(Conditions(data=no_data, rounds=2, threads=1, quick=True))
    for table in (one, many):
        assert [(row.side, row.caveat) for row in table.rows] == [("a", ""), ("b", "not available"), ("c", "")]
        assert "one thread, 2 rounds" in table.title
        for column in table.columns:
            assert len(table.rows[2].values[column.key]) == 2
    assert [len(calls) for calls in one.rows[0].raw] == [5, 5]
    assert [len(calls) for calls in many.rows[0].raw] == [4, 4]
