"""How fast one network reads: ONNX Runtime through `Recognizer`, PyTorch as it is, PyTorch compiled."""

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from digitscope.data import load_sample
from digitscope.data.splits import UInt8
from digitscope.errors import DataError, first_line
from digitscope.experiments.bench.measuring import (
    Column,
    Comparison,
    ComparisonRow,
    Conditions,
    NotAvailableError,
    rows_of,
    take_turns,
    timed,
)
from digitscope.experiments.recipes import get_recipe
from digitscope.export import export_onnx
from digitscope.models import build
from digitscope.reading import Recognizer
from digitscope.reading.recognizer import FEW_IMAGES
from digitscope.training import cpu_threads, place

NAME = "latency"
RECIPE = "small"
BATCH_SIZE = 256
SINGLES, BATCHES = 1_000, 40
QUICK_SINGLES, QUICK_BATCHES = 100, 4

SINGLE_COLUMNS = (
    Column("p50_ms", "p50, ms", "{:.3f}"),
    Column("p99_ms", "p99, ms", "{:.3f}", compared=False),
)
BATCH_COLUMNS = (Column("images_per_second", "images/s", "{:,.0f}"),)

REMARK = (
    "Timed: from uint8 pixels in a NumPy array to probabilities in another. Not timed: loading the network, "
    "compiling it, a first round. Recognizer is ONNX Runtime; all rows but the shipped one are the same network, "
    "with random weights."
)

Predict = Callable[[UInt8], NDArray[np.float32]]
"""uint8 (N, 28, 28) to probabilities, float32 (N, 10)."""


class CallTimes(NamedTuple):
    """One turn of one reader, in seconds a call: of calls with one image, and of calls with a batch."""

    singles: tuple[float, ...]
    batches: tuple[float, ...]


def measure(conditions: Conditions) -> tuple[Comparison, ...]:
    """Return two tables, of one image and of batches."""
    counts = (QUICK_SINGLES, QUICK_BATCHES) if conditions.quick else (SINGLES, BATCHES)
    images = load_sample().test.images
    with cpu_threads(conditions.threads):
        measured = take_turns(
            NAME,
            makers(images, conditions.threads),
            lambda read: read_in_turn(read, images, *counts),
            conditions,
            "exporting and compiling",
        )
    settings = {
        "network": f"recipe {RECIPE}",
        "rounds": conditions.rounds,
        "threads": conditions.threads,
        "calls_a_round": counts[0],
        "batches_a_round": counts[1],
        "batch_size": BATCH_SIZE,
    }
    one = f"{NAME}: one image, network of the recipe {RECIPE}, {counts[0]:,} calls a round; {conditions.in_words}"
    many = f"{NAME}: {BATCH_SIZE} images at once, {counts[1]} batches a round; {conditions.in_words}"
    return (
        Comparison(NAME, one, REMARK, SINGLE_COLUMNS, rows_of(measured, single_row), settings),
        Comparison(NAME, many, REMARK, BATCH_COLUMNS, rows_of(measured, batch_row), settings),
    )


def read_in_turn(
    read: Predict, images: UInt8, n_singles: int, n_batches: int, batch_size: int = BATCH_SIZE
) -> CallTimes:
    """Return the seconds that `read` takes for single images, one after the other, and then for batches."""
    batch = images[:batch_size]
    singles = tuple(timed(partial(read, images[i % len(images)][None]))[1] for i in range(n_singles))
    return CallTimes(singles, tuple(timed(partial(read, batch))[1] for _ in range(n_batches)))


def makers(images: UInt8, threads: int) -> Mapping[str, Callable[[], Predict]]:
    """Return what makes each reader; on `images` the exported network is checked and the compiled one compiled."""
    model = untrained_network()
    return {
        "Recognizer": partial(exported_reader, model, images, threads),
        "PyTorch, eager": partial(torch_reader, model, threads),
        "PyTorch, compiled": partial(compiled_reader, model, images, threads),
        "Recognizer, shipped": partial(shipped_reader, threads),
    }


def untrained_network() -> nn.Module:
    """Return the network of the recipe `small` with random weights, always the same."""
    recipe = get_recipe(RECIPE)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return place(build(recipe.model, recipe.options), "cpu").eval()


def exported_reader(model: nn.Module, images: UInt8, threads: int) -> Predict:
    """Return a reader that has `model` from an ONNX file, which exists only until it is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        export_onnx(model, path, images)
        return _read_with(Recognizer.load(path, threads=threads))


def shipped_reader(threads: int) -> Predict:
    """Return a reader with the shipped weights.

    Raises:
        NotAvailableError: they are not there.
    """
    try:
        return _read_with(Recognizer.load("digit", threads=threads))
    except DataError as error:
        raise NotAvailableError(str(error)) from error


def _read_with(recognizer: Recognizer) -> Predict:
    return lambda images: recognizer.predict(images).probabilities


def torch_reader(model: Callable[[torch.Tensor], torch.Tensor], threads: int) -> Predict:
    """Return a reader that calls `model`, few images on one thread, as `Recognizer` does and for its reason."""

    def read(images: UInt8) -> NDArray[np.float32]:
        torch.set_num_threads(1 if len(images) <= FEW_IMAGES else threads)
        with torch.inference_mode():
            probabilities = model(torch.from_numpy(images)).softmax(dim=-1)
        return np.asarray(probabilities.numpy())

    return read


def compiled_reader(model: nn.Module, images: UInt8, threads: int) -> Predict:
    """Return a reader that calls `model` compiled, once for one image and once for a batch.

    Raises:
        NotAvailableError: it cannot be compiled, for example because there is no C++ compiler.
    """
    read = torch_reader(torch.compile(model, dynamic=False), threads)
    try:
        for size in (1, BATCH_SIZE):
            read(images[:size])
    except Exception as error:  # what a missing compiler raises differs between PyTorch's versions
        raise NotAvailableError(f"torch.compile: {first_line(error)}") from error
    return read


def single_row(side: str, readings: tuple[CallTimes, ...]) -> ComparisonRow:
    """Return each round's median and 99th percentile of the calls with one image, in milliseconds."""
    raw = [times.singles for times in readings]
    p50, p99 = np.transpose([np.percentile(singles, (50, 99)) for singles in raw]) * 1000
    return ComparisonRow(side, {"p50_ms": tuple(p50.tolist()), "p99_ms": tuple(p99.tolist())}, raw=raw)


def batch_row(side: str, readings: tuple[CallTimes, ...], batch_size: int = BATCH_SIZE) -> ComparisonRow:
    """Return each round's images a second, over all its batches."""
    raw = [times.batches for times in readings]
    rates = tuple(batch_size * len(batches) / sum(batches) for batches in raw)
    return ComparisonRow(side, {"images_per_second": rates}, raw=raw)
