from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import nn, optim

from digitscope.data import Dataset, FixedOrder, Reshuffled, Split
from digitscope.data.negatives import NO_DIGIT
from digitscope.errors import DivergedError
from digitscope.models import build
from digitscope.records import EpochRecord
from digitscope.training import TrainingSettings, evaluate, run_epoch, to_tensors, train
from digitscope.training.loop import TensorBatch
from digitscope.training.objectives import DIGIT_OBJECTIVE
from tests.training.helpers import Watched, new_state, small_split, weights_bytes

CPU = torch.device("cpu")


def batches(split: Split, batch_size: int) -> Iterator[TensorBatch]:
    chosen = (slice(start, start + batch_size) for start in range(0, len(split), batch_size))
    return to_tensors(((split.images[rows], split.labels[rows]) for rows in chosen), CPU)


def course_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the loss as the course's scripts compute it, for one digit and for two."""
    if labels.ndim == 1:
        return F.cross_entropy(logits, labels)
    return 0.5 * (F.cross_entropy(logits[:, 0], labels[:, 0]) + F.cross_entropy(logits[:, 1], labels[:, 1]))


def plain_loop(model: nn.Module, split: Split, batch_size: int, learning_rate: float) -> tuple[float, float]:
    """Train one epoch with the update written out; return the mean loss and accuracy of its examples."""
    model.train()
    losses, right = 0.0, 0
    for start in range(0, len(split), batch_size):
        images = torch.from_numpy(split.images[start : start + batch_size])
        labels = torch.from_numpy(split.labels[start : start + batch_size].astype(np.int64))
        logits = model(images)
        loss = course_loss(logits, labels)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter.sub_(learning_rate * gradient)
        losses += loss.item() * len(labels)
        right += int((logits.argmax(dim=-1) == labels).sum())
    return losses / len(split), right / split.labels.size


def test_an_epoch_is_a_plain_pytorch_loop(sample: Dataset) -> None:
    name = "two-digit-mlp"
    split = small_split(name, sample, 150)  # 4 batches of 32 and one of 22
    torch.manual_seed(3)
    expected = build(name, {})
    loss, accuracy = plain_loop(expected, split, 32, 0.1)
    torch.manual_seed(3)
    model = build(name, {})
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    score = run_epoch(model, batches(split, 32), optimizer=optimizer)
    for ours, theirs in zip(model.parameters(), expected.parameters(), strict=True):
        # gradients come in another order of summation, and a pool or ReLU at a tie may then go the other way
        assert torch.allclose(ours, theirs, rtol=0, atol=5e-5)
    assert np.mean(score.losses) == pytest.approx(loss, rel=1e-5)
    assert np.mean(score.accuracies) == pytest.approx(accuracy)
    assert len(score.losses) == len(score.accuracies) == split.labels.ndim


def smoothed_by_hand(logits: torch.Tensor, labels: torch.Tensor, share: float) -> torch.Tensor:
    """Return the mean over all digits of the cross-entropy with `share` spread evenly over the ten classes."""
    log_likelihoods = torch.log_softmax(logits, dim=-1)
    wanted = (1 - share) * F.one_hot(labels, 10) + share / 10
    return -(wanted * log_likelihoods).sum(dim=-1).mean()


def test_a_step_is_down_the_smoothed_loss(sample: Dataset) -> None:
    name, share = "two-digit-mlp", 0.1
    split = small_split(name, sample, 40)
    ((images, labels),) = batches(split, 40)
    torch.manual_seed(5)
    model = build(name, {})
    logits = model(images)
    smoothed = F.cross_entropy(logits.movedim(-1, 1), labels, label_smoothing=share)
    assert torch.allclose(smoothed, smoothed_by_hand(logits, labels, share), rtol=1e-5)
    expected = torch.autograd.grad(smoothed, list(model.parameters()))
    plain = torch.autograd.grad(course_loss(model(images), labels), list(model.parameters()))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    run_epoch(model, batches(split, 40), optimizer=optim.SGD(model.parameters(), lr=0.5), label_smoothing=share)
    for parameter, old, gradient in zip(model.parameters(), before, expected, strict=True):
        assert parameter.grad is not None
        assert torch.allclose(parameter.grad, gradient, rtol=1e-4, atol=1e-8)
        assert torch.allclose(parameter, old - 0.5 * gradient, rtol=0, atol=1e-7)
    last, last_plain = expected[-1], plain[-1]
    assert not torch.allclose(last, last_plain, rtol=1e-3, atol=1e-8)


