"""A trained network by what the user calls it, and what it makes of many images."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from digitscope.data.overlapping import PAIRS_FOR
from digitscope.data.splits import Dataset, Split, Task, UInt8
from digitscope.errors import DataError, SettingError
from digitscope.inference import SHIPPED, Recognizer
from digitscope.metrics import Floats

IMAGES_A_STEP = 1000

EXPECTED = (
    "expected a folder with config.json, as train makes, a file that ends in .onnx, "
    f"or a shipped network: {', '.join(SHIPPED)}"
)


@dataclass(frozen=True)
class Reader:
    """A trained network, wherever it computes.

    Attributes:
        name: what it is, for people.
        task: what it is for.
        sizes: height and width of the images that it takes.
        logits: takes uint8 images (N, H, W), returns floats (N, 10), (N, 2, 10) for pairs, or (N, 2, H, W) for
            their pixels.
        data_sha256: the hash of the data it was trained and validated on; None where that is not recorded.
    """

    name: str
    task: Task
    sizes: tuple[tuple[int, int], ...]
    logits: Callable[[UInt8], Floats]
    data_sha256: str | None = None


def load_reader(model: Path, *, device: str = "auto") -> Reader:
    """Return the network of a run folder, of an ONNX file, or shipped under the name `model`.

    What lies at the path goes before a shipped name. PyTorch is loaded for a run folder only.

    Args:
        model: a folder that `train` made, a file that ends in .onnx, or a shipped name.
        device: where a run folder's network computes: "auto", "cpu", "cuda" or "mps".

    Raises:
        DataError: it is none of these, or cannot be read.
        SettingError: the device is not there, or is none that ONNX Runtime is given here.
    """
    try:
        if model.is_dir():
            return _of_run(model, device)
        if model.suffix.lower() == ".onnx" or (str(model) in SHIPPED and not model.exists()):
            return _of_onnx(model, device)
    except OSError as error:
        raise DataError(f"{model}: cannot be read ({error.strerror or error}): {EXPECTED}") from None
    raise DataError(f"{model}: no run is here: {EXPECTED}")


def _of_run(folder: Path, device: str) -> Reader:
    from digitscope.experiments.run import load_run

    run = load_run(folder, device=device)
    return Reader(f"{folder} ({run.recipe.name})", run.recipe.task, run.recipe.sizes, run.logits, run.data_sha256)


def _of_onnx(model: Path, device: str) -> Reader:
    if device not in {"auto", "cpu"}:
        raise SettingError(f"device is {device!r}, but {model} is computed by ONNX Runtime on the CPU: pass auto")
    recognizer = Recognizer.load(str(model))
    return Reader(str(model), recognizer.task, (recognizer.image_shape,), recognizer.logits)


def predict_in_steps(reader: Reader, images: UInt8, on_step: Callable[[], None]) -> Floats:
    """Return the logits of uint8 `images` (N, H, W), N at least 1; `on_step` is called after every 1,000."""
    parts = []
    for start in range(0, len(images), IMAGES_A_STEP):
        parts.append(reader.logits(images[start : start + IMAGES_A_STEP]))
        on_step()
    return np.concatenate(parts)


def fresh_pairs(singles: Dataset, split: str, n: int, *, seed: int, task: Task = "two-digit") -> Split:
    """Return `n` overlapping pairs of digits of the named split of `singles`, the same for the same arguments.

    They are labelled as `task`, "two-digit" or "separation", has them.

    They begin with the pairs that `make_two_digit` has in that split for the same seed.

    Raises:
        SettingError: `n` is below 1 or above 10,000,000.
    """
    generators = np.random.default_rng(seed).spawn(len(singles.splits))
    generator = dict(zip(singles.splits, generators, strict=True))[split]
    return PAIRS_FOR[task](singles.splits[split], n, generator=generator)
