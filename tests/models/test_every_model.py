from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import nn

from digitscope.data import Dataset
from digitscope.errors import SettingError
from digitscope.models import (
    DIGIT_MODELS,
    MODELS,
    PAGE_MODELS,
    SEPARATION_MODELS,
    TWO_DIGIT_MODELS,
    build,
    options_of,
    sizes_of,
)
from digitscope.models.residual import ResidualBlock
from tests.models.helpers import images_for, logits_shape


@pytest.mark.parametrize("n", [0, 1, 2, 7])
@pytest.mark.parametrize("name", MODELS)
def test_uint8_images_become_finite_logits(name: str, n: int, sample: Dataset) -> None:
    images = images_for(name, sample, n)
    assert images.dtype == torch.uint8
    for model in (build(name, {}).train(), build(name, {}).eval()):
        if n == 0 and model.training:
            continue  # a batch norm cannot take statistics of nothing
        logits = model(images)
        assert logits.shape == logits_shape(name, n)
        assert logits.dtype == torch.float32
        assert logits.isfinite().all()


@pytest.mark.parametrize("name", MODELS)
def test_in_evaluation_an_image_is_read_alone(name: str, sample: Dataset) -> None:
    model, images = build(name, {}).eval(), images_for(name, sample, 7)
    together = model(images)
    one_by_one = torch.cat([model(images[i : i + 1]) for i in range(7)])
    assert torch.allclose(together, one_by_one, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_learning_reaches_every_parameter(name: str, sample: Dataset) -> None:
    torch.manual_seed(0)
    model = build(name, {}).train()
    logits = model(images_for(name, sample, 7))
    flat = logits.reshape(-1, logits.shape[-1])
    torch.autograd.backward(F.cross_entropy(flat, torch.arange(len(flat)) % 10))
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.abs().max() > 0, parameter_name


@pytest.mark.parametrize("name", MODELS)
def test_the_state_returns_in_another_model(name: str, sample: Dataset) -> None:
    first, second = build(name, {}), build(name, {})
    images = images_for(name, sample, 2)
    first(images)  # moves the running statistics of batch norms
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.eval()(images), second.eval()(images))


@pytest.mark.parametrize("name", MODELS)
def test_weights_come_from_torch_s_generator(name: str) -> None:
    weights: list[bytes] = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        model = build(name, {})
        weights.append(b"".join(parameter.detach().numpy().tobytes() for parameter in model.parameters()))
    assert weights[0] == weights[1] != weights[2]


@pytest.mark.parametrize(
    ("name", "options", "layers"),
    [
        ("fc", {}, [784 * 10 + 10, 10 * 10 + 10]),
        ("fc", {"hidden": 128, "activation": "leaky-relu"}, [784 * 128 + 128, 128 * 10 + 10]),
        ("cnn", {}, [32 * 9 + 32, 64 * 32 * 9 + 64, 64 * 5 * 5 * 128 + 128, 128 * 10 + 10]),
        ("two-digit-mlp", {}, [42 * 28 * 64 + 64, 2 * (64 * 10 + 10)]),
        ("two-digit-cnn", {}, [32 * 25 + 32, 2 * (32 * 19 * 12 * 10 + 10)]),
    ],
)
def test_the_course_s_networks_have_the_course_s_sizes(name: str, options: Any, layers: list[int]) -> None:
    assert sum(parameter.numel() for parameter in build(name, options).parameters()) == sum(layers)


