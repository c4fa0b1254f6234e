"""The process in which a network learns while people watch: `python -m digitscope.serve.live_training`.

It reads lines on standard input: first a lesson in JSON, then drawings in base64, each replacing the last one.
When its input ends, its parent is gone, and it ends too. It writes lines on standard output, a word with JSON:
`data` once, `epoch` after every epoch, and finally `end`.
"""

import base64
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitscope.data import Dataset, load_mnist, load_sample
from digitscope.errors import DataError, DivergedError
from digitscope.records import EpochRecord
from digitscope.scratch import Network, ScratchSettings, TrainingState, train

UInt8 = NDArray[np.uint8]

Tell = Callable[[str, Mapping[str, Any]], None]
"""Takes what happened, a word, and the particulars, which JSON can hold."""

MOST_UNITS = 25
"""Units of the first layer that are shown."""

NICENESS = 5
"""Niceness of the process, so that readings have priority."""


@dataclass(frozen=True)
class Lesson:
    """A training: its settings, seed and data.

    Attributes:
        settings: the network and its training.
        seed: for the initial weights and the order of the examples.
        folder: MNIST's files; None for the embedded sample.
        examples: how many of the training split, from its start; None for all.
    """

    settings: ScratchSettings
    seed: int = 0
    folder: str | None = None
    examples: int | None = None

    def to_json(self) -> str:
        """Return one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str | bytes) -> "Lesson":
        """Return what `to_json` wrote."""
        fields = json.loads(line)
        return cls(**fields | {"settings": ScratchSettings(**fields["settings"])})

    def load(self) -> Dataset:
        """Return the data, all of them.

        Raises:
            DataError: the folder has no MNIST, or a damaged one.
        """
        return load_sample() if self.folder is None else load_mnist(self.folder)


class Drawing:
    """The digit that the network is asked to read after every epoch; it may be replaced at any time.

    Attributes:
        image: uint8 (28, 28), or None.
    """

    image: UInt8 | None = None

    def follow(self, lines: Iterable[bytes]) -> None:
        """Take each line, base64 of 784 bytes, as the new drawing."""
        for line in lines:
            self.image = np.frombuffer(base64.b64decode(line), np.uint8).reshape(28, 28)

    def read_by(self, network: Network) -> dict[str, Any] | None:
        """Return what `network` reads, with probabilities; None if there is no drawing."""
        image = self.image
        if image is None:
            return None
        logits = network.logits(image[None])[0]
        odds = np.exp(logits - logits.max(), dtype=np.float64)
        return {"label": int(logits.argmax()), "probabilities": (odds / odds.sum()).round(6).tolist()}


def learn(lesson: Lesson, drawing: Drawing, tell: Tell) -> None:
    """Teach a network the lesson, and tell of each epoch."""
    try:
        data = lesson.load()
        split = data.train[: lesson.examples]
        tell("data", {"name": data.name, "train": len(split), "validation": len(data.validation)})
        generator = np.random.default_rng(lesson.seed)
        state = TrainingState.start(split, lesson.settings, generator=generator)
        watch = _Watch(lesson.settings.epochs, state.network, drawing, tell)
        train(split, data.validation, lesson.settings, generator=generator, state=state, on_epoch=watch)
        accuracy, epochs = state.history[-1].validation_accuracy, lesson.settings.epochs
        done = "one epoch" if epochs == 1 else f"all {epochs} epochs"
        detail = f"{done}: {100 * accuracy:.1f} % of unseen digits are read right"
        tell("end", {"reason": "done", "detail": detail})
    except DivergedError as error:
        tell("end", {"reason": "diverged", "detail": str(error)})
    except DataError as error:
        tell("end", {"reason": "failed", "detail": str(error)})


class _Watch:
    """Tells of every epoch of one training."""

    def __init__(self, epochs: int, network: Network, drawing: Drawing, tell: Tell) -> None:
        self._epochs, self._network, self._drawing, self._tell = epochs, network, drawing, tell
        self._units: list[int] = []

    def __call__(self, record: EpochRecord) -> None:
        weight = self._network.layers[0].weight
        if not self._units:  # the same ones to the end, so that each can be followed
            norms = np.linalg.norm(weight, axis=0)
            self._units = sorted(np.argsort(-norms, kind="stable")[:MOST_UNITS].tolist())
        self._tell(
            "epoch",
            {
                "epoch": record.epoch,
                "epochs": self._epochs,
                "seconds": round(record.seconds, 4),
                "train_loss": record.train_loss,
                "train_accuracy": record.train_accuracy,
                "validation_loss": record.validation_loss,
                "validation_accuracy": record.validation_accuracy,
                "weights": {
                    "units": self._units,
                    "height": 28,
                    "width": 28,
                    "values": _pictures(weight[:, self._units]),
                },
                "drawing": self._drawing.read_by(self._network),
            },
        )


def _pictures(weights: NDArray[np.floating[Any]]) -> str:
    """Return weights (784, N) as base64 of N * 784 bytes: 128 is 0, 1 and 255 the unit's largest weight."""
    scaled = weights / np.maximum(np.abs(weights).max(axis=0), np.finfo(weights.dtype).tiny)
    return base64.b64encode(np.round(128 + 127 * scaled.T).astype(np.uint8).tobytes()).decode()


def _write(word: str, particulars: Mapping[str, Any]) -> None:
    sys.stdout.write(f"{word} {json.dumps(particulars, allow_nan=False)}\n")
    sys.stdout.flush()


def main() -> None:
    """Learn what standard input says."""
    if sys.platform != "win32":
        os.nice(NICENESS)
    lines = open(0, "rb", buffering=0)  # noqa: SIM115 - with a buffer, Python cannot end while a thread reads
    lesson, drawing = Lesson.from_json(lines.readline()), Drawing()

    def follow() -> None:
        try:
            drawing.follow(lines)
        finally:
            os._exit(0)

    threading.Thread(target=follow, daemon=True).start()
    learn(lesson, drawing, _write)


if __name__ == "__main__":
    main()
