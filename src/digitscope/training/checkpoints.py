"""A training state on disk, as safetensors: files that hold numbers and can run nothing."""

import textwrap
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from digitscope.errors import DataError
from digitscope.files import write_bytes
from digitscope.records import format_history, parse_history
from digitscope.training.loop import TrainingState


def save_weights(path: Path, model: nn.Module) -> None:
    """Write the model's parameters and buffers to `path`, whole or not at all."""
    write_bytes(path, save({name: _plain(tensor) for name, tensor in model.state_dict().items()}))


def load_weights(path: Path, model: nn.Module) -> None:
    """Read into `model` what `save_weights` wrote.

    Raises:
        DataError: the file is missing or damaged, or holds another model's weights.
    """
    try:
        model.load_state_dict(_read(path))
    except RuntimeError as error:
        reason = textwrap.shorten(str(error), 160)  # PyTorch's names every tensor of the model
        raise DataError(f"{path}: these weights belong to another model ({reason})") from None


def save_state(path: Path, state: TrainingState) -> None:
    """Write everything a resume needs into one file, so that an interruption can never leave half of it.

    It holds the weights, their average, the optimizer's tensors, torch's generator and the history.
    """
    tensors = {f"model.{name}": _plain(tensor) for name, tensor in state.model.state_dict().items()}
    if state.average is not None:
        tensors |= {f"average.{name}": _plain(tensor) for name, tensor in state.average.state_dict().items()}
    for index, slots in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": _plain(slot) for name, slot in slots.items() if slot is not None}
    tensors["generator"] = torch.get_rng_state()
    write_bytes(path, save(tensors, metadata={"history": format_history(state.history)}))


def load_state(path: Path, state: TrainingState) -> None:
    """Put `state` and torch's generator back to where `save_state` found them.

    Raises:
        DataError: the file is missing or damaged, or does not belong to this model.
    """
    tensors = _read(path)
    groups = state.optimizer.state_dict()["param_groups"]
    try:
        with safe_open(path, framework="pt") as file:
            history = parse_history((file.metadata() or {}).get("history", ""))
        state.model.load_state_dict(_below(tensors, "model."))
        if state.average is not None:
            state.average.load_state_dict(_below(tensors, "average."))
        slots: dict[int, dict[str, Tensor]] = {}  # "3.momentum_buffer" belongs to the parameter 3
        for key, tensor in _below(tensors, "optimizer.").items():
            index, _, name = key.partition(".")
            slots.setdefault(int(index), {})[name] = tensor
        state.optimizer.load_state_dict({"state": slots, "param_groups": groups})
        torch.set_rng_state(tensors["generator"])
    except (RuntimeError, ValueError, KeyError, DataError) as error:
        reason = textwrap.shorten(str(error), 160)  # PyTorch's names every tensor of the model
        raise DataError(f"{path}: not the state of this model's training ({reason}): train anew") from None
    state.history[:] = history


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file: expected the weights of a finished epoch") from None
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path}: not a readable safetensors file ({error})") from None


def _plain(tensor: Tensor) -> Tensor:
    """Return the tensor on the CPU in the ordinary memory layout, which the file format needs."""
    return tensor.detach().cpu().contiguous()
