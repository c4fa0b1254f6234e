import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention

from digitscope.data import Dataset, make_two_digit
from digitscope.errors import SettingError
from digitscope.models import build
from digitscope.training import evaluate, predict_logits


def test_the_batch_size_changes_nothing_and_every_example_counts(sample: Dataset) -> None:
    torch.manual_seed(0)
    model, split = build("fc", {}), sample.test[:203]
    scores = [evaluate(model, split, batch_size=size) for size in (1, 7, 203, 204)]
    assert {score.n for score in scores} == {203}
    assert len({score.accuracy for score in scores}) == 1
    assert [score.nll for score in scores] == pytest.approx([scores[0].nll] * 4, abs=1e-6)


def test_the_scores_are_torch_s(sample: Dataset) -> None:
    model, split = build("cnn", {}), sample.test[:111]
    scores = evaluate(model, split, batch_size=50)
    logits = model.eval()(torch.from_numpy(split.images))
    labels = torch.from_numpy(split.labels.astype(np.int64))
    assert scores.nll == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-5)
    assert scores.accuracy == (logits.argmax(dim=1) == labels).double().mean().item()
    assert np.sum(scores.confusion) == 111


def test_pairs(sample: Dataset) -> None:
    model = build("two-digit-cnn", {})
    split = make_two_digit(sample, n_train=2, n_test=33, seed=0).test
    scores = evaluate(model, split, batch_size=10)
    assert scores.n == 33
    right = predict_logits(model, split.images).argmax(axis=2) == split.labels
    assert scores.per_position == pytest.approx(right.mean(axis=0).tolist())
    assert scores.both_right == pytest.approx((right[:, 0] & right[:, 1]).mean())


def test_evaluation_leaves_training_mode_and_the_weights_alone(sample: Dataset) -> None:
    model = build("two-digit-best", {}).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    split = make_two_digit(sample, n_train=2, n_test=5, seed=0).test
    evaluate(model, split)
    assert not model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_no_image_gives_no_logits() -> None:
    assert predict_logits(build("two-digit-best", {}), np.zeros((0, 42, 28), np.uint8)).shape == (0, 2, 10)


def test_what_is_refused(sample: Dataset) -> None:
    with pytest.raises(SettingError, match="batch_size is 0: expected a whole number from 1"):
        evaluate(build("fc", {}), sample.test, batch_size=0)
