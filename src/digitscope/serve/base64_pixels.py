"""Pixels as text that JSON can hold."""

import base64

import numpy as np
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]


def in_base64(pixels: UInt8) -> str:
    """Return pixels of any shape as base64, in the order in which they lie."""
    return base64.b64encode(pixels.tobytes()).decode()
