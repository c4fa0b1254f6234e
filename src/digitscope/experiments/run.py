"""One training run, from a recipe to a run folder and back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from digitscope import scratch
from digitscope.data.batches import BatchSource
from digitscope.data.hands import Material
from digitscope.data.pen_digits import PenDigits
from digitscope.data.splits import Dataset, Split, UInt8
from digitscope.errors import DataError, SettingError
from digitscope.experiments.recipes import SCRATCH, Recipe
from digitscope.experiments.run_folder import (
    METRICS_FILE,
    STATE_FILE,
    WEIGHTS_FILE,
    describe_run,
    open_folder,
    read_config,
    read_recipe,
)
from digitscope.experiments.sources import make_source
from digitscope.models import build
from digitscope.records import EpochRecord, read_history, write_history
from digitscope.training import (
    OBJECTIVES,
    TrainingState,
    cpu_threads,
    is_first_process,
    keep_freed_memory,
    load_state,
    load_weights,
    n_processes,
    place,
    predict_logits,
    save_state,
    save_weights,
    train,
    wait_for_all,
)

_State = TrainingState | scratch.ScratchState
_Learn = Callable[..., object]
"""Trains a state to its end; takes `on_batch` and `on_epoch`."""

START_BATCHES, START_IMAGES = 24, 32
"""Batches without augmentation, and images of each, that a network which starts from a file meets first."""


@dataclass(frozen=True)
class Run:
    """A trained network and how it came about.

    Attributes:
        recipe: with every change applied.
        seed: of the weights, the order of the examples, their warps and dropout.
        network: after the last epoch; one of PyTorch is in evaluation mode.
        history: one record an epoch.
        data_sha256: hash of the training and validation data.
    """

    recipe: Recipe
    seed: int
    network: nn.Module | scratch.Network
    history: tuple[EpochRecord, ...]
    data_sha256: str

    @property
    def model(self) -> nn.Module:
        """The network, if it is one of PyTorch.

        Raises:
            SettingError: it is the NumPy network.
        """
        if isinstance(self.network, scratch.Network):
            raise SettingError(f"{self.recipe.name} is the NumPy network: expected one that PyTorch trains")
        return self.network

    def logits(self, images: UInt8) -> NDArray[np.floating[Any]]:
        """Return the outputs for uint8 `images`, as the recipe's task has them.

        (N, 28, 28) gives (N, 10) for "digit". (N, 42, 28) gives (N, 2, 10) for "two-digit", and (N, 2, 42, 28) for
        "separation"; (N, H, W) gives maps (N, 42, H / 4, W / 4) for "page". (N, 32, 64) gives (N, 43) for "item".

        They are computed where the network is, and float32 unless the NumPy network was trained in float64.
        """
        if isinstance(self.network, scratch.Network):
            return self.network.logits(images)
        return predict_logits(self.network, images)

    def score(self, split: Split) -> float:
        """Return the accuracy on `split`, or what `recipe.measure` names."""
        _, accuracy = OBJECTIVES[self.recipe.task].validate(self.logits(split.images), split.labels)
        return accuracy


def run_recipe(
    recipe: Recipe,
    dataset: Dataset,
    *,
    seed: int,
    device: str = "auto",
    singles: Dataset | None = None,
    pens: PenDigits | None = None,
    material: Material | None = None,
    start: Path | None = None,
    folder: Path | None = None,
    resume: bool = False,
    on_start: Callable[[int], None] = lambda _: None,
    on_batch: Callable[[], None] = lambda: None,
    on_epoch: Callable[[EpochRecord], None] = lambda _: None,
) -> Run:
    """Train `recipe` on `dataset`, and keep the run in `folder` if one is given.

    Args:
        recipe: what to train and how.
        dataset: single digits or pairs, as the recipe's task says.
        seed: the run is a function of it, the recipe and the data; on the CPU of one machine with one number of
            threads, to the byte of every weight.
        device: "auto", "cpu", "cuda" or "mps"; the NumPy network computes on the CPU.
        singles: digits for the pairs of "fresh-pairs".
        pens: the pen digits that come with the examples where the setting `pens` is above 0.
        material: digits and pens for the pages of "fresh-pages".
        start: an ONNX file of such a network, to begin with its weights.
        folder: where the run folder goes; it holds a resumable state after every epoch. Of processes that train
            together the first one writes it.
        resume: continue the run in `folder` after its last epoch. With a constant learning rate and no
            `epochs_without_augmentation` it may have more epochs than it began with.
        on_start: told the number of steps to take.
        on_batch: called after every step.
        on_epoch: called after every epoch, when its checkpoint is on disk.

    Raises:
        SettingError: a setting, the device, data of another task, or a folder that holds another run.
        DataError: the folder to resume from is damaged, or `start` holds another network.
    """
    recipe.check_data(dataset)
    if not 0 <= seed < 2**32:
        raise SettingError(f"seed is {seed}: expected a whole number from 0 to {2**32 - 1}")
    singles = singles if recipe.settings.order == "fresh-pairs" else None
    pens = pens if recipe.settings.pens else None
    if start is not None and recipe.model == SCRATCH:
        raise SettingError(f"{recipe.name} is the NumPy network: expected none to start from")
    if start is not None and recipe.settings.optimizer == "muon":
        raise SettingError("muon gives weights a length that those of a file have not: expected --optimizer adamw")
    if recipe.model == SCRATCH:
        opened = _numpy_training(recipe, dataset, seed, device)
    else:
        source = make_source(recipe.settings, dataset, singles, seed, pens, material)
        opened = _torch_training(recipe, dataset, source, seed, device, start)
    with opened as (state, learn, n_batches):
        if folder is not None:
            wait_for_all()  # until the first one has written what a resume reads
            config = describe_run(recipe, dataset, seed, singles, pens, material, start)
            open_folder(folder, config, resume=resume)
            if resume and (folder / STATE_FILE).exists():  # it does not before the first epoch has ended
                if isinstance(state, TrainingState):
                    load_state(folder / STATE_FILE, state)
                else:
                    scratch.load_state(folder / STATE_FILE, state)
        on_start((recipe.settings.epochs - len(state.history)) * n_batches)

        def after_epoch(record: EpochRecord) -> None:
            if folder is not None and is_first_process():
                _save(folder, state)
            on_epoch(record)

        learn(on_batch=on_batch, on_epoch=after_epoch)
    network = state.trained.eval() if isinstance(state, TrainingState) else state.network
    return Run(recipe, seed, network, tuple(state.history), dataset.sha256())


def _save(folder: Path, state: _State) -> None:
    """Write an epoch's files, the state last: a resume repeats what it does not hold."""
    save_network(folder / WEIGHTS_FILE, state.trained if isinstance(state, TrainingState) else state.network)
    write_history(folder / METRICS_FILE, state.history)
    if isinstance(state, TrainingState):
        save_state(folder / STATE_FILE, state)
    else:
        scratch.save_state(folder / STATE_FILE, state)


