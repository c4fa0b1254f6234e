import numpy as np
import pytest
import torch
from torch import nn

from digitscope.data import Dataset, Reshuffled, random_separations
from digitscope.data.negatives import NO_DIGIT
from digitscope.metrics import evaluate_masks
from digitscope.models import build
from digitscope.models.layers import MNIST_SCALE, Normalize
from digitscope.models.separation import PixelsToChannels, UNet
from digitscope.training import (
    OBJECTIVES,
    TrainingSettings,
    TrainingState,
    predict_logits,
    run_epoch,
    to_tensors,
    train,
)
from digitscope.training.objectives import mean_by_rank
from tests.training.helpers import small_split

SEPARATION_OBJECTIVE = OBJECTIVES["separation"]
SIX = [(i, j) for i in range(3) for j in range(2)]
CPU = torch.device("cpu")


def test_the_loss_of_masks_by_its_formula() -> None:
    share = 0.2
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 2, 4, 5, generator=generator, dtype=torch.float64)
    masks = torch.randint(0, 2, (3, 2, 4, 5), generator=generator)
    wanted = masks * (1 - share) + share / 2
    probabilities = 1 / (1 + torch.exp(-logits))
    by_hand = -(wanted * probabilities.log() + (1 - wanted) * (1 - probabilities).log()).mean()
    assert SEPARATION_OBJECTIVE.loss(logits, masks, share, 1.0).item() == pytest.approx(by_hand.item())


def by_rank(losses: list[float], hard_example_weight: float) -> float:
    """Return the mean of the losses, each a constant factor lighter than the next higher."""
    weights = np.geomspace(1, 1 / hard_example_weight, len(losses))
    return float(np.average(sorted(losses, reverse=True), weights=weights))


def test_hard_examples_weigh_by_the_ranks_of_their_losses() -> None:
    hard_example_weight, positions = 40.0, (2,)
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(7, *positions, 10, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 10, (7, *positions), generator=generator)
    losses = (-logits.log_softmax(dim=-1).gather(-1, labels.unsqueeze(-1))).flatten().tolist()
    reading = OBJECTIVES["digit"]
    assert reading.loss(logits, labels, 0.0, hard_example_weight).item() == pytest.approx(
        by_rank(losses, hard_example_weight)
    )
    labels[-2:] = NO_DIGIT
    n = np.prod((5, *positions), dtype=int)
    others = -logits[-2:].log_softmax(dim=-1).mean().item()
    expected = 5 / 7 * by_rank(losses[:n], hard_example_weight) + 2 / 7 * others
    assert reading.loss(logits, labels, 0.0, hard_example_weight).item() == pytest.approx(expected)


def test_a_focus_weighs_masks_by_the_ranks_of_their_losses() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(3, 2, 4, 5, generator=generator, dtype=torch.float64)
    masks = torch.randint(0, 2, (3, 2, 4, 5), generator=generator)
    losses = [
        SEPARATION_OBJECTIVE.loss(logits[i, j][None, None], masks[i, j][None, None], 0.1, 1.0).item()
        for i, j in SIX
    ]
    assert SEPARATION_OBJECTIVE.loss(logits, masks, 0.1, 8.0).item() == pytest.approx(by_rank(losses, 8.0))


def test_the_ranks_of_a_focus_have_no_gradient() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]], requires_grad=True)
    losses = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 0, 1]), reduction="none")
    expected = torch.autograd.grad((losses * torch.tensor([1, 4, 2]) / 7).sum(), logits, retain_graph=True)
    found = torch.autograd.grad(mean_by_rank(losses, 4.0), logits)
    assert torch.allclose(found[0], expected[0])


def test_an_epoch_of_masks_is_scored_as_an_evaluation_is(sample: Dataset) -> None:
    """Batch by batch, for which no pixel is kept, as all at once."""
    split = small_split("unet", sample, 25)
    torch.manual_seed(0)
    model = build("unet", {})
    batches = to_tensors(((split.images[i : i + 10], split.labels[i : i + 10]) for i in (0, 10, 20)), CPU)
    score = run_epoch(model, batches, optimizer=None, objective=SEPARATION_OBJECTIVE)
    expected = evaluate_masks(predict_logits(model, split.images), split.labels)
    assert score.accuracies == pytest.approx(expected.per_position, abs=1e-6)
    assert np.mean(score.losses) == pytest.approx(expected.nll, rel=1e-5)
    loss, accuracy = SEPARATION_OBJECTIVE.validate(predict_logits(model, split.images), split.labels)
    assert (loss, accuracy) == (expected.nll, expected.mean_iou)


def test_two_empty_masks_agree() -> None:
    empty = torch.zeros(2, 2, 3, 3)
    _, overlaps = SEPARATION_OBJECTIVE.batch_result(empty - 1, empty.long())
    assert overlaps.tolist() == [[1, 1], [1, 1]]


def test_four_pairs_are_memorised(sample: Dataset) -> None:
    pairs = random_separations(sample.train, 4, generator=np.random.default_rng(0))
    settings = TrainingSettings(epochs=75, batch_size=4, optimizer="adam", learning_rate=0.01)
    torch.manual_seed(0)
    layers = (PixelsToChannels(), UNet(4, (16, 32, 64), 8), nn.PixelShuffle(2))
    state = TrainingState.start(nn.Sequential(Normalize(*MNIST_SCALE), *layers), settings)
    train(state, Reshuffled(pairs, 4), pairs, settings, seed=0, objective=SEPARATION_OBJECTIVE)
    assert state.history[0].train_accuracy < 0.7
    assert state.history[-1].train_accuracy > 0.85  # a cut in the middle row gives 0.8
