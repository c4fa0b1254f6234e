import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention

from digitscope.data import Dataset, Split, make_two_digit
from digitscope.errors import DataError, SettingError
from digitscope.models import build
from digitscope.training import evaluate, predict_logits


@pytest.mark.parametrize("name", ["fc", "fast"])
def test_the_batch_size_changes_nothing_and_every_example_counts(name: str, sample: Dataset) -> None:
    torch.manual_seed(0)
    model, split = build(name, {}), sample.test[:203]
    scores = [evaluate(model, split, batch_size=size) for size in (1, 7, 200, 203, 500, 204)]
    assert {score.n for score in scores} == {203}
    assert len({score.accuracy for score in scores}) == 1
    assert [score.nll for score in scores] == pytest.approx([scores[0].nll] * 6, abs=1e-6)


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


def test_arrays_that_may_not_be_written(sample: Dataset) -> None:
    images = sample.test.images[:5].copy()
    images.flags.writeable = False
    assert predict_logits(build("fc", {}), images).shape == (5, 10)


@pytest.mark.parametrize(("name", "shape"), [("fc", (0, 10)), ("fast", (0, 10)), ("two-digit-best", (0, 2, 10))])
def test_no_image_gives_no_logits(name: str, shape: tuple[int, ...]) -> None:
    height = 42 if len(shape) == 3 else 28
    assert predict_logits(build(name, {}), np.zeros((0, height, 28), np.uint8)).shape == shape


def test_what_is_refused(sample: Dataset) -> None:
    with pytest.raises(DataError, match="at least one label"):
        evaluate(build("fc", {}), sample.test[:0])
    with pytest.raises(SettingError, match="batch_size is 0: expected a whole number from 1"):
        evaluate(build("fc", {}), sample.test, batch_size=0)
    single = sample.test[:4]
    with pytest.raises(DataError, match="cannot be scored"):
        evaluate(build("fc", {}), Split(single.images, np.zeros((4, 2), np.uint8)))
