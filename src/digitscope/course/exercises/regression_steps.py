"""A step of training of the course's 2-3-1 network, value by value, and the mistakes that change some of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

WEIGHTS = MappingProxyType(
    {"biases": (3, 1), "input_to_hidden_weights": (3, 2), "hidden_to_output_weights": (1, 3)}
)
"""The course's names of what is trained, with the shapes."""

WORDS = MappingProxyType(
    {
        "biases": "biases",
        "input_to_hidden_weights": "input-to-hidden weights",
        "hidden_to_output_weights": "hidden-to-output weights",
    }
)
"""How sentences call them."""


@dataclass(frozen=True)
class State:
    """A network before a step, and the point (x1, x2) with its answer y.

    Attributes:
        weights: the arrays of `WEIGHTS`, in its order.
        rate: the learning rate.
        point: x1, x2 and y.
        kind: makes the solution's weights from arrays: np.matrix, as the handout has, or np.array.
    """

    weights: tuple[Floats, Floats, Floats]
    rate: float
    point: tuple[float, float, float]
    kind: Callable[[Any], Any]


Value = Callable[[SimpleNamespace], Any]

STEP: Mapping[str, Value] = MappingProxyType(
    {
        "x": lambda v: np.array([[v.x1], [v.x2]]),
        "z": lambda v: v.W @ v.x + v.b,
        "h": lambda v: np.maximum(v.z, 0),
        "out": lambda v: v.V @ v.h,
        "result": lambda v: v.out,
        "error": lambda v: v.out - v.y,
        "slope": lambda v: v.z > 0,
        "dV": lambda v: v.error @ v.h.T,
        "back": lambda v: v.V.T * v.error * v.slope,
        "db": lambda v: v.back,
        "dW": lambda v: v.back @ v.x.T,
        "new": lambda v: (v.b - v.rate * v.db, v.W - v.rate * v.dW, v.V - v.rate * v.dV),
    }
)
"""The values of a step in their order: W leads to the hidden layer, V to the output; z is weighted, h active."""


def values(state: State, **changes: Value) -> SimpleNamespace:
    """Return the values of a step from `state`; `changes` replace the formulas of some."""
    x1, x2, y = state.point
    b, W, V = state.weights
    v = SimpleNamespace(b=b, W=W, V=V, rate=state.rate, x1=x1, x2=x2, y=y)
    for name, formula in {**STEP, **changes}.items():
        setattr(v, name, formula(v))
    return v


FORWARD: Mapping[str, dict[str, Value]] = {
    "The forward pass has no bias: the weighted input of the hidden layer lacks something.": {
        "z": lambda v: v.W @ v.x
    },
    "The hidden layer has no activation function: its weighted input goes on as it is.": {"h": lambda v: v.z},
    "The hidden layer lacks its bias and its activation function.": {"z": lambda v: v.W @ v.x, "h": lambda v: v.z},
    "The bias is added after the activation: look at the order in the hidden layer.": {
        "z": lambda v: v.W @ v.x,
        "h": lambda v: np.maximum(v.z, 0) + v.b,
    },
    "The bias is subtracted in the forward pass: look at its sign.": {"z": lambda v: v.W @ v.x - v.b},
    "x1 and x2 are swapped: look at the order of the input values.": {"x": lambda v: np.array([[v.x2], [v.x1]])},
    "The hidden layer uses the derivative of ReLU: the forward pass needs the function itself.": {
        "h": lambda v: (v.z > 0) * 1.0
    },
    "The weights are reshaped where they should be multiplied as they are: their rows and columns get mixed.": {
        "z": lambda v: v.W.reshape(2, 3).T @ v.x + v.b
    },
    "The network's own weights are not used: look for weights that are written as numbers, or kept outside.": {
        "z": lambda v: np.ones((3, 2)) @ v.x,
        "out": lambda v: np.ones((1, 3)) @ v.h,
    },
}
"""Mistakes of the forward pass, which both exercises have, by their sentences."""