def test_the_loss_told_is_the_plain_one_of_each_position(sample: Dataset) -> None:
    name, share = "two-digit-mlp", 0.1
    split = small_split(name, sample, 40)
    ((images, labels),) = batches(split, 40)
    torch.manual_seed(5)
    model = build(name, {})
    likelihoods = torch.softmax(model(images).detach().double(), dim=-1).reshape(40, -1, 10)
    each = -likelihoods.gather(2, labels.reshape(40, -1, 1)).log().squeeze(2)
    expected = each.mean(dim=0).tolist()
    alone = run_epoch(model, batches(split, 7), optimizer=None, label_smoothing=share)
    assert alone == run_epoch(model, batches(split, 7), optimizer=None)
    assert alone.losses == pytest.approx(expected, rel=1e-6)
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    stepped = run_epoch(model, batches(split, 40), optimizer=optimizer, label_smoothing=share)
    assert stepped.losses == pytest.approx(expected, rel=1e-6)  # of the weights before the step


@pytest.mark.parametrize("change", [{"label_smoothing": 0.3}, {"hard_example_weight": 4.0}])
def test_what_changes_the_loss_reaches_the_weights_and_not_the_record(
    change: dict[str, Any], sample: Dataset
) -> None:
    split = sample.train[:64]
    records, weights = [], []
    for changes in ({}, change):
        settings = TrainingSettings(epochs=1, batch_size=64, **changes)
        state = new_state("fc", settings)
        train(state, FixedOrder(split, 64), split, settings, seed=0)
        records.append(state.history[0])
        weights.append(weights_bytes(state.model))
    assert records[0].train_loss == records[1].train_loss == evaluate_new("fc", split)
    assert records[0].validation_loss != records[1].validation_loss
    assert weights[0] != weights[1]


def evaluate_new(name: str, split: Split) -> Any:
    """Return the plain loss of the weights that `new_state` starts from."""
    return pytest.approx(evaluate(new_state(name, TrainingSettings()).model, split).nll, rel=1e-6)


class Elsewhere(torch.Tensor):
    """A tensor on a device that has no float64, as Apple's MPS has none; `cpu` brings it back."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = super().__torch_function__(func, types, args, kwargs or {})  # type: ignore[no-untyped-call]
        if func is torch.Tensor.cpu:
            return result.as_subclass(torch.Tensor)
        if isinstance(result, Elsewhere) and result.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return result


class SentElsewhere(nn.Module):
    """A model that answers from there."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.model(images).as_subclass(Elsewhere)  # type: ignore[no-any-return]


def test_sums_are_taken_where_float64_is(sample: Dataset) -> None:
    name = "two-digit-mlp"
    split = small_split(name, sample, 40)
    scores = []
    for wrap in (lambda model: model, SentElsewhere):
        torch.manual_seed(5)
        model = wrap(build(name, {}))
        optimizer = optim.SGD(model.parameters(), lr=0.5)
        stepped = run_epoch(model, batches(split, 16), optimizer=optimizer, label_smoothing=0.1)
        scores.append((stepped, run_epoch(model, batches(split, 16), optimizer=None)))
    assert scores[0] == scores[1]


def test_ten_examples_are_memorised(sample: Dataset) -> None:
    name, learning_rate = "two-digit-mlp", 0.01
    ten = small_split(name, sample, 10)
    settings = TrainingSettings(epochs=60, batch_size=5, optimizer="adam", learning_rate=learning_rate)
    state = new_state(name, settings)
    train(state, Reshuffled(ten, 5), ten, settings, seed=0)
    assert state.history[-1].validation_accuracy == 1
    assert state.history[-1].validation_loss < 0.05


def test_no_optimizer_means_no_change(sample: Dataset) -> None:
    model = build("two-digit-best", {})
    before = weights_bytes(model)
    split = small_split("two-digit-best", sample, 20)
    first = run_epoch(model, batches(split, 8), optimizer=None)
    assert first == run_epoch(model, batches(split, 8), optimizer=None)  # dropout rests too
    assert weights_bytes(model) == before
    assert not model.training


@pytest.mark.parametrize("order", ["fixed", "reshuffled"])
def test_the_order_between_epochs(order: str, sample: Dataset) -> None:
    split = sample.train[:100]
    source = Watched(FixedOrder(split, 32) if order == "fixed" else Reshuffled(split, 32))
    settings = TrainingSettings(epochs=3, batch_size=32)
    train(new_state("fc", settings), source, split, settings, seed=0)
    first, second, third = source.epochs
    if order == "fixed":
        assert first == second == third
        assert len(first) == 96
    else:
        assert first != second != third != first
        assert sorted(first) == sorted(second) == sorted(third)
        assert len(first) == 100


