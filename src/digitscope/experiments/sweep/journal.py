"""The records of a sweep on disk: a file for each finished trial, and a line for each event.

A trial is finished when its file exists. The lines of journal.jsonl are only for people and tests.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from digitscope.errors import DataError, SettingError
from digitscope.experiments.sweep.trials import Trial, TrialRecord
from digitscope.files import make_folder, write_text

SPACE_FILE, JOURNAL_FILE, TRIALS_FOLDER, LOCK_FILE = "sweep.json", "journal.jsonl", "trials", ".lock"

_MAY_GROW = ("seeds", "trials")
"""Settings that a later call may change; finished trials stay valid."""


class Journal:
    """The folder of one sweep, held by one process at a time.

    Raises:
        SettingError: the folder holds another sweep, or another process is using it.
        DataError: its content is damaged.
    """

    def __init__(self, folder: Path, described: dict[str, Any]) -> None:
        make_folder(folder / TRIALS_FOLDER)
        self.folder = folder
        self._lock = _lock(folder / LOCK_FILE)
        try:
            _check_same_sweep(folder, described)
            write_text(folder / SPACE_FILE, json.dumps(described, indent=2) + "\n")
            self.records = {path.stem: _read(path) for path in sorted(finished_trials(folder))}
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another process have the folder."""
        os.close(self._lock)

    def has(self, trial: Trial) -> bool:
        """Tell whether `trial` is finished, with its test score if it asks for one."""
        record = self.records.get(trial.key)
        if record is None:
            return False
        return not trial.test or record.outcome != "finished" or record.test_accuracy is not None

    def keep(self, record: TrialRecord) -> None:
        """Save the record of a finished trial."""
        write_text(self.folder / TRIALS_FOLDER / f"{record.key}.json", record.format())
        self.records[record.key] = record

    def note(self, event: Literal["begun", "lost", "finished", "failed"], trial: Trial, reason: str = "") -> None:
        """Add a line to journal.jsonl."""
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            "trial": trial.key,
            "point": dict(trial.point),
            "seed": trial.seed,
            **({"reason": reason} if reason else {}),
        }
        with (self.folder / JOURNAL_FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def finished_trials(folder: Path) -> list[Path]:
    """Return the records of a sweep's finished trials, without what a killed process left half written."""
    return [*(folder / TRIALS_FOLDER).glob("[!.]*.json")]


def _lock(path: Path) -> int:
    """Return an open file that no other process gets until it is closed, also by the end of this process."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        import fcntl
    except ImportError:  # on Windows two processes in one folder do the work twice, and come to the same
        return handle
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise SettingError(
            f"{path.parent}: another sweep is at work here: wait for it, or name another folder with --out"
        ) from None
    return handle


def _check_same_sweep(folder: Path, described: dict[str, Any]) -> None:
    path = folder / SPACE_FILE
    if not path.exists():
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a sweep's description ({error}): name another folder with --out") from None
    asked = json.loads(json.dumps(described))
    for name, value in asked.items():
        kept = found.get(name) if isinstance(found, dict) else None
        if name not in _MAY_GROW and kept != value:
            place, old, new = _first_difference(name, kept, value)
            raise SettingError(
                f"{folder} holds a sweep with another {place}: {_short(old)}, not {_short(new)}: "
                "name another folder with --out"
            )


def _first_difference(name: str, kept: object, value: object) -> tuple[str, object, object]:
    """Return what `kept` and `value` of `name` first differ in: its name and both values."""
    if isinstance(kept, dict) and isinstance(value, dict):
        for inner in [*value, *kept]:
            if kept.get(inner) != value.get(inner):
                return _first_difference(inner, kept.get(inner), value.get(inner))
    return name, kept, value


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def _read(path: Path) -> TrialRecord:
    try:
        record = TrialRecord.parse(path.read_text(encoding="utf-8"))
    except (OSError, DataError) as error:
        raise DataError(f"{path}: {error}: delete it, and the trial is run again") from None
    return record
