"""The parts of several networks: the first layer, convolutions, ensembles, and checks of options."""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor, nn

from digitscope.errors import SettingError

COURSE_SCALE = (0.0, 256.0)
"""Mean and deviation that turn a pixel p into p/256, the course's scaling."""

MNIST_SCALE = (33.318421, 78.567490)
"""Mean and standard deviation of all pixels of MNIST's 60,000 training images."""


class Normalize(nn.Module):
    """(pixel - mean) / deviation, and a channel axis: (N, H, W) of any real dtype to float32 (N, 1, H, W).

    Memory is laid out channels-last, which CPU convolutions prefer.
    """

    def __init__(self, mean: float, deviation: float) -> None:
        super().__init__()
        self.mean = mean
        self.deviation = deviation

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the normalised images."""
        scaled = (pixels.unsqueeze(1).float() - self.mean) / self.deviation
        return scaled.contiguous(memory_format=torch.channels_last)

    def extra_repr(self) -> str:
        """Return the settings, for printing."""
        return f"mean={self.mean}, deviation={self.deviation}"


def convolution(
    channels_in: int, channels_out: int, size: int, stride: int = 1, *, padded: bool = True
) -> list[nn.Module]:
    """Return a `size` x `size` convolution with batch norm and ReLU.

    Padded it keeps ceil(H / stride) rows, unpadded floor((H - size) / stride) + 1. The convolution has no bias
    because the batch norm that follows subtracts the mean.
    """
    padding = size // 2 if padded else 0
    return [
        nn.Conv2d(channels_in, channels_out, size, stride, padding, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    ]


def pooled_convolution(channels_in: int, channels_out: int, size: int, *, padded: bool = True) -> list[nn.Module]:
    """Return likewise a convolution that halves rows and columns: the largest of each 2x2 goes on.

    Pooled before it is normalised, a batch norm and a ReLU have a quarter of the work.
    """
    conv, norm, relu = convolution(channels_in, channels_out, size, padded=padded)
    return [conv, nn.MaxPool2d(2, ceil_mode=True), norm, relu]  # an odd last row or column is its own largest


class FlattenChannelsLast(nn.Module):
    """(N, C, H, W) to (N, H * W * C), the order of channels-last memory, so nothing is copied.

    `nn.Flatten` gives (N, C * H * W). This needs a copy in the forward pass. In the backward pass, the gradient
    then has another layout than the activations, which makes PyTorch's backward of ReLU 30 times slower.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Return the features of each image in one row."""
        return features.permute(0, 2, 3, 1).flatten(1)


class Columns(nn.Module):
    """Networks side by side, a multi-column network (Cireşan, Meier and Schmidhuber 2012).

    Input: what each column takes, (N, ...). Output: logits in the same order, (N, ...). In evaluation they
    are the mean of the columns' logits. In training each of C columns gets every C-th example, so that none learns
    from another's errors. A loss that is the mean over all examples gives each column 1 / C of the gradient that
    it would have alone.
    """

    def __init__(self, *columns: nn.Module) -> None:
        super().__init__()
        self.columns = nn.ModuleList(columns)

    def forward(self, images: Tensor) -> Tensor:
        """Return each example's logits: one column's in training, the mean of all in evaluation."""
        if not self.training:
            return torch.stack([column(images) for column in self.columns]).mean(dim=0)
        n, rows = len(self.columns), torch.arange(len(images), device=images.device)
        outputs = [column(images[k::n]) for k, column in enumerate(self.columns) if k < len(images)]
        order = torch.cat([rows[k::n] for k in range(n)])
        return torch.cat(outputs)[order.argsort()]


SHIFT_WEIGHTS = ((1, 2, 1), (2, 4, 2), (1, 2, 1))
"""Weight of an image moved by -1, 0 or 1 rows and columns; the unshifted one counts most."""


class ShiftAveraged(nn.Sequential):
    """A network that in evaluation reads an image at nine places a pixel apart, for nine times the work.

    Averaging over moved images is from Jordan's airbench, which does it with logits.

    Input: normalised images (N, C, H, W). Output: logits (N, 10). In evaluation they are the logarithms of the
    mean probabilities of the nine images: uncertain ones count less than in a mean of logits. Shifted images
    are padded with their edge pixels.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits; in training, of the unshifted images."""
        network: Callable[[Tensor], Tensor] = super().forward
        if self.training:
            return network(images)
        height, width = images.shape[-2:]
        padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
        moved = [padded[..., y : y + height, x : x + width] for y in range(3) for x in range(3)]
        logits = network(torch.cat(moved))
        logits = logits.reshape(len(moved), images.shape[0], logits.shape[-1])
        weights = torch.tensor(SHIFT_WEIGHTS, dtype=logits.dtype, device=logits.device).flatten()
        log_weights = (weights / weights.sum()).log()
        return torch.logsumexp(logits.log_softmax(dim=-1) + log_weights[:, None, None], dim=0)


def check_hidden(hidden: int) -> None:
    """Check a number of hidden neurons.

    Raises:
        SettingError: `hidden` is not a whole number from 1.
    """
    if type(hidden) is not int or hidden < 1:
        raise SettingError(f"hidden is {hidden!r}: expected a whole number from 1")


def check_dropout(dropout: float) -> None:
    """Check a share of dropout.

    Raises:
        SettingError: `dropout` is not a number from 0 to below 1.
    """
    if type(dropout) not in (int, float) or not 0 <= dropout < 1:
        raise SettingError(f"dropout is {dropout!r}: expected a number from 0 to below 1")
