from typing import Any

import pytest
import torch
from torch import nn, optim
from torch.optim.lr_scheduler import OneCycleLR

from digitscope.settings import TrainingSettings
from digitscope.training.muon import Muon
from digitscope.training.optimizers import learning_rate_at, make_optimizer, set_learning_rate


def rates(n_steps: int, **settings: Any) -> list[float]:
    chosen = TrainingSettings(**settings)
    return [learning_rate_at(step, n_steps, chosen) for step in range(n_steps)]


def torch_rates(n_steps: int, peak: float, warmup: float) -> list[float]:
    """Return the same triangle from PyTorch.

    Its rise begins at the peak / div_factor on step 0 and ends on step pct_start * total - 1, its fall ends on
    step total - 1. With one step more than are taken, the fall ends on the step after the last.
    """
    optimizer = optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    rising, total = warmup * n_steps, n_steps + 1
    scheduler = OneCycleLR(
        optimizer,
        max_lr=peak,
        total_steps=total,
        pct_start=(rising + 1) / total,
        anneal_strategy="linear",
        cycle_momentum=False,
        div_factor=rising + 1,
        final_div_factor=1e30,
    )
    found = []
    for _ in range(n_steps):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return found


def test_one_cycle_is_pytorch_s() -> None:
    n_steps, warmup = 7, 0.25
    ours = rates(n_steps, schedule="one-cycle", learning_rate=0.3, warmup=warmup)
    assert ours == pytest.approx(torch_rates(n_steps, 0.3, warmup), rel=1e-9)


def test_one_cycle_by_hand() -> None:
    eight = rates(8, schedule="one-cycle", learning_rate=0.6, warmup=0.25)
    assert eight == pytest.approx([0.2, 0.4, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert rates(4, schedule="one-cycle", learning_rate=1.0, warmup=0.0) == pytest.approx([1, 0.75, 0.5, 0.25])
    assert rates(1, schedule="one-cycle", learning_rate=0.5, warmup=0.0) == [0.5]


def test_constant() -> None:
    assert rates(5, learning_rate=0.07, warmup=0.5) == [0.07] * 5


@pytest.mark.parametrize(
    ("settings", "kind", "group"),
    [
        (
            {"momentum": 0.8, "nesterov": True, "weight_decay": 0.01, "learning_rate": 0.3},
            optim.SGD,
            {"lr": 0.3, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01, "dampening": 0},
        ),
        (
            {"optimizer": "muon", "momentum": 0.7, "nesterov": True, "learning_rate": 0.02},
            Muon,
            {"lr": 0.02, "momentum": 0.7, "nesterov": True},
        ),
        ({"optimizer": "adamw", "weight_decay": 0.0}, optim.AdamW, {"weight_decay": 0.0, "betas": (0.9, 0.999)}),
    ],
)
def test_the_optimizer_has_every_setting(settings: Any, kind: type, group: dict[str, object]) -> None:
    parameter = nn.Parameter(torch.ones(3))
    optimizer = make_optimizer([parameter], TrainingSettings(**settings))
    assert type(optimizer) is kind
    (found,) = optimizer.param_groups
    assert found["params"] == [parameter]
    assert {name: found[name] for name in group} == group


def test_every_group_gets_the_rate() -> None:
    groups: list[dict[str, Any]] = [
        {"params": [nn.Parameter(torch.ones(1))]},
        {"params": [nn.Parameter(torch.ones(1))], "lr": 9.0},
    ]
    optimizer = optim.SGD(groups, lr=1.0)
    set_learning_rate(optimizer, 0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]
