"""A trained network as a value: the layers with what is needed to use them on images."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from digitscope.errors import DataError
from digitscope.scratch.functions import activation_named
from digitscope.scratch.network import Floats, Layer, forward

WHITE = 255


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
