"""Networks in files: safetensors, which holds arrays and text and nothing that runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from digitscope.errors import DataError, SettingError
from digitscope.files import write_bytes
from digitscope.scratch.classifier import Network
from digitscope.scratch.network import Layer

FORMAT = "digitscope-scratch-1"


def save_network(path: Path | str, network: Network) -> None:
    """Write `network` to `path`, whole or not at all.

    Layer k is stored as the arrays `k.weight` (n_in, n_out) and `k.bias` (n_out,); the metadata hold the
    format's name, the activation and the sizes, such as "784,128,10".
    """
    arrays = {
        f"{k}.{name}": np.ascontiguousarray(array)
        for k, layer in enumerate(network.layers)
        for name, array in layer._asdict().items()
    }
    sizes = ",".join(str(size) for size in network.sizes)
    metadata = {"format": FORMAT, "activation": network.activation, "sizes": sizes}
    write_bytes(Path(path), save(arrays, metadata))


def load_network(path: Path | str) -> Network:
    """Read what `save_network` wrote.

    Raises:
        DataError: the file is missing, damaged, or does not hold such a network.
    """
    try:
        metadata, arrays = _read(path)
        return _network(metadata, arrays)
    except (OSError, SafetensorError, KeyError, ValueError, DataError, SettingError) as error:
        raise DataError(
            f"{path}: not a network that digitscope.scratch saved ({error}); save it again with save_network"
        ) from None


def _read(path: Path | str) -> tuple[Mapping[str, str], Mapping[str, NDArray[Any]]]:
    with safe_open(path, framework="numpy") as file:
        return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _network(metadata: Mapping[str, str], arrays: Mapping[str, NDArray[Any]]) -> Network:
    if metadata.get("format") != FORMAT:
        raise DataError(f"its format is {metadata.get('format')!r}, expected {FORMAT!r}")
    layers = tuple(Layer(arrays[f"{k}.weight"], arrays[f"{k}.bias"]) for k in range(len(arrays) // 2))
    if len(arrays) != 2 * len(layers):
        raise DataError(f"it holds {len(arrays)} arrays, expected a weight and a bias a layer")
    network = Network(layers, metadata["activation"])
    sizes = ",".join(str(size) for size in network.sizes)
    if sizes != metadata["sizes"]:
        raise DataError(f"its arrays are a network of {sizes}, but its header says {metadata['sizes']}")
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise DataError("a weight is not a finite number")
    return network
