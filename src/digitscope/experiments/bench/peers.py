"""The peers of `time-to-99`, in plain PyTorch: what anybody would write.

The trainings are generators, which train when they are asked for the network after the next epoch. A network takes
uint8 images (N, 28, 28). The trainings take images that its first layer has normalised beforehand.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor, nn, optim
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset

from digitscope.data import Split
from digitscope.experiments.recipes import get_recipe
from digitscope.models import build
from digitscope.models.layers import Normalize
from digitscope.training import place
from digitscope.training.optimizers import make_optimizer

Batches = Iterable[tuple[Tensor, Tensor]]

EXAMPLE_MEAN, EXAMPLE_DEVIATION = 0.1307, 0.3081
EXAMPLE_BATCH_SIZE, EXAMPLE_EPOCHS = 64, 14
"""Of pytorch/examples, mnist/main.py."""


def example_network() -> nn.Sequential:
    """Return the network of pytorch/examples, mnist/main.py: 1,199,882 parameters.

    uint8 (N, 28, 28) -> (N, 1, 28, 28) -> conv 32 3x3 -> conv 64 3x3: (N, 64, 24, 24) -> pool: (N, 64, 12, 12)
    -> dropout -> 9,216 -> 128 -> dropout -> logits float32 (N, 10).
    There a log-softmax follows and the loss is the negative log-likelihood; together they are cross-entropy.
    """
    return nn.Sequential(
        Normalize(255 * EXAMPLE_MEAN, 255 * EXAMPLE_DEVIATION),
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )


class ConvertedOneByOne(Dataset[tuple[Tensor, int]]):
    """Images as torchvision's ToTensor and Normalize give them: each converted when it is asked for."""

    def __init__(self, split: Split) -> None:
        self.split = split

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return one image, float32 (1, 28, 28), and its label."""
        image = torch.tensor(self.split.images[index]).unsqueeze(0).float().div(255)
        return image.sub(EXAMPLE_MEAN).div(EXAMPLE_DEVIATION), int(self.split.labels[index])


class Preloaded:
    """Batches of tensors that lie in memory, in a new order each time they are gone through.

    The inputs are those of `split` as `normalize` gives them, float32 (N, 1, 28, 28).
    """

    def __init__(self, split: Split, normalize: nn.Module, batch_size: int) -> None:
        self.inputs = normalize(torch.tensor(split.images))
        self.labels = torch.from_numpy(split.labels.astype(np.int64))
        self.batch_size = batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for chosen in torch.split(torch.randperm(len(self.labels)), self.batch_size):
            yield self.inputs[chosen], self.labels[chosen]


def example_as_published(split: Split) -> Iterator[nn.Module]:
    """Train the example as its script does, its images converted one by one in a DataLoader.

    They are shuffled, which the script asks for on an accelerator only.
    """
    batches = DataLoader(ConvertedOneByOne(split), batch_size=EXAMPLE_BATCH_SIZE, shuffle=True)
    yield from _train_example(example_network(), batches)


def example_preloaded(split: Split) -> Iterator[nn.Module]:
    """Train the example on tensors in memory, laid out as the processor likes them."""
    network = example_network()
    place(network, "cpu")
    yield from _train_example(network, Preloaded(split, network[0], EXAMPLE_BATCH_SIZE))


def course_preloaded(split: Split) -> Iterator[nn.Module]:
    """Train the course's convolutional network on tensors in memory, laid out likewise."""
    recipe = get_recipe("cnn")
    network = build(recipe.model, recipe.options)
    place(network, "cpu")
    batches = Preloaded(split, network[0], recipe.settings.batch_size)
    optimizer = make_optimizer(network.parameters(), recipe.settings)
    yield from _train(network, batches, optimizer, StepLR(optimizer, 1, gamma=1.0), recipe.settings.epochs)


def _train_example(network: nn.Sequential, batches: Batches) -> Iterator[nn.Module]:
    optimizer = optim.Adadelta(network.parameters(), lr=1.0)
    yield from _train(network, batches, optimizer, StepLR(optimizer, 1, gamma=0.7), EXAMPLE_EPOCHS)


def _train(
    network: nn.Sequential, batches: Batches, optimizer: optim.Optimizer, schedule: StepLR, epochs: int
) -> Iterator[nn.Module]:
    """Go through `batches` `epochs` times, a step a batch, and yield after each time."""
    layers = network[1:]
    for _ in range(epochs):
        layers.train()
        for inputs, labels in batches:
            optimizer.zero_grad()
            F.cross_entropy(layers(inputs), labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()
        yield network