def test_what_is_no_digit_is_to_be_any_with_the_same_probability() -> None:
    """Against the cross-entropy with the probabilities written out; a share of the examples is their weight."""
    logits = torch.randn(5, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.tensor([3, NO_DIGIT, 0, NO_DIGIT, 9])
    targets = torch.full((5, 10), 0.1, dtype=torch.float64)
    targets[[0, 2, 4]] = 0.9 * F.one_hot(labels[[0, 2, 4]], 10).double() + 0.01
    assert DIGIT_OBJECTIVE.loss(logits, labels, 0.1, 1.0).item() == pytest.approx(
        F.cross_entropy(logits, targets).item()
    )
    no_preference = torch.zeros(2, 10)
    assert DIGIT_OBJECTIVE.loss(no_preference, torch.tensor([4, NO_DIGIT]), 0.0, 1.0).item() == pytest.approx(
        np.log(10)
    )


def test_the_score_is_of_digits_alone(sample: Dataset) -> None:
    torch.manual_seed(0)
    model = build("fc", {})
    digits = sample.train[:20]
    images, labels = torch.from_numpy(digits.images), torch.from_numpy(digits.labels).long()
    alone = run_epoch(model, [(images, labels)], optimizer=None)
    others = torch.full((7,), NO_DIGIT)
    together = run_epoch(model, [(torch.cat([images, images[:7]]), torch.cat([labels, others]))], optimizer=None)
    assert together == alone


def test_the_last_epochs_warp_nothing(sample: Dataset) -> None:
    epochs_without_augmentation = 1
    split = sample.train[:40]
    own = sorted(split.images.reshape(40, -1).sum(axis=1, dtype=np.int64).tolist())
    settings = TrainingSettings(
        epochs=3, order="reshuffled", shear=0.2, epochs_without_augmentation=epochs_without_augmentation
    )
    source = Watched(Reshuffled(split, 32, settings.augmentation))
    train(new_state("fc", settings), source, split, settings, seed=0)
    assert source.plain == [False, False, False, True, True, True][epochs_without_augmentation:][:3]
    assert [sorted(ink) == own for ink in source.epochs] == source.plain


def test_records_and_callbacks(sample: Dataset) -> None:
    settings = TrainingSettings(epochs=2, batch_size=32, learning_rate=0.4, schedule="one-cycle", warmup=0.5)
    state = new_state("fc", settings)
    seen: list[tuple[EpochRecord, int]] = []
    steps: list[None] = []
    train(
        state,
        Reshuffled(sample.train[:100], 32),  # 4 steps an epoch, 8 in all, of which 4 rise
        sample.validation,
        settings,
        seed=0,
        on_batch=lambda: steps.append(None),
        on_epoch=lambda record: seen.append((record, len(state.history))),
    )
    assert len(steps) == 8
    assert [record for record, _ in seen] == state.history
    assert [n_kept for _, n_kept in seen] == [1, 2]
    assert [record.epoch for record in state.history] == [1, 2]
    assert [record.learning_rate for record in state.history] == pytest.approx([0.4 * 4 / 5, 0.4 / 4])
    assert all(record.seconds > 0 for record in state.history)
    right = (
        state.model(torch.from_numpy(sample.validation.images)).argmax(dim=1).numpy() == sample.validation.labels
    )
    assert state.history[-1].validation_accuracy == right.mean()


def test_a_state_that_is_done_stays_as_it_is(sample: Dataset) -> None:
    settings = TrainingSettings(epochs=1, batch_size=32)
    state = new_state("fc", settings)
    source = FixedOrder(sample.train[:64], 32)
    train(state, source, sample.validation, settings, seed=0)
    before = weights_bytes(state.model)
    train(state, source, sample.validation, settings, seed=0)
    assert weights_bytes(state.model) == before
    assert len(state.history) == 1


@pytest.mark.parametrize("batch_size", [32, 128])
def test_a_diverging_run_stops(batch_size: int, sample: Dataset) -> None:
    """With 128 of 128 in a batch, the only loss is taken before the step that ruins the weights."""
    settings = TrainingSettings(epochs=5, batch_size=batch_size, learning_rate=1e30)
    state = new_state("fc", settings)
    with pytest.raises(DivergedError, match="not finite in epoch 1: train with a lower learning rate"):
        train(state, FixedOrder(sample.train[:128], batch_size), sample.validation, settings, seed=0)
    assert state.history == []
