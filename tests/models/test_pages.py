"""The network for pages: its input, its reach, and what it leaves alone."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from digitscope.detections import CHANNELS, LAYOUT, N_CHANNELS
from digitscope.models import build
from digitscope.models.pages import LocalContrast, Residual


@pytest.fixture(scope="module")
def network() -> nn.Sequential:
    """A network whose batch norms have met pictures, and whose maps therefore differ from place to place."""
    torch.manual_seed(0)
    model = build("page", {}).train()
    for _ in range(3):
        model(pictures(2, 64, 96))
    return model.eval()


def pictures(n: int, height: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, height, width), dtype=torch.uint8, generator=generator)


def test_pictures_of_any_size_have_maps_of_a_quarter(network: nn.Sequential) -> None:
    height, width = 64, 96
    with torch.inference_mode():
        maps = network(pictures(2, height, width))
    assert maps.shape == (2, N_CHANNELS, height // 4, width // 4)
    assert maps.isfinite().all()
    coarse = maps[:, CHANNELS["kinds"].start :]
    assert coarse.shape[1] == sum(LAYOUT[name] for name in ("kinds", "height", "turns"))
    assert torch.equal(coarse[:, :, ::2, ::2], coarse[:, :, 1::2, 1::2])


def test_what_moves_by_32_pixels_moves_in_the_maps_by_8_places(network: nn.Sequential) -> None:
    """Where no border is in sight: a place sees about 250 pixels in each direction."""
    page = torch.full((1, 640, 640), 200, dtype=torch.uint8)
    page[:, 288:320, 288:320] = pictures(1, 32, 32)
    with torch.inference_mode():
        here, there = network(page), network(page.roll((32, 32), (1, 2)))
    inner, moved = slice(64, 88), slice(72, 96)
    assert torch.allclose(here[:, :, inner, inner], there[:, :, moved, moved], atol=1e-5)
    assert here[:, :, inner, inner].std(dim=(2, 3)).min() > 1e-4


def test_the_contrast_is_that_to_the_surrounding() -> None:
    """Against means and deviations of 56x56 pixels in plain NumPy, beside a corner of four coarse squares."""
    image = pictures(1, 96, 96)
    brightness, contrast = LocalContrast()(image)[0].numpy()
    grey = image[0].numpy() / 255
    assert brightness == pytest.approx(grey - 0.5, abs=1e-6)
    # Bilinear interpolation between four squares: a pixel lies 0.5 pixels from the corner where they meet.
    means, deviations = np.zeros((2, 2)), np.zeros((2, 2))
    for row in range(2):
        for column in range(2):
            top, left = 8 * (5 + row) - 24, 8 * (5 + column) - 24
            around = grey[top : top + 56, left : left + 56]
            means[row, column], deviations[row, column] = around.mean(), around.std() + 0.02
    near = np.array([0.5 + 0.5 / 8, 0.5 - 0.5 / 8])  # weights of the squares before and behind a corner
    expected = (grey[47, 47] - near @ means @ near) / (near @ deviations @ near)
    assert contrast[47, 47] == pytest.approx(expected, rel=1e-4)


def test_an_empty_page_has_no_contrast() -> None:
    assert LocalContrast()(torch.full((1, 64, 64), 230, dtype=torch.uint8))[:, 1].abs().max() < 1e-3


def test_a_residual_body_of_zeros_leaves_what_is_positive() -> None:
    block = Residual(4).eval()
    for layer in block.body:
        if isinstance(layer, nn.Conv2d):
            nn.init.zeros_(layer.weight)
    features = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(block(features), features.clamp_min(0))


def test_a_new_network_expects_few_middles() -> None:
    heat = build("page", {}).eval()(pictures(1, 64, 64))[:, CHANNELS["heat"]]
    assert 0.001 < heat.sigmoid().mean() < 0.1
