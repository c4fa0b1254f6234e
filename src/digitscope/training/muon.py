"""Muon: steps for weight matrices whose every direction is equally long (Jordan et al. 2024)."""

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor, nn, optim

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients a, b, c of x -> ax + bx^3 + cx^5, which drives singular values up to 1 towards 1 (Jordan 2024)."""

ITERATIONS = 3
"""Of Newton-Schulz: as many as Jordan's airbench takes for networks of this size."""

SHORTEST = 1e-12
"""Length below which a matrix counts as nothing: a momentum that fades away must not be blown up."""

SLOWEST = 1e-30
"""Velocity below which a weight rests: that of a pixel without ink would decay into subnormal numbers.

They make a step of a fully connected network ten times slower.
"""


class Muon(optim.Optimizer):
    """Momentum whose step is orthogonalised for weights, and unchanged for biases and batch norms.

    A weight (O, ...) counts as the matrix (O, I) of its filters. As in Jordan's airbench, it keeps the Frobenius
    norm sqrt(O). Batch norm makes a filter's length irrelevant; with a fixed length, only the learning rate sets
    how fast its direction turns. A step changes a matrix by about the share `lr`, or less if it has more rows
    than columns. The weights of the last layer, which no batch norm follows, are treated alike.

    Args:
        parameters: tensors of two or more axes, which are weights, and vectors.
        lr: the learning rate of both.
        momentum: of both.
        nesterov: look ahead.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.6, *, nesterov: bool = True
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "nesterov": nesterov})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step; parameters without a gradient stay where they are."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            moving = [parameter for parameter in group["params"] if parameter.grad is not None]
            if moving:
                self._move(moving, group)
        return loss

    def _move(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        """Move all `parameters` by one step: a call for all of them where PyTorch has one, for they are small."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        velocities = [self._velocity(parameter) for parameter in parameters]
        torch._foreach_mul_(velocities, group["momentum"])
        torch._foreach_add_(velocities, gradients)
        for velocity in velocities:
            velocity.copy_(F.hardshrink(velocity, SLOWEST))
        steps = velocities
        if group["nesterov"]:
            steps = list(torch._foreach_add(gradients, velocities, alpha=group["momentum"]))
        steps = [step if step.ndim < 2 else like_weight(orthogonalize(as_matrix(step)), step) for step in steps]
        for weight in (parameter for parameter in parameters if parameter.ndim > 1):
            weight.mul_(len(weight) ** 0.5 / weight.norm().clamp_min(SHORTEST))
        torch._foreach_add_(parameters, steps, alpha=-group["lr"])

    def _velocity(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        return state["momentum_buffer"]  # type: ignore[no-any-return]


def as_matrix(weight: Tensor) -> Tensor:
    """Return a weight (O, I) or (O, I, H, W) as a matrix (O, I) or (O, H * W * I), a view if memory has it so."""
    return weight.movedim(1, -1).flatten(1)


def like_weight(matrix: Tensor, weight: Tensor) -> Tensor:
    """Undo `as_matrix`, which made `matrix` of a tensor of the shape of `weight`."""
    return matrix.view(len(weight), *weight.shape[2:], weight.shape[1]).movedim(-1, 1)


def orthogonalize(matrix: Tensor) -> Tensor:
    """Return a matrix of the same singular vectors whose singular values lie near 1, from about 0.7 to 1.2.

    Newton-Schulz iteration, on the side of the matrix that is shorter. Singular values below about a hundredth of
    the Frobenius norm come out smaller, and all of them do if that norm is below 1e-12.
    """
    a, b, c = NEWTON_SCHULZ
    wide = len(matrix) <= matrix.shape[1]
    x = matrix if wide else matrix.T
    x = x / x.norm().clamp_min(SHORTEST)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x if wide else x.T
