"""What each network of the course computes, beside the same written out by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import nn

from digitscope.data import Dataset
from digitscope.models import build
from tests.models.helpers import images_for


def weights_of(model: nn.Module) -> list[np.ndarray]:
    return [parameter.detach().numpy().astype(np.float64) for parameter in model.parameters()]


def test_fully_connected_in_numpy(sample: Dataset) -> None:
    activation, slope = "leaky-relu", 0.01
    model = build("fc", {"hidden": 12, "activation": activation})
    first_weight, first_bias, second_weight, second_bias = weights_of(model)
    x = sample.test.images[:50].reshape(50, 784) / 256
    z = x @ first_weight.T + first_bias
    expected = np.where(z > 0, z, slope * z) @ second_weight.T + second_bias
    logits = model(torch.from_numpy(sample.test.images[:50])).detach().numpy()
    assert np.allclose(logits, expected, atol=1e-5)


def test_dropout_leaves_hidden_units_out_in_training_only(sample: Dataset) -> None:
    plain, model = build("fc", {"hidden": 64}), build("fc", {"hidden": 64, "dropout": 0.25})
    for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        ours.data = theirs.data
    images = torch.from_numpy(sample.test.images[:50])
    assert torch.equal(model.eval()(images), plain(images))
    hidden = model.train()[:-1](images)
    active = plain[:-1](images) > 0
    assert (hidden[active] == 0).float().mean().item() == pytest.approx(0.25, abs=0.05)
    assert torch.allclose(hidden[hidden > 0], plain[:-1](images)[hidden > 0] / 0.75)


def test_two_digit_mlp_has_two_heads_on_one_hidden_layer(sample: Dataset) -> None:
    model = build("two-digit-mlp", {})
    images = images_for("two-digit-mlp", sample, 20)
    hidden_weight, hidden_bias, head_weight, head_bias = weights_of(model)
    h = np.maximum(images.numpy().reshape(20, 1176) / 256 @ hidden_weight.T + hidden_bias, 0)
    logits = model(images).detach().numpy()
    for position, rows in enumerate((slice(0, 10), slice(10, 20))):
        assert np.allclose(logits[:, position], h @ head_weight[rows].T + head_bias[rows], atol=1e-5)


def test_cnn_as_the_handout_lists_it(sample: Dataset) -> None:
    model = build("cnn", {}).eval()
    conv1, bias1, conv2, bias2, weight3, bias3, weight4, bias4 = model.parameters()
    x = sample.test.images[:5, np.newaxis].astype(np.float32) / 256
    features = F.max_pool2d(F.relu(F.conv2d(torch.from_numpy(x), conv1, bias1)), 2)
    assert features.shape == (5, 32, 13, 13)
    features = F.max_pool2d(F.relu(F.conv2d(features, conv2, bias2)), 2)
    assert features.shape == (5, 64, 5, 5)
    expected = F.linear(F.linear(features.reshape(5, 1600), weight3, bias3), weight4, bias4)
    assert torch.allclose(model(torch.from_numpy(sample.test.images[:5])), expected, atol=1e-5)


def test_two_digit_cnn_as_the_handout_lists_it_but_for_its_dropout(sample: Dataset) -> None:
    model = build("two-digit-cnn", {}).eval()
    images = images_for("two-digit-cnn", sample, 5)
    conv, bias, head_weight, head_bias = model.parameters()
    features = F.max_pool2d(F.relu(F.conv2d(images[:, None].float() / 256, conv, bias)), 2)
    assert features.shape == (5, 32, 19, 12)
    flat = features.reshape(5, 7296)
    upper = F.linear(flat, head_weight[:10], head_bias[:10])
    lower = F.linear(flat, head_weight[10:], head_bias[10:])
    assert torch.allclose(model(images), torch.stack([upper, lower], dim=1), atol=1e-5)


def test_dropout_acts_in_training_and_only_there(sample: Dataset) -> None:
    name = "two-digit-fast"
    model, images = build(name, {}), images_for(name, sample, 7)
    model.train()
    assert not torch.equal(model(images), model(images))
    without = build(name, {"dropout": 0.0})
    without.load_state_dict(model.state_dict())
    assert torch.equal(model.eval()(images), model(images))
    assert torch.equal(model(images), without.eval()(images))