BACKWARD: Mapping[str, dict[str, Value]] = {
    "train changes nothing: assign the new weights and biases to the network.": {"new": lambda v: (v.b, v.W, v.V)},
    "The step goes up the gradient, and the error grows: look at the sign.": {
        "new": lambda v: (v.b + v.rate * v.db, v.W + v.rate * v.dW, v.V + v.rate * v.dV)
    },
    "The biases do not change: they are trained too.": {"db": lambda v: 0 * v.b},
    "The input-to-hidden weights do not change: they are trained too.": {"dW": lambda v: 0 * v.W},
    "Only the weights to the output change: the hidden layer's weights and biases are trained too.": {
        "db": lambda v: 0 * v.b,
        "dW": lambda v: 0 * v.W,
    },
    "The hidden-to-output weights do not change: they are trained too.": {"dV": lambda v: 0 * v.V},
    "The learning rate is missing: the step is the whole gradient.": {
        "new": lambda v: (v.b - v.db, v.W - v.dW, v.V - v.dV)
    },
    "The learning rate is applied twice: look at the gradients and at the update.": {
        "new": lambda v: (v.b - v.rate**2 * v.db, v.W - v.rate**2 * v.dW, v.V - v.rate**2 * v.dV)
    },
    "The learning rate is a number in your code: take the network's own.": {
        "new": lambda v: (v.b - 0.001 * v.db, v.W - 0.001 * v.dW, v.V - 0.001 * v.dV)
    },
    "The old weights are lost: the step replaces them where it should change them.": {
        "new": lambda v: (-v.rate * v.db, -v.rate * v.dW, -v.rate * v.dV)
    },
    "The hidden layer is linear both ways: it has neither an activation function nor its slope.": {
        "h": lambda v: v.z,
        "slope": lambda _: 1.0,
    },
    "The hidden layer's error lacks the slope of its activation function.": {"slope": lambda _: 1.0},
    "The slope in the hidden layer's error is taken at the wrong layer: at the output.": {
        "slope": lambda v: v.out > 0
    },
    "The slope in the hidden layer's error is taken at the error: at which value should it be?": {
        "slope": lambda v: v.V.T * v.error > 0
    },
    "The slope in the hidden layer's error is the layer's value: use the slope of ReLU.": {"slope": lambda v: v.h},
    "The slope in the hidden layer's error is the weighted input: use the slope of ReLU.": {
        "slope": lambda v: v.z
    },
    "The hidden layer's error has the slope of leaky ReLU.": {"slope": lambda v: np.where(v.z > 0, 1, 0.01)},
    "The slope in the hidden layer's error is taken at the weights: at which value should it be?": {
        "slope": lambda v: v.V.T > 0
    },
    "The hidden layer's error lacks the weights to the output: how does the output's error reach each unit?": {
        "back": lambda v: v.error * v.slope
    },
    "The weights to the output change before the hidden layer's error uses them: compute all gradients first.": {
        "back": lambda v: (v.V - v.rate * v.dV).T * v.error * v.slope
    },
    "The hidden units share one error, their sum: multiply element by element where you use a matrix product.": {
        "back": lambda v: np.full((3, 1), (v.V @ (v.slope * 1.0) * v.error).item())
    },
    "The gradient of the biases lacks the slope of the activation function.": {"db": lambda v: v.V.T * v.error},
    "The gradient of the biases is the output's error: each hidden unit has its own.": {
        "db": lambda v: np.full((3, 1), v.error.item())
    },
    "The gradient of the input weights lacks the slope of the activation function.": {
        "dW": lambda v: (v.V.T * v.error) @ v.x.T
    },
    "The gradient of the output weights uses the hidden layer before its activation.": {
        "dV": lambda v: v.error @ v.z.T
    },
    "The gradient of the input weights lacks the inputs.": {"dW": lambda v: np.repeat(v.back, 2, axis=1)},
    "The gradient of the output weights lacks the output's error.": {"dV": lambda v: v.h.T},
    "The gradient of the output weights lacks the values of the hidden layer.": {
        "dV": lambda v: np.full((1, 3), v.error.item())
    },
    "The gradient of the output weights is multiplied by those weights: on what does the output depend?": {
        "dV": lambda v: v.error * v.V * v.h.T
    },
    "The output's error is the loss itself: the gradient needs its derivative.": {
        "error": lambda v: (v.out - v.y) ** 2 / 2
    },
    "The output's error is squared: use the derivative of the loss.": {"error": lambda v: (v.out - v.y) ** 2},
    "Every step is twice too long: look at the factor of the loss.": {"error": lambda v: 2 * (v.out - v.y)},
    "Every step has half its length: look at the factor of the loss.": {"error": lambda v: (v.out - v.y) / 2},
    "The output's error loses its sign: keep the difference as it is.": {"error": lambda v: abs(v.out - v.y)},
    "The output's error does not depend on y: compare the output with it.": {"error": lambda v: v.out},
    "The output layer has ReLU: the output layer is linear here.": {"out": lambda v: np.maximum(v.V @ v.h, 0)},
    "The output layer has ReLU and its slope: the output layer is linear here.": {
        "out": lambda v: np.maximum(v.V @ v.h, 0),
        "error": lambda v: (v.out - v.y) * (v.out > 0),
    },
    "The gradient of the output weights is a column: the weights are a row, so look at what is transposed.": {
        "dV": lambda v: (v.error @ v.h.T).T
    },
}
"""Mistakes of a step of training, by their sentences."""


