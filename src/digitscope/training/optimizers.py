"""The optimizers, Muon among them, the learning rate of every step, and the average of the weights."""

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor, nn, optim
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from digitscope.settings import TrainingSettings

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

    A weight (O, ...) counts as the matrix (O, I) of its filters. As in airbench (Jordan 2024), it keeps the
    Frobenius norm sqrt(O). Batch norm makes a filter's length irrelevant; with a fixed length, only the learning
    rate sets how fast its direction turns. A step changes a matrix by about the share `lr`, or less if it has more
    rows than columns. The weights of the last layer, which no batch norm follows, are treated alike.
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
        states = [self.state[parameter] for parameter in parameters]
        for state, parameter in zip(states, parameters, strict=True):
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(parameter)
        velocities = [state["momentum_buffer"] for state in states]
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


def make_optimizer(parameters: Iterable[nn.Parameter], settings: TrainingSettings) -> optim.Optimizer:
    """Return the optimizer that `settings` describe."""
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "adam":
        return optim.Adam(parameters, lr=rate, weight_decay=decay)
    if settings.optimizer == "adamw":
        return optim.AdamW(parameters, lr=rate, weight_decay=decay)
    momentum, nesterov = settings.momentum, settings.nesterov
    if settings.optimizer == "muon":
        return Muon(parameters, lr=rate, momentum=momentum, nesterov=nesterov)
    return optim.SGD(parameters, lr=rate, momentum=momentum, nesterov=nesterov, weight_decay=decay)


def make_average(model: nn.Module, settings: TrainingSettings) -> AveragedModel | None:
    """Return a running average of the model's weights and batch norms' statistics, or None without `ema`."""
    if not settings.ema:
        return None
    average = get_ema_multi_avg_fn(settings.ema)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=average, use_buffers=True)


def learning_rate_at(step: int, n_steps: int, settings: TrainingSettings) -> float:
    """Return the learning rate of step `step` (0 for the first) of `n_steps`.

    "one-cycle" rises linearly over the first `warmup` of the steps and falls linearly so that the step after
    the last would have the rate 0.
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    rising = settings.warmup * n_steps
    share = (step + 1) / (rising + 1) if step < rising else (n_steps - step) / (n_steps - rising)
    return settings.learning_rate * share
