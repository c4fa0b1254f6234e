"""Networks and training states in files: safetensors, which holds arrays and text and nothing that runs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from digitscope.errors import DataError, SettingError
from digitscope.files import write_bytes
from digitscope.records import format_history, parse_history
from digitscope.scratch.classifier import Network
from digitscope.scratch.network import Layer
from digitscope.scratch.training import ScratchState

FORMAT = "digitscope-scratch-1"

Arrays = Mapping[str, NDArray[Any]]


def save_network(path: Path | str, network: Network) -> None:
    """Write `network` to `path`, whole or not at all.

    Layer k is stored as the arrays `k.weight` (n_in, n_out) and `k.bias` (n_out,). The metadata's one entry,
    `network`, is a JSON object with the format's name, the activation and the sizes, such as [784, 128, 10]. Equal
    networks give equal bytes.
    """
    about = {"format": FORMAT, "activation": network.activation, "sizes": network.sizes}
    # One entry, because safetensors writes several in an order that differs from call to call.
    write_bytes(Path(path), save(_plain(_named(network.layers)), {"network": json.dumps(about)}))


def load_network(path: Path | str) -> Network:
    """Read what `save_network` wrote.

    Raises:
        DataError: the file is missing, damaged, or does not hold such a network.
    """
    try:
        metadata, arrays = _read(path)
        about = json.loads(metadata.get("network", "null"))
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            raise DataError(f"its metadata are {dict(metadata)}, expected those of the format {FORMAT}")
        layers = tuple(Layer(arrays[f"{k}.weight"], arrays[f"{k}.bias"]) for k in range(len(arrays) // 2))
        if len(arrays) != 2 * len(layers):
            raise DataError(f"it holds {len(arrays)} arrays, expected a weight and a bias a layer")
        network = Network(layers, about["activation"])
        if list(network.sizes) != about["sizes"]:
            raise DataError(f"its arrays are a network of {list(network.sizes)}, but it says {about['sizes']}")
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise DataError("a weight is not a finite number")
    except (OSError, SafetensorError, KeyError, ValueError, DataError, SettingError) as error:
        raise DataError(
            f"{path}: not a network that digitscope.scratch saved ({error}); save it again with save_network"
        ) from None
    return network


def save_state(path: Path | str, state: ScratchState) -> None:
    """Write everything a resume needs into one file, so that an interruption can never leave half of it."""
    metadata = {"history": format_history(state.history)}
    write_bytes(Path(path), save(_plain(_state_arrays(state)), metadata))


def load_state(path: Path | str, state: ScratchState) -> None:
    """Put `state` back to where `save_state` found it.

    Raises:
        DataError: the file is missing or damaged, or does not belong to this network.
    """
    try:
        metadata, arrays = _read(path)
        history = parse_history(metadata["history"])
        places = _state_arrays(state)
        found, expected = (
            {name: (array.shape, array.dtype) for name, array in each.items()} for each in (arrays, places)
        )
        if found != expected:
            raise DataError("its arrays have other names, shapes or types")
    except (OSError, SafetensorError, KeyError, DataError) as error:
        raise DataError(f"{path}: not the state of this network's training ({error}): train anew") from None
    for name, place in places.items():
        place[...] = arrays[name]
    state.history[:] = history


def _state_arrays(state: ScratchState) -> dict[str, NDArray[Any]]:
    return {**_named(state.network.layers, "layers."), **_named(state.velocities, "velocities.")}


def _named(layers: Sequence[Layer], prefix: str = "") -> dict[str, NDArray[Any]]:
    return {
        f"{prefix}{k}.{name}": array for k, layer in enumerate(layers) for name, array in layer._asdict().items()
    }


def _plain(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Return the arrays in the ordinary memory layout, which the file format needs."""
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _read(path: Path | str) -> tuple[Mapping[str, str], Arrays]:
    with safe_open(path, framework="numpy") as file:
        return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