def convolutions(*sizes: tuple[int, int, int]) -> int:
    """Return the parameters of convolutions (channels in, out, side), each with its batch norm."""
    return sum(before * after * side * side + 2 * after for before, after, side in sizes)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        (
            "small",
            convolutions((1, 16, 5), (16, 32, 3), (32, 64, 3), (64, 64, 3), (64, 96, 3)) + 96 * 4 * 4 * 10 + 10,
        ),
        (
            "best",
            3 * convolutions((1, 32, 5), (32, 64, 3), (64, 64, 3), (64, 96, 3), (96, 96, 3))
            + 3 * (96 * 6 * 6 * 10 + 10),
        ),
        (
            "two-digit-best",
            2 * convolutions((1, 32, 5), (32, 64, 3), (64, 64, 3), (64, 112, 3), (112, 112, 3), (112, 112, 3))
            + 2 * (112 * 10 * 6 * 20 + 20),
        ),
        (
            "resnet",
            convolutions((1, 32, 3))
            + convolutions((32, 64, 3), (64, 64, 3), (32, 64, 1))
            + convolutions((64, 128, 3), (128, 128, 3), (64, 128, 1))
            + convolutions((128, 256, 3), (256, 256, 3), (128, 256, 1))
            + 256 * 10
            + 10,
        ),
        (
            "unet",
            convolutions((4, 32, 3), (32, 32, 3), (32, 64, 3), (64, 64, 3), (64, 128, 3), (128, 128, 3))
            + convolutions((192, 64, 3), (64, 64, 3), (96, 32, 3), (32, 32, 3))
            + 32 * 8
            + 8,
        ),
    ],
)
def test_our_networks_have_the_sizes_that_their_docstrings_draw(name: str, count: int) -> None:
    assert sum(parameter.numel() for parameter in build(name, {}).parameters()) == count


@pytest.mark.parametrize("name", ["cnn", "fast", "small", "best", "two-digit-best", "resnet", "unet", "page"])
def test_the_docstring_counts_right(name: str) -> None:
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


def test_every_model_is_for_one_task() -> None:
    tasks = (DIGIT_MODELS, TWO_DIGIT_MODELS, SEPARATION_MODELS, PAGE_MODELS)
    assert list(MODELS.items()) == [item for models in tasks for item in models.items()]
    assert len(MODELS) == sum(map(len, tasks))
    assert list(TWO_DIGIT_MODELS) == [name for name in MODELS if "two-digit" in name]  # what the tests go by


@pytest.mark.parametrize("name", MODELS)
def test_every_model_takes_the_sizes_that_it_says(name: str) -> None:
    model = build(name, {}).eval()
    for height, width in sizes_of(name):
        assert len(model(torch.zeros(2, height, width, dtype=torch.uint8))) == 2


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


@pytest.mark.parametrize("models", [DIGIT_MODELS, TWO_DIGIT_MODELS, MODELS])
def test_the_table_is_read_only(models: Any) -> None:
    table: Any = models
    with pytest.raises(TypeError):
        table["mine"] = MODELS["fc"]
    with pytest.raises(TypeError):
        del table[next(iter(models))]


def test_options_and_their_defaults() -> None:
    assert options_of("fc") == {"hidden": 10, "activation": "relu", "dropout": 0.0}
    assert options_of("cnn") == options_of("two-digit-cnn") == {"dropout": 0.5}
    assert options_of("fast") == options_of("small") == options_of("best") == options_of("two-digit-best") == {}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("vgg", {}, "no model is called 'vgg': expected one of fc, cnn, fast, small, best, resnet, two-digit-mlp"),
        ("fc", {"depth": 3}, "the model 'fc' has no option 'depth': expected hidden, activation"),
        ("fast", {"hidden": 3}, "the model 'fast' has no option 'hidden': it takes none"),
        ("fc", {"activation": "tanh"}, "activation is 'tanh': expected one of relu, leaky-relu"),
        ("fc", {"hidden": 0}, "hidden is 0: expected a whole number from 1"),
        ("fc", {"hidden": 2.5}, "hidden is 2.5: expected"),
        ("fc", {"hidden": True}, "hidden is True: expected"),
        ("two-digit-mlp", {"hidden": 0}, "hidden is 0: expected"),
        ("two-digit-mlp", {"hidden": -3}, "hidden is -3: expected"),
        ("cnn", {"dropout": 1.5}, "dropout is 1.5: expected a number from 0 to below 1"),
        ("cnn", {"dropout": "half"}, "dropout is 'half': expected"),
        ("two-digit-cnn", {"dropout": -0.1}, "dropout is -0.1: expected"),
        ("cnn", {"dropout": 1.0}, "dropout is 1.0: expected"),
        ("cnn", {"dropout": float("nan")}, "dropout is nan: expected"),
        ("two-digit-best", {"dropout": 0.3}, "the model 'two-digit-best' has no option 'dropout': it takes none"),
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
