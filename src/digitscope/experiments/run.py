"""One training run, from a recipe to a run folder and back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from digitscope import scratch
from digitscope.data.hands import Material
from digitscope.data.pen_digits import PenDigits
from digitscope.data.splits import Dataset, Split, UInt8
from digitscope.errors import DataError, SettingError
from digitscope.experiments.recipes import Recipe
from digitscope.experiments.run_folder import (
    METRICS_FILE,
    STATE_FILE,
    WEIGHTS_FILE,
    begin_folder,
    check_same_run,
    describe_run,
    keep_epochs,
    read_config,
    read_recipe,
)
from digitscope.experiments.sources import make_source
from digitscope.models import build
from digitscope.records import EpochRecord, read_history, write_history
from digitscope.training import (
    OBJECTIVES,
    TrainingSettings,
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


@dataclass(frozen=True)
class Run:
    """A trained network and how it came about.

    Attributes:
        recipe: with every change applied.
        seed: of the weights, the order of the examples, their warps and dropout.
        network: after the last epoch; one of PyTorch is in evaluation mode.
        history: one record an epoch.
        data_sha256: the hash of the data it was trained and validated on.
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
        "separation"; (N, H, W) gives maps (N, 42, H / 4, W / 4) for "page".

        They are computed where the network is, and float32 unless the NumPy network was trained in float64.
        """
        if isinstance(self.network, scratch.Network):
            return self.network.logits(images)
        return predict_logits(self.network, images)

    def score(self, split: Split) -> float:
        """Return the accuracy on `split`, or what `recipe.measure` names."""
        _, accuracy = OBJECTIVES[self.recipe.task].validate(self.logits(split.images), split.labels)
        return accuracy


@dataclass(frozen=True)
class _Work:
    """The arguments of `run_recipe`, under the same names."""

    recipe: Recipe
    dataset: Dataset
    seed: int
    device: str
    folder: Path | None
    resume: bool
    singles: Dataset | None
    pens: PenDigits | None
    material: Material | None
    on_start: Callable[[int], None]
    on_batch: Callable[[], None]
    on_epoch: Callable[[EpochRecord], None]

    def open_folder(self, load: Callable[[Path], None]) -> None:
        """Begin the run folder, or give the state that it holds to `load`."""
        if self.folder is None:
            return
        wait_for_all()  # until the first one has written what a resume reads
        config = describe_run(self.recipe, self.dataset, self.seed, self.singles, self.pens, self.material)
        if not self.resume:
            if is_first_process():
                begin_folder(self.folder, config)
            return
        check_same_run(self.folder, config)
        if is_first_process():
            keep_epochs(self.folder, self.recipe.settings.epochs)
        if (self.folder / STATE_FILE).exists():  # it does not before the first epoch has ended
            load(self.folder / STATE_FILE)


def run_recipe(
    recipe: Recipe,
    dataset: Dataset,
    *,
    seed: int,
    device: str = "auto",
    singles: Dataset | None = None,
    pens: PenDigits | None = None,
    material: Material | None = None,
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
        singles: the single digits from which "fresh-pairs" makes its pairs.
        pens: the pen digits that come with the examples where the setting `pens` is above 0.
        material: the digits and pens from which "fresh-pages" makes its pages.
        folder: where the run folder goes; it holds a resumable state after every epoch. Of processes that train
            together the first one writes it.
        resume: continue the run in `folder` after its last epoch. With a constant learning rate and no
            `plain_epochs` it may have more epochs than it began with.
        on_start: told the number of steps that are to be taken.
        on_batch: called after every step.
        on_epoch: called after every epoch, when its checkpoint is on disk.

    Raises:
        SettingError: a setting, the device, data of another task, or a folder that holds another run.
        DataError: the folder to resume from is damaged.
    """
    recipe.check_data(dataset)
    if not 0 <= seed < 2**32:
        raise SettingError(f"seed is {seed}: expected a whole number from 0 to {2**32 - 1}")
    pairs_made_of = singles if getattr(recipe.settings, "order", None) == "fresh-pairs" else None
    drawn = pens if getattr(recipe.settings, "pens", 0) else None
    work = _Work(
        recipe, dataset, seed, device, folder, resume, pairs_made_of, drawn, material, on_start, on_batch, on_epoch
    )
    network: nn.Module | scratch.Network
    if isinstance(recipe.settings, scratch.ScratchSettings):
        network, history = _train_numpy(work, recipe.settings)
    else:
        network, history = _train_torch(work, recipe.settings)
    return Run(recipe, seed, network, history, dataset.sha256())


