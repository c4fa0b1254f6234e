"""When a reading counts: how sure the network is, and how much the ink looks like the digits it learned from."""

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

FARTHEST = 1.4
"""Distance above which ink is unlike any digit; of 100 validation digits one lies above 1."""

LEAST_SURE = 0.6
"""Probability below which a reading is a guess."""


def reason_against(probabilities: Float32, distance: float) -> str | None:
    """Return why a reading with `probabilities` (10,) is not accepted, or None if it is."""
    if distance > FARTHEST:
        return "unlike any digit"
    first, second = np.argsort(probabilities)[::-1][:2]
    if probabilities[first] < LEAST_SURE:
        return f"could be {first} or {second}"
    return None


def cost(probabilities: Float32, distances: Float32) -> Float32:
    """Return how badly ink reads as one digit, (N,), from `probabilities` (N, 10) and `distances` (N,).

    It is what the network's doubt costs in nats, and what lies beyond usual distances, in the unit of those.
    """
    doubt = -np.log(np.maximum(probabilities.max(axis=-1), 1e-6))
    return np.asarray(doubt + 3 * np.maximum(distances - 0.9, 0), dtype=np.float32)