def save_network(path: Path, network: nn.Module | scratch.Network) -> None:
    """Write the weights of `network` to `path` as safetensors, whole or not at all."""
    if isinstance(network, scratch.Network):
        scratch.save_network(path, network)
    else:
        save_weights(path, network)


@contextmanager
def _torch_training(
    recipe: Recipe, dataset: Dataset, source: BatchSource, seed: int, device: str, start: Path | None
) -> Iterator[tuple[_State, _Learn, int]]:
    settings = recipe.settings
    keep_freed_memory()
    with torch.random.fork_rng(devices=[]), cpu_threads(settings.threads):
        torch.manual_seed(seed)
        model = place(build(recipe.model, recipe.options), device)
        if start is not None:
            from digitscope.export import start_from  # needs onnx, which training alone does not

            batches = islice(source.epoch(np.random.default_rng([seed, 0]), plain=True), START_BATCHES)
            start_from(start, model, np.concatenate([images[:START_IMAGES] for images, _ in batches]))
        state = TrainingState.start(model, settings)
        objective = OBJECTIVES[recipe.task]
        learn = partial(train, state, source, dataset.validation, settings, seed=seed, objective=objective)
        yield state, learn, source.n_batches


@contextmanager
def _numpy_training(
    recipe: Recipe, dataset: Dataset, seed: int, device: str
) -> Iterator[tuple[_State, _Learn, int]]:
    _check_numpy_device(device)
    if n_processes() > 1:
        raise SettingError(
            f"{recipe.name} is the NumPy network, which one process trains: call it without torchrun"
        )
    settings, generator = cast("scratch.ScratchSettings", recipe.settings), np.random.default_rng(seed)
    state = scratch.ScratchState.start(dataset.train, settings, generator=generator)
    learn = partial(scratch.train, dataset.train, dataset.validation, settings, generator=generator, state=state)
    yield state, learn, scratch.batch_source(dataset.train, settings).n_batches


def load_run(folder: Path, *, device: str = "cpu") -> Run:
    """Read a run folder back, its network on `device`.

    Raises:
        DataError: a file is missing or damaged.
        SettingError: there is no such device, or the network cannot compute on it.
    """
    recipe, seed = read_recipe(folder)
    path = folder / WEIGHTS_FILE
    network: nn.Module | scratch.Network
    if isinstance(recipe.settings, scratch.ScratchSettings):
        _check_numpy_device(device)
        network = scratch.load_network(path)
        if (network.sizes[1:-1], network.activation) != (recipe.settings.hidden, recipe.settings.activation):
            raise DataError(
                f"{path}: these weights belong to another network than the configuration beside it says"
            )
    else:
        network = place(build(recipe.model, recipe.options), device).eval()
        load_weights(path, network)
    data_sha256 = str(read_config(folder)["data"].get("sha256"))
    return Run(recipe, seed, network, read_history(folder / METRICS_FILE), data_sha256)


def _check_numpy_device(device: str) -> None:
    if device not in ("auto", "cpu"):
        raise SettingError(f"device is {device!r}: expected auto or cpu, where the NumPy network computes")