def _train_torch(work: _Work, settings: TrainingSettings) -> tuple[nn.Module, tuple[EpochRecord, ...]]:
    source = make_source(settings, work.dataset, work.singles, work.seed, work.pens, work.material)
    keep_freed_memory()
    with torch.random.fork_rng(devices=[]), cpu_threads(settings.threads):
        torch.manual_seed(work.seed)
        state = TrainingState.start(place(build(work.recipe.model, work.recipe.options), work.device), settings)
        work.open_folder(lambda path: load_state(path, state))
        work.on_start((settings.epochs - len(state.history)) * source.n_batches)

        def after_epoch(record: EpochRecord) -> None:
            if work.folder is not None and is_first_process():
                save_weights(work.folder / WEIGHTS_FILE, state.trained)
                write_history(work.folder / METRICS_FILE, state.history)
                save_state(work.folder / STATE_FILE, state)  # last: a resume repeats what it does not hold
            work.on_epoch(record)

        train(
            state,
            source,
            work.dataset.validation,
            settings,
            seed=work.seed,
            objective=OBJECTIVES[work.recipe.task],
            on_batch=work.on_batch,
            on_epoch=after_epoch,
        )
    return state.trained.eval(), tuple(state.history)


def _train_numpy(
    work: _Work, settings: scratch.ScratchSettings
) -> tuple[scratch.Network, tuple[EpochRecord, ...]]:
    _check_numpy_device(work.device)
    if n_processes() > 1:
        raise SettingError(
            f"{work.recipe.name} is the NumPy network, which one process trains: call it without torchrun"
        )
    generator = np.random.default_rng(work.seed)
    split = work.dataset.train
    state = scratch.TrainingState.start(split, settings, generator=generator)
    work.open_folder(lambda path: scratch.load_state(path, state))
    work.on_start((settings.epochs - len(state.history)) * scratch.batch_source(split, settings).n_batches)

    def after_epoch(record: EpochRecord) -> None:
        if work.folder is not None:
            scratch.save_network(work.folder / WEIGHTS_FILE, state.network)
            write_history(work.folder / METRICS_FILE, state.history)
            scratch.save_state(work.folder / STATE_FILE, state)  # last, as above
        work.on_epoch(record)

    return scratch.train(
        split,
        work.dataset.validation,
        settings,
        generator=generator,
        state=state,
        on_batch=work.on_batch,
        on_epoch=after_epoch,
    )


def load_run(folder: Path, *, device: str = "cpu") -> Run:
    """Read a run folder back, its network on `device`.

    Raises:
        DataError: a file of it is missing or damaged.
        SettingError: there is no such device, or the network cannot compute on it.
    """
    recipe, seed = read_recipe(folder)
    network = _load_network(folder / WEIGHTS_FILE, recipe, device)
    data_sha256 = str(read_config(folder)["data"].get("sha256"))
    return Run(recipe, seed, network, read_history(folder / METRICS_FILE), data_sha256)


def _load_network(path: Path, recipe: Recipe, device: str) -> nn.Module | scratch.Network:
    if not isinstance(recipe.settings, scratch.ScratchSettings):
        model = place(build(recipe.model, recipe.options), device)
        load_weights(path, model)
        return model.eval()
    _check_numpy_device(device)
    network = scratch.load_network(path)
    if (network.sizes[1:-1], network.activation) != (recipe.settings.hidden, recipe.settings.activation):
        raise DataError(f"{path}: these weights belong to another network than the configuration beside it says")
    return network


def _check_numpy_device(device: str) -> None:
    if device not in ("auto", "cpu"):
        raise SettingError(f"device is {device!r}: expected auto or cpu, where the NumPy network computes")
