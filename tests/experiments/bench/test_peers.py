from collections.abc import Iterator
from itertools import chain, islice

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor, nn, optim
from torch.utils.data import DataLoader

from digitscope.data import Dataset
from digitscope.experiments.bench.peers import (
    ConvertedOneByOne,
    Preloaded,
    course_preloaded,
    example_as_published,
    example_network,
    example_preloaded,
)
from digitscope.models import build
from digitscope.training import evaluate


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


class Published(nn.Module):
    """The network of pytorch/examples, written as its script writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3, 1), nn.Conv2d(32, 64, 3, 1)
        self.dropout1, self.dropout2 = nn.Dropout(0.25), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(9216, 128), nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = torch.flatten(self.dropout1(F.max_pool2d(x, 2)), 1)
        x = self.fc2(self.dropout2(F.relu(self.fc1(x))))
        return F.log_softmax(x, dim=1)


def test_the_example_is_the_published_network(sample: Dataset) -> None:
    training = True
    ours, published = example_network().train(training), Published().train(training)
    for mine, theirs in zip(ours.parameters(), published.parameters(), strict=True):
        theirs.data.copy_(mine.data)
    images = torch.tensor(sample.train.images[:8])
    torch.manual_seed(5)  # of dropout
    found = ours(images).log_softmax(dim=1)
    torch.manual_seed(5)
    expected = published(((images / 255 - 0.1307) / 0.3081).unsqueeze(1))
    torch.testing.assert_close(found, expected)
    assert sum(parameter.numel() for parameter in ours.parameters()) == 1_199_882


def test_images_are_converted_as_torchvision_does(sample: Dataset) -> None:
    images = ConvertedOneByOne(sample.train[:3])
    pixels, label = images[1]
    expected = (sample.train.images[1].astype(np.float64) / 255 - 0.1307) / 0.3081
    assert (len(images), pixels.dtype, pixels.shape, label) == (
        3,
        torch.float32,
        (1, 28, 28),
        sample.train.labels[1],
    )
    np.testing.assert_allclose(pixels[0].numpy(), expected, rtol=0, atol=1e-6)


def test_both_ways_feed_the_same_numbers(sample: Dataset) -> None:
    split = sample.train[:10]
    ((one_by_one, labels),) = DataLoader(ConvertedOneByOne(split), batch_size=10)
    preloaded = Preloaded(split, example_network()[0], 4)
    torch.testing.assert_close(preloaded.inputs, one_by_one, rtol=0, atol=2e-6)
    assert torch.equal(preloaded.labels, labels)


def test_preloaded_batches_hold_every_example_once_in_a_new_order(sample: Dataset) -> None:
    preloaded = Preloaded(sample.train[:10], nn.Identity(), 4)
    preloaded.labels = torch.arange(10)
    epochs = [[labels.tolist() for _, labels in preloaded] for _ in range(2)]
    for epoch in epochs:
        assert [len(batch) for batch in epoch] == [4, 4, 2]
        assert sorted(chain.from_iterable(epoch)) == list(range(10))
    assert epochs[0] != epochs[1]
    for inputs, labels in preloaded:
        assert torch.equal(inputs, torch.tensor(sample.train.images[:10])[labels])


def test_the_published_schedule(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    train = example_as_published
    made: list[optim.Optimizer] = []
    steps: list[float] = []

    class Watched(optim.Adadelta):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]
            made.append(self)

        def step(self, closure: object = None) -> None:  # type: ignore[override]
            steps.append(self.param_groups[0]["lr"])
            super().step(closure)

    monkeypatch.setattr(optim, "Adadelta", Watched)
    networks = list(train(sample.train[:65]))  # two batches of at most 64
    assert (len(networks), len(made)) == (14, 1)
    assert steps == pytest.approx([0.7**epoch for epoch in range(14) for _ in range(2)])


def test_the_course_preloaded_has_the_recipe_s_ten_epochs_and_learns(sample: Dataset) -> None:
    split = sample.train[:200]
    networks = list(course_preloaded(split))
    assert len(networks) == 10
    assert evaluate(networks[-1], split).accuracy > 0.8
    expected = [tuple(value.shape) for value in build("cnn", {}).state_dict().values()]
    assert [tuple(value.shape) for value in networks[-1].state_dict().values()] == expected


def test_the_example_learns(sample: Dataset) -> None:
    train = example_preloaded
    split = sample.train[:256]
    (*_, network) = islice(train(split), 4)
    assert evaluate(network, split).accuracy > 0.8
