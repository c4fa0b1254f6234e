from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import nn, optim
from torch.optim.lr_scheduler import OneCycleLR

from digitscope.settings import TrainingSettings
from digitscope.training.optimizers import (
    Muon,
    as_matrix,
    learning_rate_at,
    like_weight,
    make_optimizer,
    orthogonalize,
)


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


def matrix(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_an_orthogonalized_matrix_has_the_singular_vectors_of_the_matrix() -> None:
    shape, scale = (25, 16), 1e4
    given = scale * matrix(*shape)
    left, values, right = torch.linalg.svd(given, full_matrices=False)
    diagonal = left.T @ orthogonalize(given) @ right.T
    assert torch.allclose(diagonal, diagonal.diagonal().diag(), atol=1e-3)
    strong = values > 0.1 * given.norm()
    assert diagonal.diagonal()[strong].min() > 0.65
    assert diagonal.diagonal().max() < 1.25
    assert diagonal.diagonal().min() > 0


def test_next_to_nothing_stays_so() -> None:
    for scale in (0.0, 1e-30):
        assert orthogonalize(scale * matrix(30, 40)).abs().max() < 1e-4


def test_a_momentum_that_fades_away_moves_nothing_in_the_end() -> None:
    weight = nn.Parameter(matrix(6, 9))
    optimizer = Muon([weight], lr=0.1)
    take_steps(optimizer, weight, [matrix(6, 9, seed=1), *[torch.zeros(6, 9)] * 300])
    before = weight.detach().clone()
    take_steps(optimizer, weight, [torch.zeros(6, 9)])
    assert before.isfinite().all()
    assert torch.allclose(weight, before, atol=1e-6)


def test_the_velocity_of_a_pixel_without_ink_is_nothing_before_it_is_subnormal() -> None:
    weight = nn.Parameter(matrix(8, 6))
    optimizer = Muon([weight], lr=0.05)
    gradients = [matrix(8, 6, seed=seed) for seed in range(200)]
    for gradient in gradients[1:]:
        gradient[:, 2] = 0
    take_steps(optimizer, weight, gradients)
    velocity = optimizer.state[weight]["momentum_buffer"]
    assert (velocity[:, 2] == 0).all()
    expected = torch.stack([0.6**age * gradient for age, gradient in enumerate(reversed(gradients))]).sum(0)
    assert torch.allclose(velocity, expected, atol=1e-6)


def test_a_weight_as_a_matrix_and_back() -> None:
    shape = (5, 3, 2, 4)
    weight = matrix(*shape)
    rows = as_matrix(weight)
    assert rows.shape == (5, weight.numel() // 5)
    assert sorted(rows[2].tolist()) == sorted(weight[2].flatten().tolist())  # a row is a filter
    assert torch.equal(like_weight(rows, weight), weight)


def test_channels_last_weights_are_not_copied() -> None:
    weight = matrix(8, 4, 3, 3).contiguous(memory_format=torch.channels_last)
    assert as_matrix(weight).data_ptr() == weight.data_ptr()


def take_steps(optimizer: optim.Optimizer, parameter: nn.Parameter, gradients: Sequence[torch.Tensor]) -> None:
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()


def test_vectors_move_as_with_pytorch_s_sgd() -> None:
    nesterov = True
    ours, theirs = nn.Parameter(torch.ones(7)), nn.Parameter(torch.ones(7))
    gradients = [matrix(7, seed=seed) for seed in range(5)]
    take_steps(Muon([ours], lr=0.1, momentum=0.6, nesterov=nesterov), ours, gradients)
    take_steps(optim.SGD([theirs], lr=0.1, momentum=0.6, nesterov=nesterov), theirs, gradients)
    assert torch.allclose(ours, theirs)


def test_a_first_step_goes_where_pytorch_s_muon_goes() -> None:
    shape = (20, 12)
    start = matrix(*shape)
    start *= shape[0] ** 0.5 / start.norm()  # the length that ours holds
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    gradient = matrix(*shape, seed=1)
    take_steps(Muon([ours], lr=0.5), ours, [gradient])
    rate = 0.5 / max(1, shape[0] / shape[1]) ** 0.5  # theirs goes further with tall matrices
    take_steps(optim.Muon([theirs], lr=rate, weight_decay=0.0, momentum=0.6, ns_steps=3), theirs, [gradient])
    step, other = ours.detach() - start, theirs.detach() - start
    assert torch.nn.functional.cosine_similarity(step.flatten(), other.flatten(), dim=0) > 0.999
    assert torch.allclose(step, other, atol=0.02)  # theirs iterates in bfloat16


def test_a_weight_keeps_its_length_and_a_step_changes_it_by_the_learning_rate() -> None:
    weight = nn.Parameter(100 * matrix(6, 4, 3, 3))
    optimizer = Muon([weight], lr=0.1)
    take_steps(optimizer, weight, [matrix(6, 4, 3, 3, seed=seed) for seed in range(3)])
    before = weight.detach() * 6**0.5 / weight.detach().norm()
    take_steps(optimizer, weight, [matrix(6, 4, 3, 3, seed=9)])
    change = (weight.detach() - before).norm() / before.norm()
    assert 0.07 < change < 0.12  # singular values from 0.7 to 1.2 times the learning rate


def test_the_size_of_gradients_does_not_matter_to_weights() -> None:
    steps = []
    for scale in (1.0, 1000.0):
        weight = nn.Parameter(matrix(6, 9))
        take_steps(Muon([weight], lr=0.1), weight, [scale * matrix(6, 9, seed=seed) for seed in range(3)])
        steps.append(weight.detach())
    assert torch.allclose(steps[0], steps[1], atol=1e-5)


def test_what_has_no_gradient_stays() -> None:
    still, moving = nn.Parameter(matrix(3, 3)), nn.Parameter(torch.ones(2))
    optimizer = Muon([still, moving], lr=0.1)
    take_steps(optimizer, moving, [torch.ones(2)])
    assert torch.equal(still, matrix(3, 3))
    Muon([still], lr=0.1).step()


def test_a_closure_is_called_with_gradients() -> None:
    weight = nn.Parameter(matrix(3, 3))
    optimizer = Muon([weight], lr=0.1)

    def closure() -> float:
        optimizer.zero_grad()
        loss = weight.square().sum()
        torch.autograd.backward(loss)
        return loss.item()

    assert optimizer.step(closure) == pytest.approx(matrix(3, 3).square().sum().item())
    assert not torch.equal(weight, matrix(3, 3))
