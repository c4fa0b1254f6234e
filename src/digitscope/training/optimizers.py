"""The optimizers, the learning rate of every step, and the average of the weights."""

from collections.abc import Iterable

from torch import nn, optim
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from digitscope.settings import TrainingSettings
from digitscope.training.muon import Muon


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


def set_learning_rate(optimizer: optim.Optimizer, learning_rate: float) -> None:
    """Give every parameter group the rate `learning_rate`."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
