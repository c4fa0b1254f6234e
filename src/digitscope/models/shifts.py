"""Reading an image several times, each time moved a little."""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor, nn

WEIGHTS = ((1, 2, 1), (2, 4, 2), (1, 2, 1))
"""How much an image counts that is moved by a row and a column of -1, 0 or 1; as it is, most."""


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
        weights = torch.tensor(WEIGHTS, dtype=logits.dtype, device=logits.device).flatten()
        log_weights = (weights / weights.sum()).log()
        return torch.logsumexp(logits.log_softmax(dim=-1) + log_weights[:, None, None], dim=0)
