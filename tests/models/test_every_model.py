from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import nn

from digitscope.data import Dataset
from digitscope.errors import SettingError
from digitscope.models import (
    MODELS,
    build,
    sizes_of,
)
from digitscope.models.digits import ResidualBlock
from tests.models.helpers import images_for, logits_shape
from tests.training.helpers import weights_bytes


@pytest.mark.parametrize("name", MODELS)
def test_a_model_reads_any_number_of_images_each_alone(name: str, sample: Dataset) -> None:
    images = images_for(name, sample, 7)
    assert images.dtype == torch.uint8
    torch.manual_seed(0)
    model = build(name, {})
    assert_learning_reaches_every_parameter(model, images, logits_shape(name, 7))
    model.eval()
    for n in (0, 1, 7):
        logits = model(images[:n])
        assert logits.shape == logits_shape(name, n)
        assert logits.dtype == torch.float32
        assert logits.isfinite().all()
    assert torch.allclose(logits[2:3], model(images[2:3]), atol=1e-5)
    for height, width in sizes_of(name):
        assert len(model(torch.zeros(2, height, width, dtype=torch.uint8))) == 2


def assert_learning_reaches_every_parameter(
    model: nn.Module, images: torch.Tensor, shape: tuple[int, ...]
) -> None:
    logits = model.train()(images)
    assert logits.shape == shape
    flat = logits.reshape(-1, logits.shape[-1])
    torch.autograd.backward(F.cross_entropy(flat, torch.arange(len(flat)) % 10))
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_weights_come_from_torch_s_generator() -> None:
    weights: list[bytes] = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        weights.append(weights_bytes(build("resnet", {})))
    assert weights[0] == weights[1] != weights[2]


@pytest.mark.parametrize(
    ("name", "options", "layers"),
    [
        ("cnn", {}, [32 * 9 + 32, 64 * 32 * 9 + 64, 64 * 5 * 5 * 128 + 128, 128 * 10 + 10]),
        ("two-digit-mlp", {}, [42 * 28 * 64 + 64, 2 * (64 * 10 + 10)]),
    ],
)
def test_the_course_s_networks_have_the_course_s_sizes(name: str, options: Any, layers: list[int]) -> None:
    assert sum(parameter.numel() for parameter in build(name, options).parameters()) == sum(layers)


def test_docstrings_tell_the_number_of_parameters() -> None:
    for name in ("cnn", "fast", "small", "best", "two-digit-best", "resnet", "unet", "page", "item"):
        count = sum(parameter.numel() for parameter in build(name, {}).parameters())
        assert f"{count:,} parameters" in (MODELS[name].__doc__ or "")


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("fast", [(16, 12, 12), (16, 10, 10), (64, 4, 4), (10,)]),
        ("small", [(16, 12, 12), (32, 10, 10), (64, 4, 4), (64, 4, 4), (96, 4, 4), (10,)]),
    ],
)
def test_layers_give_the_shapes_that_their_docstrings_draw(
    name: str, shapes: list[tuple[int, ...]], sample: Dataset
) -> None:
    met: list[tuple[int, ...]] = []
    model = build(name, {}).train()  # in evaluation "fast" reads an image at nine places
    for layer in model.modules():
        if isinstance(layer, nn.ReLU):  # which ends a convolution, pooled or not
            layer.register_forward_hook(lambda _, __, output: met.append(tuple(output.shape[1:])))
    logits = model(images_for(name, sample, 3))
    assert [*met, tuple(logits.shape[1:])] == shapes
    drawn = [f"(N, {', '.join(map(str, shape))})" for shape in shapes]
    assert all(shape in (MODELS[name].__doc__ or "") for shape in drawn)


def test_a_residual_block_adds_to_what_it_is_given() -> None:
    """With a body of zeros nothing but the shortcut is left, and of that what is positive."""
    features = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    same, halved = ResidualBlock(4, 4).eval(), ResidualBlock(4, 6, stride=2).eval()
    for block in (same, halved):
        for layer in block.body:
            if isinstance(layer, nn.Conv2d):
                nn.init.zeros_(layer.weight)
    assert torch.equal(same(features), features.clamp_min(0))
    weight = halved.shortcut.get_submodule("0").get_parameter("weight")[:, :, 0, 0]
    sampled = (
        torch.einsum("oc,nchw->nohw", weight, features[:, :, ::2, ::2]) / (1 + 1e-5) ** 0.5
    )  # a new batch norm
    assert torch.allclose(halved(features), sampled.clamp_min(0), atol=1e-6)


def test_a_digit_s_pixels_are_placed_to_the_pixel() -> None:
    """A U-Net whose finest level passes on its 2x2 pixels gives the image itself, so no pixel is lost or moved."""
    image = torch.arange(42 * 28, dtype=torch.float32).reshape(1, 1, 42, 28)
    model = build("unet", {})
    assert torch.equal(model[3](model[1](image)), image)
    assert torch.equal(model[1](image), nn.PixelUnshuffle(2)(image))


def test_the_u_net_sees_a_whole_digit(sample: Dataset) -> None:
    """What is written at the top reaches the mask at the bottom of a digit, 27 rows below."""
    images = torch.zeros(1, 42, 28, dtype=torch.float32, requires_grad=True)
    torch.manual_seed(0)
    masks = build("unet", {}).train()(images + torch.from_numpy(sample.test.images[:1, :1] * 1.0))
    (gradient,) = torch.autograd.grad(masks[0, 0, 27].sum(), images)
    assert gradient[0, 0].abs().max() > 0


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("vgg", {}, "no model is called 'vgg': expected one of fc, cnn, fast, small, best, resnet, two-digit-mlp"),
        ("fc", {"depth": 3}, "the model 'fc' has no option 'depth': expected hidden, activation"),
        ("fc", {"activation": "tanh"}, "activation is 'tanh': expected one of relu, leaky-relu"),
        ("two-digit-cnn", {"dropout": -0.1}, "dropout is -0.1: expected"),
    ],
)
def test_what_is_refused(name: str, options: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        build(name, options)


def test_the_scale_is_that_of_mnist_s_training_pixels(mnist: Dataset) -> None:
    pixels = np.concatenate([mnist.train.images, mnist.validation.images])
    assert len(pixels) == 60_000
    counts = np.bincount(pixels.ravel(), minlength=256)
    values = np.arange(256)
    mean = (counts * values).sum() / counts.sum()
    deviation = np.sqrt((counts * (values - mean) ** 2).sum() / counts.sum())
    first: Any = build("fast", {})[0]
    assert (first.mean, first.deviation) == pytest.approx((mean, deviation), abs=1e-6)
