import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn, optim

from digitscope.course.train_utils import (
    Average,
    Batch,
    Flatten,
    batchify_data,
    compute_accuracy,
    run_epoch,
    train_model,
)
from digitscope.data import Dataset, make_two_digit
from tests.course.plain import plain_batches, plain_epoch

BATCH = 20


class TwoOutputs(nn.Module):
    """A two-digit network as the course writes them: a tuple of logits."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.upper, self.lower = nn.Linear(42 * 28, 16), nn.Linear(16, 10), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = torch.relu(self.hidden(x.flatten(1)))
        return self.upper(features), self.lower(features)


def new_model(*, two_digits: bool) -> nn.Module:
    torch.manual_seed(4)
    if two_digits:
        return TwoOutputs()
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10))


def real_examples(sample: Dataset, *, two_digits: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training and validation examples, in whole batches and a remainder, as the course holds them."""
    source = make_two_digit(sample, n_train=470, n_test=1, seed=1) if two_digits else sample
    train, validation = source.train[:410], source.validation[:45]
    return (
        torch.tensor(train.images / 256, dtype=torch.float32).unsqueeze(1),
        torch.tensor(train.labels.T.astype(np.int64)),
        torch.tensor(validation.images / 256, dtype=torch.float32).unsqueeze(1),
        torch.tensor(validation.labels.T.astype(np.int64)),
    )


def pair(average: Average) -> tuple[float, float]:
    return average if isinstance(average, tuple) else (average, average)


def same_weights(one: nn.Module, other: nn.Module) -> None:
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], tensor, rtol=1e-5, atol=1e-7)


def test_batches_leave_out_the_remainder() -> None:
    x, y = np.arange(14).reshape(7, 2) / 2, np.arange(7)
    batches = batchify_data(x, y, 3)
    assert [batch["x"].tolist() for batch in batches] == [x[:3].tolist(), x[3:6].tolist()]
    assert [batch["y"].tolist() for batch in batches] == [[0, 1, 2], [3, 4, 5]]
    assert {(batch["x"].dtype, batch["y"].dtype) for batch in batches} == {(torch.float32, torch.int64)}
    assert batchify_data(x, y, 8) == []
    assert len(batchify_data(x, y, 7)) == 1


def test_batches_of_two_digits() -> None:
    y = np.array([[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]])
    batches = batchify_data(np.zeros((5, 1, 42, 28)), y, 2)
    assert [batch["x"].shape for batch in batches] == [(2, 1, 42, 28)] * 2
    assert [batch["y"].tolist() for batch in batches] == [[[0, 1], [5, 6]], [[2, 3], [7, 8]]]


def test_flatten() -> None:
    images = torch.arange(24.0).reshape(2, 3, 2, 2)
    assert Flatten()(images).tolist() == [list(range(12)), list(range(12, 24))]
    assert Flatten()(torch.zeros(5, 7)).shape == (5, 7)
    assert Flatten()(images.transpose(1, 2)).shape == (2, 12)


def test_accuracy_worked_by_hand() -> None:
    # Right at positions 0, 2 and 3 of five.
    assert compute_accuracy(torch.tensor([1, 2, 3, 4, 5]), torch.tensor([1, 0, 3, 4, 0])) == 0.6
    assert compute_accuracy(torch.tensor([7]), torch.tensor([7])) == 1
    assert compute_accuracy(torch.tensor([7]), torch.tensor([8])) == 0


def test_an_evaluating_epoch_changes_nothing(sample: Dataset) -> None:
    two_digits = True
    _, _, x, y = real_examples(sample, two_digits=two_digits)
    model = new_model(two_digits=two_digits)
    before = copy.deepcopy(model.state_dict())
    for optimizer in (None, optim.SGD(model.parameters(), lr=0.1)):
        loss, accuracy = run_epoch(batchify_data(x, y, BATCH), model.eval(), optimizer)
        expected = plain_epoch(plain_batches(x, y, BATCH), model, two_digits=two_digits, optimizer=None)
        assert pair(loss) == pytest.approx(expected.losses, rel=1e-5)
        assert pair(accuracy) == pytest.approx(expected.accuracies, abs=1e-12)
        assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize(("two_digits", "nesterov"), [(False, True), (True, False)])
def test_training_is_the_course_s(
    sample: Dataset, capsys: pytest.CaptureFixture[str], two_digits: bool, nesterov: bool
) -> None:
    x, y, x_validation, y_validation = real_examples(sample, two_digits=two_digits)
    ours = new_model(two_digits=two_digits)
    plain = copy.deepcopy(ours)
    train: list[Batch] = batchify_data(x, y, BATCH)
    validation: list[Batch] = batchify_data(x_validation, y_validation, BATCH)
    result = train_model(train, validation, ours, lr=0.03, momentum=0.8, nesterov=nesterov, n_epochs=3)

    optimizer = optim.SGD(plain.parameters(), lr=0.03, momentum=0.8, nesterov=nesterov)
    words = []
    for epoch in range(1, 4):
        learned = plain_epoch(plain_batches(x, y, BATCH), plain, two_digits=two_digits, optimizer=optimizer)
        scored = plain_epoch(
            plain_batches(x_validation, y_validation, BATCH), plain, two_digits=two_digits, optimizer=None
        )
        words.append(f"-------------\nEpoch {epoch}:\n\n")
        for name, part in (("Train", learned), ("Valid", scored)):
            (loss1, loss2), (accuracy1, accuracy2) = part.losses, part.accuracies
            if two_digits:
                words.append(f"{name} | loss1: {loss1:.6f}  accuracy1: {accuracy1:.6f} | ")
                words.append(f"loss2: {loss2:.6f}  accuracy2: {accuracy2:.6f}\n")
            elif name == "Train":
                words.append(f"Train loss: {loss1:.6f} | Train accuracy: {accuracy1:.6f}\n")
            else:
                words.append(f"Val loss:   {loss1:.6f} | Val accuracy:   {accuracy1:.6f}\n")
    same_weights(plain, ours)
    assert pair(result) == pytest.approx(scored.accuracies, abs=1e-12)
    assert without_last_digits(capsys.readouterr().out) == without_last_digits("".join(words))


def without_last_digits(text: str) -> list[str]:
    """The words of `text`, its numbers rounded so that float32 noise does not tell."""
    return [f"{float(word):.4f}" if "." in word else word for word in text.split()]
