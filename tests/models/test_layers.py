import math

import torch
from torch import Tensor, nn

from digitscope.models.layers import Columns, FlattenChannelsLast, ShiftAveraged, convolution


class Times(nn.Module):
    """A column whose reading is plain to see: each number times a factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, values: Tensor) -> Tensor:
        return values * self.factor


def test_in_evaluation_the_columns_vote() -> None:
    columns = Columns(Times(1.0), Times(2.0), Times(6.0)).eval()
    assert columns(torch.tensor([[1.0], [10.0]])).tolist() == [[3.0], [30.0]]


def test_in_training_they_share_the_examples_out() -> None:
    n, factors = 5, [1, 2, 6, 1, 2]
    columns = Columns(Times(1.0), Times(2.0), Times(6.0)).train()
    assert columns(torch.ones(n, 1)).flatten().tolist() == factors


def test_a_column_learns_from_its_own_share_alone() -> None:
    columns = Columns(Times(1.0), Times(1.0)).train()
    columns(torch.tensor([[1.0], [2.0], [3.0], [5.0]])).sum().backward()
    assert [parameter.grad for parameter in columns.parameters()] == [4.0, 7.0]


def test_flattening_keeps_every_feature_and_copies_none() -> None:
    features = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    flat = FlattenChannelsLast()(features)
    assert flat.data_ptr() == features.data_ptr()
    for row in range(4):
        for column in range(5):
            assert torch.equal(flat[:, 3 * (5 * row + column) :][:, :3], features[:, :, row, column])


def test_a_convolution_keeps_the_rows_that_its_docstring_says() -> None:
    size, stride = 5, 2
    image = torch.rand(2, 1, 29, 28)
    padded = nn.Sequential(*convolution(1, 4, size, stride))(image)
    unpadded = nn.Sequential(*convolution(1, 4, size, stride, padded=False))(image)
    assert padded.shape == (2, 4, -(-29 // stride), -(-28 // stride))
    assert unpadded.shape == (2, 4, (29 - size) // stride + 1, (28 - size) // stride + 1)


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
