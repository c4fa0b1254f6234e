"""The history of a run: one record an epoch, kept as JSON lines."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from digitscope.errors import DataError
from digitscope.files import write_text


@dataclass(frozen=True)
class EpochRecord:
    """One pass over the training set and the validation that followed it.

    Attributes:
        epoch: 1 for the first.
        train_loss: mean loss of the epoch's examples, each as it was met in training (nats).
        train_accuracy: fraction of digits right, likewise.
        validation_loss: mean negative log-likelihood of the whole validation split (nats).
        validation_accuracy: fraction of digits right in the whole validation split.
        learning_rate: the rate of the epoch's last step.
        seconds: wall time of the epoch, validation included.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float


def format_history(history: Sequence[EpochRecord]) -> str:
    """Return `history` as JSON lines, one epoch a line."""
    return "".join(json.dumps(asdict(record)) + "\n" for record in history)


def parse_history(text: str) -> tuple[EpochRecord, ...]:
    """Return the records in what `format_history` wrote.

    Raises:
        DataError: a line is not an epoch's record.
    """
    names = [field.name for field in fields(EpochRecord)]
    try:
        records = [json.loads(line) for line in text.splitlines()]
        return tuple(EpochRecord(**{name: record[name] for name in names}) for record in records)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"not a run's metrics ({error!r}): expected one epoch's JSON a line") from None


def write_history(path: Path, history: Sequence[EpochRecord]) -> None:
    """Write `history` to `path` as JSON lines, whole or not at all."""
    write_text(path, format_history(history))


def read_history(path: Path) -> tuple[EpochRecord, ...]:
    """Read what `write_history` wrote.

    Raises:
        DataError: the file is missing, or a line of it is not an epoch's record.
    """
    try:
        return parse_history(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}: expected one epoch's JSON a line, as train writes") from None
    except (UnicodeDecodeError, DataError) as error:
        raise DataError(f"{path}: {error}") from None
