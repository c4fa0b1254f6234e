"""A network that learns in a worker process while people watch."""

import base64
import json
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitscope.data import load_mnist, load_sample
from digitscope.errors import DataError, DivergedError
from digitscope.records import EpochRecord
from digitscope.scratch import Network, ScratchSettings, ScratchState, train

UInt8 = NDArray[np.uint8]

MOST_UNITS = 25  # units of the first layer that are shown


@dataclass(frozen=True)
class Lesson:
    """A training: its settings, seed and data."""

    settings: ScratchSettings  # the network and its training
    seed: int = 0  # for the initial weights and the order of the examples
    folder: Path | None = None  # MNIST's files; None for the embedded sample
    examples: int | None = None  # how many of the training split, from its start; None for all


def learn(connection: Connection, lesson: Lesson) -> dict[str, str]:
    """Teach a network the lesson, and return how that ended: its `reason` and `detail`.

    It sends ("data", dict) once. After each epoch it sends ("ready", None), receives the drawing to read, uint8
    (28, 28) or None, and sends ("epoch", JSON).
    """
    try:
        data = load_sample() if lesson.folder is None else load_mnist(lesson.folder)
        split = data.train[: lesson.examples]
        connection.send(("data", {"name": data.name, "train": len(split), "validation": len(data.validation)}))
        generator = np.random.default_rng(lesson.seed)
        state = ScratchState.start(split, lesson.settings, generator=generator)
        units: list[int] = []

        def tell(record: EpochRecord) -> None:
            connection.send(("ready", None))
            drawing: UInt8 | None = connection.recv()
            weight = state.network.layers[0].weight
            if not units:  # the same ones to the end, so that each can be followed
                norms = np.linalg.norm(weight, axis=0)
                units.extend(sorted(np.argsort(-norms, kind="stable")[:MOST_UNITS].tolist()))
            told = {
                "epoch": record.epoch,
                "epochs": lesson.settings.epochs,
                "seconds": round(record.seconds, 4),
                "train_loss": record.train_loss,
                "train_accuracy": record.train_accuracy,
                "validation_loss": record.validation_loss,
                "validation_accuracy": record.validation_accuracy,
                "weights": {"units": units, "height": 28, "width": 28, "values": _pictures(weight[:, units])},
                "drawing": None if drawing is None else _reading(state.network, drawing),
            }
            connection.send(("epoch", json.dumps(told, allow_nan=False)))

        train(split, data.validation, lesson.settings, generator=generator, state=state, on_epoch=tell)
    except DivergedError as error:
        return {"reason": "diverged", "detail": str(error)}
    except DataError as error:
        return {"reason": "failed", "detail": str(error)}
    accuracy, epochs = state.history[-1].validation_accuracy, lesson.settings.epochs
    done = "one epoch" if epochs == 1 else f"all {epochs} epochs"
    return {"reason": "done", "detail": f"{done}: {100 * accuracy:.1f} % of unseen digits are read right"}


def _reading(network: Network, image: UInt8) -> dict[str, Any]:
    logits = network.logits(image[None])[0]
    odds = np.exp(logits - logits.max(), dtype=np.float64)
    return {"label": int(logits.argmax()), "probabilities": (odds / odds.sum()).round(6).tolist()}


def _pictures(weights: NDArray[np.floating[Any]]) -> str:
    """Return weights (784, N) as base64 of N * 784 bytes: 128 is 0, 1 and 255 the unit's largest weight."""
    scaled = weights / np.maximum(np.abs(weights).max(axis=0), np.finfo(weights.dtype).tiny)
    return base64.b64encode(np.round(128 + 127 * scaled.T).astype(np.uint8).tobytes()).decode()
