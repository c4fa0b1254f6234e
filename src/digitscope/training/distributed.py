"""One training over several processes, as torchrun starts them: each computes its share of every batch.

All processes make the same batches from the same seed, and each computes its share with its copy of the network.
The logits are gathered, so each process has the loss and the score of the whole batch. The gradients are added
up, so every process takes the same step. Batch norms take their statistics from the whole batch. So the result
equals that of one process, up to rounding, for any network, optimizer and warp. Only dropout differs: each
process draws its own masks.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn, optim

from digitscope.errors import ClusterError, SettingError
from digitscope.models.layers import Columns


@contextmanager
def processes_together() -> Iterator[int]:
    """Yield this process's rank among those that torchrun started, which are connected in the block; else 0.

    Raises:
        ClusterError: another process has ended before the block has.
    """
    if not dist.is_torchelastic_launched() or int(os.environ["WORLD_SIZE"]) == 1:
        yield 0
        return
    dist.init_process_group("gloo")
    try:
        yield dist.get_rank()
    except RuntimeError as error:
        if not (isinstance(error, dist.DistError) or "gloo" in str(error)):
            raise
        raise ClusterError("another process of this training has ended: see what it said") from None
    finally:
        dist.destroy_process_group()


def n_processes() -> int:
    """Return how many processes train together: 1 outside of `processes_together`."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first_process() -> bool:
    """Tell whether this process is the one that writes what all of them know."""
    return n_processes() == 1 or dist.get_rank() == 0


def wait_for_all() -> None:
    """Wait until all processes that train together have come here."""
    if n_processes() > 1:
        dist.barrier()


def own_dropout(seed: int, epoch: int) -> None:
    """Let this process draw other masks in `epoch` than the others; a process on its own draws as before."""
    if n_processes() > 1:
        torch.manual_seed(int(np.random.SeedSequence([seed, epoch, dist.get_rank()]).generate_state(1)[0]))


def add_up_gradients(optimizer: optim.Optimizer) -> optim.Optimizer:
    """Return `optimizer`, which before each step adds up the gradients of all processes if there are several."""
    if n_processes() > 1:
        optimizer.register_step_pre_hook(_add_up)
    return optimizer


def share_out(model: nn.Module) -> nn.Module:
    """Return what computes the logits of `model` for whole batches with the other processes.

    Its batch norms are replaced, their parameters kept. A process on its own gets `model` back as it is.
    """
    if n_processes() == 1:
        return model
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SynchronizedBatchNorm2d
    return _SharedOut(model)


def share_of(n: int, n_columns: int, rank: int, n_ranks: int) -> Tensor:
    """Return which of `n` examples the process `rank` has, as int64 indices.

    It is every `n_ranks`-th group of `n_columns` examples, so that a column has the same ones in all processes
    together that it has in one; see `Columns`.

    Raises:
        SettingError: a column would have no example in some process.
    """
    if n < n_columns * n_ranks:
        raise SettingError(
            f"a batch has {n} examples: expected at least {n_columns * n_ranks} for {n_ranks} processes; "
            "change --batch-size, or start fewer"
        )
    rows = torch.arange(n)
    return rows[rows // n_columns % n_ranks == rank]


class SynchronizedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the examples of all processes (Ioffe and Szegedy 2015); PyTorch's own needs CUDA.

    Input and output: (N, C, H, W). In evaluation it is an ordinary batch norm.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised features."""
        if not self.training:
            return super().forward(x)
        values = x.to(torch.promote_types(x.dtype, torch.float32))
        add_up: Callable[[Tensor], Tensor] = _Sum.apply
        n = float(add_up(torch.tensor(float(x[:, 0].numel()))))
        mean = add_up(values.sum(dim=(0, 2, 3))) / n
        away = values - mean[:, None, None]
        variance = add_up(away.square().sum(dim=(0, 2, 3))) / n
        assert self.running_mean is not None  # noqa: S101 - as no batch norm of ours is without
        assert self.running_var is not None  # noqa: S101
        assert self.num_batches_tracked is not None  # noqa: S101
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean.detach(), self.momentum or 0.0)
        self.running_var.lerp_(variance.detach() * n / (n - 1), self.momentum or 0.0)
        scale = self.weight * (variance + self.eps).rsqrt()
        normalized: Tensor = (away * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)
        return normalized


class _SharedOut(nn.Module):
    """Whole batches in, logits of whole batches out, of which this process has computed a share."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self._n_columns = max((len(m.columns) for m in model.modules() if isinstance(m, Columns)), default=1)

    def forward(self, images: Tensor) -> Tensor:
        rows = share_of(len(images), self._n_columns, dist.get_rank(), n_processes())
        own = self.model(images[rows])
        whole = own.new_zeros((len(images), *own.shape[1:])).index_copy(0, rows, own.detach())
        dist.all_reduce(whole)
        logits: Tensor = whole.index_copy(0, rows, own)  # a process has the gradient of its own ones
        return logits


class _Sum(torch.autograd.Function):
    """The sum over all processes. All have it, so the gradient of each summand is the sum of all gradients."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:  # noqa: ARG004
        total = own.contiguous().clone()
        dist.all_reduce(total)
        return total

    backward = forward


def _add_up(optimizer: optim.Optimizer, *_: Any) -> None:
    gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    total = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(total)
    for gradient, part in zip(gradients, torch.split(total, [each.numel() for each in gradients]), strict=True):
        gradient.copy_(part.view(gradient.shape))
