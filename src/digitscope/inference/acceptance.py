"""When a reading counts: how sure the network is, and how much the ink looks like the digits it learned from.

Both go into one number, the cost of reading ink as a digit. Its limit was chosen on MNIST's validation digits and
on pages made of them; nothing that is no digit had a part in it.
"""

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

USUAL_DISTANCE = 1.0
"""Up to which a distance costs next to nothing: of a hundred validation digits one lies above it."""

STRANGENESS, UNLIKENESS = 3.0, 0.03
"""Nats that a further 1 of distance costs, and that its square costs: of two sure readings the nearer is surer."""

MOST_COST = 0.5
"""Of a digit that is accepted, in nats: a probability of 0.61, or a distance of 1.17."""


def cost(probabilities: Float32, distances: Float32) -> Float32:
    """Return how badly ink reads as one digit, (N,) nats, from `probabilities` (N, 10) and `distances` (N,)."""
    return np.asarray(_doubt(probabilities) + _strangeness(distances), dtype=np.float32)


def reason_against(probabilities: Float32, distance: float) -> str | None:
    """Return why a reading with `probabilities` (10,) is not accepted, or None if it is."""
    doubt, strangeness = float(_doubt(probabilities)), float(_strangeness(np.float32(distance)))
    if doubt + strangeness <= MOST_COST:
        return None
    if strangeness > doubt:
        return "unlike any digit"
    first, second = np.argsort(probabilities)[::-1][:2]
    return f"could be {first} or {second}"


def _doubt(probabilities: Float32) -> Float32:
    return np.asarray(-np.log(np.maximum(probabilities.max(axis=-1), 1e-6)))


def _strangeness(distances: Float32 | np.float32) -> Float32:
    return np.asarray(STRANGENESS * np.maximum(distances - USUAL_DISTANCE, 0) + UNLIKENESS * distances**2)
