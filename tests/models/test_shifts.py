import math

import torch
from torch import Tensor, nn

from digitscope.models.shifts import ShiftAveraged


class MiddlePixel(nn.Module):
    """A reader of two classes whose only evidence is the pixel in the middle of 5x5."""

    def forward(self, images: Tensor) -> Tensor:
        middle = images[:, 0, 2, 2]
        return torch.stack([middle, torch.zeros_like(middle)], dim=1)


def test_in_training_an_image_is_read_as_it_is() -> None:
    images = torch.rand(3, 1, 5, 5)
    assert torch.equal(ShiftAveraged(MiddlePixel()).train()(images), MiddlePixel()(images))


def test_in_evaluation_the_probabilities_of_nine_places_are_averaged() -> None:
    images = torch.randn(2, 1, 5, 5, dtype=torch.float64)
    weights = {0: 4, 1: 2, 2: 1}  # by how many pixels a place is away, rows and columns added
    logits = ShiftAveraged(MiddlePixel()).eval()(images)
    for image, found in zip(images, logits, strict=True):
        places = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
        first = sum(
            weights[abs(y) + abs(x)] / 16 / (1 + math.exp(-image[0, 2 + y, 2 + x].item())) for y, x in places
        )
        assert torch.allclose(found.exp(), torch.tensor([first, 1 - first], dtype=torch.float64))


def test_the_edge_goes_on_outside() -> None:
    class Corner(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images[:, 0, 0, :2]

    constant = torch.full((1, 1, 5, 5), 3.0)
    assert torch.allclose(ShiftAveraged(Corner()).eval()(constant).exp(), torch.tensor([[0.5, 0.5]]))
