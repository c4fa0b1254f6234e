"""A run in TensorBoard: its curves, its settings and its final figures."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from digitscope.experiments.recipes import Recipe
from digitscope.records import EpochRecord

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

TAGS: Mapping[str, str] = MappingProxyType(
    {
        "train_loss": "loss/train",
        "validation_loss": "loss/validation",
        "train_accuracy": "accuracy/train",
        "validation_accuracy": "accuracy/validation",
        "learning_rate": "learning rate",
        "seconds": "seconds an epoch",
    }
)
"""TensorBoard's tag of each quantity of an epoch's record."""

HPARAMS = ("validation_loss", "validation_accuracy")
"""The figures of the last epoch that stand beside the settings."""


class EventLog:
    """TensorBoard's event file of one run, begun with its first epoch and ended with the block.

    A run that is resumed has another file beside the first; TensorBoard shows both as one curve. Point TensorBoard
    at `folder`, or at its parent to see several runs.
    """

    def __init__(self, folder: Path, recipe: Recipe, seed: int) -> None:
        self._folder = folder
        settings = recipe.settings.as_dict()
        self._settings = {"recipe": recipe.name, **recipe.all_options, **settings, "seed": seed}
        self._writer: SummaryWriter | None = None
        self._last: EpochRecord | None = None

    def __enter__(self) -> "EventLog":
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is None or self._last is None:
            return
        # Not `add_hparams`, which starts another run in a subfolder.
        from torch.utils.tensorboard.summary import hparams

        figures = {f"hparams/{name}": getattr(self._last, name) for name in HPARAMS}
        # TensorBoard takes numbers, words and yes or no.
        settings = {
            name: value if isinstance(value, bool | int | float | str) else str(value)
            for name, value in self._settings.items()
        }
        file: Any = self._writer.file_writer
        for summary in hparams(settings, figures):  # type: ignore[no-untyped-call]
            file.add_summary(summary)
        for name, value in figures.items():
            self._writer.add_scalar(name, value, self._last.epoch)
        self._writer.close()

    def add(self, record: EpochRecord) -> None:
        """Write the figures of an epoch.

        Raises:
            ModuleNotFoundError: tensorboard is not installed.
        """
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            # The resumed run repeats these epochs, so TensorBoard drops them from the earlier file.
            self._writer = SummaryWriter(str(self._folder), purge_step=record.epoch)
            rows = "".join(f"| {name} | {value} |\n" for name, value in self._settings.items())
            self._writer.add_text("settings", f"| setting | value |\n| --- | --- |\n{rows}", record.epoch)
        for name, tag in TAGS.items():
            self._writer.add_scalar(tag, getattr(record, name), record.epoch)
        self._writer.flush()
        self._last = record
