"""A trained network as a value, and as a file: safetensors, which holds arrays and text and nothing that runs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from digitscope.errors import DataError, SettingError
from digitscope.files import write_bytes
from digitscope.scratch.functions import activation_named
from digitscope.scratch.network import Floats, Layer, forward

WHITE = 255
FORMAT = "digitscope-scratch-1"


def scale_pixels(images: NDArray[np.uint8], dtype: DTypeLike) -> Floats:
    """Return uint8 images (N, H, W) as rows (N, H*W) of `dtype` in [0, 1]: pixel / 255.

    Raises:
        DataError: the images are of another dtype or shape.
    """
    if images.dtype != np.uint8 or images.ndim != 3:
        raise DataError(
            f"images are {images.dtype} of shape {images.shape}: expected uint8 of shape (N, height, width)"
        )
    pixels: Floats = images.reshape(len(images), images.shape[1] * images.shape[2]).astype(dtype)
    pixels /= WHITE
    return pixels


@dataclass(frozen=True, eq=False)
class Network:
    """A network that reads digits.

    Attributes:
        layers: first to last, each weight (n_in, n_out) and bias (n_out,), all of one float dtype.
        activation: the name of what follows every layer but the last.

    Raises:
        DataError: there is no layer, a layer does not fit the one before, or the dtypes are not one float dtype.
        SettingError: `activation` is not in the table.
    """

    layers: tuple[Layer, ...]
    activation: str

    def __post_init__(self) -> None:
        activation_named(self.activation)
        if not self.layers:
            raise DataError("a network without layers: expected at least one")
        n_in = self.layers[0].weight.shape[0]
        for k, (weight, bias) in enumerate(self.layers):
            if weight.ndim != 2 or weight.shape != (n_in, *bias.shape):
                raise DataError(
                    f"layer {k} has weight {weight.shape} and bias {bias.shape}: "
                    f"expected ({n_in}, n_out) and (n_out,)"
                )
            n_in = len(bias)
        dtypes = {str(array.dtype) for layer in self.layers for array in layer}
        if dtypes not in ({"float32"}, {"float64"}):
            raise DataError(f"weights of {', '.join(sorted(dtypes))}: expected all float32 or all float64")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs, hidden neurons of each layer, outputs."""
        return (len(self.layers[0].weight), *(len(layer.bias) for layer in self.layers))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of every weight: float32 or float64."""
        return self.layers[0].weight.dtype

    def logits(self, images: NDArray[np.uint8]) -> Floats:
        """Return the outputs (N, n_out) for uint8 images (N, H, W), which are scaled to [0, 1] here.

        Raises:
            DataError: the images are not uint8 (N, H, W), or have not as many pixels as the network inputs.
        """
        return forward(self.layers, scale_pixels(images, self.dtype), self.activation)[-1]

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.intp]:
        """Return the digits read (N,) in uint8 images (N, H, W); errors as for `logits`."""
        return np.asarray(self.logits(images).argmax(axis=1))


def save_network(path: Path | str, network: Network) -> None:
    """Write `network` to `path`, whole or not at all.

    Layer k is stored as the arrays `k.weight` (n_in, n_out) and `k.bias` (n_out,). The metadata's one entry,
    `network`, is a JSON object with the format's name, the activation and the sizes, such as [784, 128, 10]. Equal
    networks give equal bytes.
    """
    about = {"format": FORMAT, "activation": network.activation, "sizes": network.sizes}
    # One entry, because safetensors writes several in an order that differs from call to call.
    write_arrays(path, named(network.layers), {"network": json.dumps(about)})


def load_network(path: Path | str) -> Network:
    """Read what `save_network` wrote.

    Raises:
        DataError: the file is missing, damaged, or does not hold such a network.
    """
    try:
        metadata, arrays = read_arrays(path)
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


def named(layers: Sequence[Layer], prefix: str = "") -> dict[str, NDArray[Any]]:
    """Return the arrays of `layers` by their names in a file."""
    return {
        f"{prefix}{k}.{name}": array for k, layer in enumerate(layers) for name, array in layer._asdict().items()
    }


def write_arrays(path: Path | str, arrays: Mapping[str, NDArray[Any]], metadata: dict[str, str]) -> None:
    """Write arrays and text to `path`, whole or not at all."""
    # The format needs the ordinary memory layout.
    write_bytes(Path(path), save({name: np.ascontiguousarray(each) for name, each in arrays.items()}, metadata))


def read_arrays(path: Path | str) -> tuple[Mapping[str, str], Mapping[str, NDArray[Any]]]:
    """Return the text and the arrays in the file at `path`."""
    with safe_open(path, framework="numpy") as file:
        return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
