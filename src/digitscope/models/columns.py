"""Several networks in one: each learns alone, and together they vote."""

import torch
from torch import Tensor, nn


class Columns(nn.Module):
    """Networks side by side, a multi-column network (Cireşan, Meier and Schmidhuber 2012).

    Input: what each column takes, (N, ...). Output: logits in the same order, (N, ...). In evaluation they
    are the mean of the columns' logits. In training each of C columns gets every C-th example, so that none learns
    from another's errors, and all get what stands together at the end of a batch. A loss that is the mean over all
    examples gives each column 1 / C of the gradient that it would have alone.
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
