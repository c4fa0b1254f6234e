"""A trained network by what the user calls it, and what it makes of many images."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from digitscope.cores import usable_cores
from digitscope.data.overlapping import PAIRS_FOR
from digitscope.data.splits import Dataset, Split, Task, UInt8
from digitscope.errors import DataError, SettingError
from digitscope.metrics import Floats
from digitscope.reading import SHIPPED, Recognizer, shipped_path
from digitscope.reading.recognizer import ABOUT, MOST_THREADS, open_session

IMAGES_A_STEP, PAGES_A_STEP = 1000, 16
"""Images and pages that are scored at once: more take memory."""

EXPECTED = (
    "expected a folder with config.json, as train makes, a file that ends in .onnx, "
    f"or a shipped network: {', '.join(SHIPPED)}"
)


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network, wherever it computes, by its name for people.

    `sizes` are height and width of the images that it takes. `logits` takes uint8 images (N, H, W) and returns
    floats, shaped as by `Run.logits`. `data_sha256` is the hash of its training and validation data, if it is
    recorded.
    """

    name: str
    task: Task
    sizes: tuple[tuple[int, int], ...]
    logits: Callable[[UInt8], Floats]
    data_sha256: str | None = None

    @property
    def images_a_step(self) -> int:
        """Images that are scored at once."""
        return PAGES_A_STEP if self.task == "page" else IMAGES_A_STEP


def load_trained(model: Path, *, device: str = "auto") -> TrainedNetwork:
    """Return the network of a run folder, of a file that ends in .onnx, or shipped under the name `model`.

    A file or folder takes precedence over a shipped name. PyTorch is loaded only for a run folder, whose network
    computes on `device`: "auto", "cpu", "cuda" or "mps".

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


def _of_run(folder: Path, device: str) -> TrainedNetwork:
    from digitscope.experiments.run import load_run

    run = load_run(folder, device=device)
    recipe = run.recipe
    return TrainedNetwork(f"{folder} ({recipe.name})", recipe.task, recipe.sizes, run.logits, run.data_sha256)


def _of_onnx(model: Path, device: str) -> TrainedNetwork:
    if device not in {"auto", "cpu"}:
        raise SettingError(f"device is {device!r}, but {model} is computed by ONNX Runtime on the CPU: pass auto")
    path = model if model.suffix else shipped_path(str(model))
    session = _page_session(Recognizer(path).content)
    if session is None:
        recognizer = Recognizer.load(path)
        return TrainedNetwork(str(model), recognizer.task, (recognizer.image_shape,), recognizer.logits)
    from digitscope.data.scenes import CROP
    from digitscope.detections import INPUT, OUTPUT

    def maps(images: UInt8) -> Floats:
        return np.asarray(session.run([OUTPUT], {INPUT: images})[0])

    return TrainedNetwork(str(model), "page", ((CROP, CROP),), maps)


def _page_session(content: bytes) -> ort.InferenceSession | None:
    """Return the network in an ONNX file's `content` if it is one for pages."""
    try:
        session = open_session(content, min(usable_cores(), MOST_THREADS))
        about = json.loads(session.get_modelmeta().custom_metadata_map.get(ABOUT, "{}"))
    except (DataError, ValueError):
        return None
    return session if isinstance(about, dict) and about.get("task") == "page" else None


def predict_in_steps(reader: TrainedNetwork, images: UInt8, on_step: Callable[[], None]) -> Floats:
    """Return the logits of uint8 `images` (N, H, W), N at least 1; `on_step` is called after each step."""
    parts = []
    for start in range(0, len(images), reader.images_a_step):
        parts.append(reader.logits(images[start : start + reader.images_a_step]))
        on_step()
    return np.concatenate(parts)


def fresh_pairs(singles: Dataset, split: str, n: int, *, seed: int, task: Task = "two-digit") -> Split:
    """Return `n` overlapping pairs of digits of the named split of `singles`, the same for the same arguments.

    They are labelled for `task`, "two-digit" or "separation". They begin with the pairs that `make_two_digit` has
    in that split for the same seed.

    Raises:
        SettingError: `n` is below 1 or above 10,000,000.
    """
    generators = np.random.default_rng(seed).spawn(len(singles.splits))
    generator = dict(zip(singles.splits, generators, strict=True))[split]
    return PAIRS_FOR[task](singles.splits[split], n, generator=generator)
