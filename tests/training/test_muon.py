from collections.abc import Sequence

import pytest
import torch
from torch import nn, optim

from digitscope.training.muon import Muon, as_matrix, like_weight, orthogonalize


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