def _of_some(factors: Mapping[str, Callable[[float], float]]) -> dict[str, dict[str, Value]]:
    """Return mistakes in the update of one or two of the three arrays, by their sentences.

    Args:
        factors: for what goes wrong, in words, the factor of the gradient; it depends on the learning rate.
    """

    def update(wrong: tuple[str, ...], factor: Callable[[float], float]) -> Value:
        def new(v: SimpleNamespace) -> tuple[Floats, ...]:
            rates = [factor(v.rate) if name in wrong else v.rate for name in WEIGHTS]
            triples = zip((v.b, v.W, v.V), rates, (v.db, v.dW, v.dV), strict=True)
            return tuple(old - rate * gradient for old, rate, gradient in triples)

        return new

    return {
        f"Only the {' and the '.join(WORDS[name] for name in wrong)} {words}.": {"new": update(wrong, factor)}
        for words, factor in factors.items()
        for n in (1, 2)
        for wrong in combinations(WEIGHTS, n)
    }


UPDATES = MappingProxyType(
    _of_some(
        {
            "go up their gradient: look at the sign of their update": lambda rate: -rate,
            "change by the whole gradient: their update lacks the learning rate": lambda _: 1.0,
            "change too little: their gradient is multiplied by the learning rate twice": lambda rate: rate**2,
        }
    )
)
"""Mistakes in the update of some arrays, by their sentences."""

PREDICTIONS: Mapping[str, Value] = {
    "The output layer has ReLU: the output layer is linear here.": lambda v: np.maximum(v.out, 0),
    "The result is the hidden layer: the way to the output is missing.": lambda v: v.h,
    "The weights to the output are not used: the hidden values are only added up.": lambda v: v.h.sum(),
    "The output has biases too: only the hidden layer of this network has them.": (lambda v: v.out + v.b.sum()),
    "The result is rounded: the network predicts a number with its fraction.": lambda v: np.round(v.out),
    "The fraction of the result is lost: the network predicts a number with its fraction.": (
        lambda v: np.trunc(v.out)
    ),
    "The result is only a sign: the network predicts a number, and not a class.": lambda v: np.sign(v.out),
    "The output weights multiply the hidden values, but nothing adds the products up.": lambda v: v.V * v.h.T,
    "The result is squashed by a sigmoid: the output layer is linear here.": lambda v: 1 / (1 + np.exp(-v.out)),
}
"""Mistakes after the hidden layer of a prediction, by their sentences."""
