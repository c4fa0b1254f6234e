"""A run in TensorBoard: its curves, its settings and its final figures."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any

from digitscope.experiments.recipes import Recipe, default_options
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

    A run that is resumed has another file beside the first; TensorBoard shows both as one curve.

    Args:
        folder: of this run. Point TensorBoard at it, or at its parent to see several runs.
        recipe: with every change applied.
        seed: of the run.
    """

    def __init__(self, folder: Path, recipe: Recipe, seed: int) -> None:
        self._folder = folder
        options = {**default_options(recipe.model), **recipe.options}
        self._settings = {"recipe": recipe.name, **options, **recipe.settings.as_dict(), "seed": seed}
        self._writer: SummaryWriter | None = None
        self._last: EpochRecord | None = None

    def __enter__(self) -> "EventLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None and self._last is not None:
            self._write_hparams(self._writer, self._last)
            self._writer.close()

    def add(self, record: EpochRecord) -> None:
        """Write the figures of an epoch.

        Raises:
            ModuleNotFoundError: tensorboard is not installed.
        """
        if self._writer is None:
            self._writer = self._begin(record.epoch)
        for name, tag in TAGS.items():
            self._writer.add_scalar(tag, getattr(record, name), record.epoch)
        self._writer.flush()
        self._last = record

    def _begin(self, epoch: int) -> "SummaryWriter":
        from torch.utils.tensorboard import SummaryWriter

        # The resumed run repeats these epochs, so TensorBoard drops them from the earlier file.
        writer = SummaryWriter(str(self._folder), purge_step=epoch)
        rows = "".join(f"| {name} | {value} |\n" for name, value in self._settings.items())
        writer.add_text("settings", f"| setting | value |\n| --- | --- |\n{rows}", epoch)
        return writer

    def _write_hparams(self, writer: "SummaryWriter", last: EpochRecord) -> None:
        # Not `writer.add_hparams`, which starts another run in a subfolder.
        from torch.utils.tensorboard.summary import hparams

        figures = {f"hparams/{name}": getattr(last, name) for name in HPARAMS}
        settings = {name: _plain(value) for name, value in self._settings.items()}
        file: Any = writer.file_writer
        for summary in hparams(settings, figures):  # type: ignore[no-untyped-call]
            file.add_summary(summary)
        for name, value in figures.items():
            writer.add_scalar(name, value, last.epoch)


def _plain(value: Any) -> Any:
    """Return `value` as TensorBoard takes it: numbers, words and yes or no."""
    return value if isinstance(value, bool | int | float | str) else str(value)
