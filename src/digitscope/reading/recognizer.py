"""A network in an ONNX file, as a value that reads digits."""

import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from digitscope.cores import usable_cores
from digitscope.errors import DataError, SettingError, first_line
from digitscope.reading.shipped import shipped_path

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

INPUT, OUTPUTS = "images", ["logits", "probabilities"]
"""The names in the graph: uint8 (N, H, W) in; float32 (N, C) or (N, 2, C), twice, out; C is 10 for digits."""

ABOUT = "digitscope"
"""A property of the file that may have a JSON object with more about the network."""

DISTANCE = "distance"
"""A third output that a network for one digit may have: float32 (N,), see `Prediction.distances`."""

Task = Literal["digit", "two-digit", "item"]

TASK_OF_SHAPE: dict[tuple[int, ...], Task] = {(28, 28): "digit", (42, 28): "two-digit", (32, 64): "item"}

IMAGES_A_RUN = 256
"""Images that go through the network at once: more take memory, and time by missing the processor's caches."""

FEW_IMAGES = 4
"""Up to this many are read by one thread: to wake a second takes longer than the work it would do."""

MOST_THREADS = 4


@dataclass(frozen=True, eq=False)
class Prediction:
    """The predictions for images.

    Attributes:
        labels: the most probable digit, uint8 (N,), or (N, 2) with the upper digit first; () or (2,) of one image.
        probabilities: of each digit, float32, the labels' shape and a last axis of 10; calibrated on digits that
            the network had not learned from. An image of a single shade is no digit: all are equally likely.
        distances: how unlike the training digits each image is, float32 (N,), or () of one image; of a hundred
            validation digits one lies above 1. None if the network does not say.
    """

    labels: UInt8
    probabilities: Float32
    distances: Float32 | None = None


class Recognizer:
    """Reads the digits in images of MNIST's kind: white ink (255) on black (0), framed as MNIST's are.

    One recognizer may serve several threads at once.

    Attributes:
        path: the ONNX file, opened when it is first needed.
        threads: that compute one call of several images.
    """

    def __init__(self, path: Path, *, threads: int | None = None, content: bytes | None = None) -> None:
        """Keep the path; `threads` is as of `load`, and `content` is the file's, if it is at hand.

        Raises:
            SettingError: `threads` is below 1.
        """
        if threads is not None and threads < 1:
            raise SettingError(f"threads is {threads}: expected a whole number from 1")
        self.path = path
        self.threads = threads or min(usable_cores(), MOST_THREADS)
        if content is not None:
            self.content = content

    @classmethod
    def load(cls, model: str | Path = "digit", *, threads: int | None = None) -> "Recognizer":
        """Open a shipped network ("digit", "digit-best", "two-digit") or an ONNX file.

        Args:
            model: a shipped name, or the path of a file that `digitscope export` wrote.
            threads: that compute one call of several images; None for one a core, four at most. They sleep while
                they wait, so that other work has the cores.

        Raises:
            SettingError: the name is unknown, or `threads` is below 1.
            DataError: the file is missing, damaged, or no digit network.
        """
        path = Path(model)
        if not path.suffix and not path.is_file():
            path = shipped_path(str(model))
        recognizer = cls(path, threads=threads)
        _ = recognizer.image_shape  # looks into the file
        return recognizer

    @cached_property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of the images it takes."""
        return _checked_shape(self.path, self._for_few)

    @property
    def task(self) -> Task:
        """Return "digit", "two-digit" for two over each other, or "item" for what is found on pages."""
        return TASK_OF_SHAPE[self.image_shape]

    @cached_property
    def content(self) -> bytes:
        """The file's content: what is opened later is the same network, whatever became of the file."""
        if not self.path.is_file():
            raise DataError(f"{self.path}: no such file: expected an .onnx file, as digitscope export writes")
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror}): expected an .onnx file") from None

    @cached_property
    def about(self) -> dict[str, Any]:
        """The JSON object in the file's property "digitscope"; empty if it has none."""
        return dict(json.loads(self._for_few.get_modelmeta().custom_metadata_map.get(ABOUT, "{}")))

    @cached_property
    def _for_few(self) -> ort.InferenceSession:
        return self._open(1)

    @cached_property
    def _for_many(self) -> ort.InferenceSession:
        return self._open(self.threads) if self.threads > 1 else self._for_few

    def _open(self, threads: int) -> ort.InferenceSession:
        content = self.content  # whose errors name the file
        try:
            return open_session(content, threads)
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from None

    @cached_property
    def _output_names(self) -> list[str]:
        known = {node.name for node in self._for_few.get_outputs()}
        return [*OUTPUTS, DISTANCE] if DISTANCE in known else OUTPUTS

    def predict(self, images: UInt8) -> Prediction:
        """Return what is written on uint8 images (N, H, W), or on one image (H, W); strides do not matter.

        Raises:
            DataError: another dtype or shape.
        """
        _, probabilities, *distances = self._outputs(images)
        labels = probabilities.argmax(axis=-1).astype(np.uint8)
        return Prediction(labels, probabilities, distances[0] if distances else None)

    def logits(self, images: UInt8) -> Float32:
        """Return calibrated logits of the probabilities' shape; what it takes and raises is as for `predict`."""
        return self._outputs(images)[0]

    def _outputs(self, images: UInt8) -> list[Float32]:
        """Return the logits, the probabilities and, if the network has them, the distances."""
        checked = _checked_images(images, self.image_shape)
        batch = checked.reshape(-1, *self.image_shape)
        parts = [self._run(batch[i : i + IMAGES_A_RUN]) for i in range(0, max(len(batch), 1), IMAGES_A_RUN)]
        outputs = parts[0] if len(parts) == 1 else [np.concatenate(part) for part in zip(*parts, strict=True)]
        is_blank = np.ptp(batch.reshape(len(batch), math.prod(self.image_shape)), axis=1) == 0
        if self.task != "item":
            outputs[0][is_blank], outputs[1][is_blank] = 0, 1 / 10
        return outputs if checked.ndim == 3 else [output[0] for output in outputs]

    def _run(self, batch: UInt8) -> list[Float32]:
        session = self._for_few if len(batch) <= FEW_IMAGES else self._for_many
        return [np.asarray(output) for output in session.run(self._output_names, {INPUT: batch})]


def open_session(content: bytes, threads: int) -> ort.InferenceSession:
    """Return the network in an ONNX file's `content`, run on the CPU by ONNX Runtime.

    Raises:
        DataError: it is no network, or not one that can be run.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # it takes the core from other work
    options.log_severity_level = 4  # what fails is raised; the log would repeat it over several lines
    try:
        return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's errors have no common base but this
        raise DataError(f"not a network that can be run ({first_line(error)})") from None


def _checked_shape(path: Path, session: ort.InferenceSession) -> tuple[int, int]:
    inputs = [(node.name, node.type, tuple(node.shape[1:])) for node in session.get_inputs()]
    outputs = {node.name for node in session.get_outputs()}
    for shape in TASK_OF_SHAPE:
        if inputs == [(INPUT, "tensor(uint8)", shape)] and outputs.issuperset(OUTPUTS):
            return shape[0], shape[1]
    shapes = " or ".join(f"(N, {height}, {width})" for height, width in TASK_OF_SHAPE)
    raise DataError(f"{path}: not a digit network: expected uint8 {shapes} in, {OUTPUTS} out")


def _checked_images(images: Any, image_shape: tuple[int, int]) -> UInt8:
    array = np.asarray(images)
    height, width = image_shape
    if array.ndim not in (2, 3) or array.shape[-2:] != image_shape:
        raise DataError(
            f"images of shape {array.shape}: expected (N, {height}, {width}), or ({height}, {width}) for one image"
        )
    if array.dtype != np.uint8:
        raise DataError(f"images of {array.dtype}: expected uint8, 0 for paper to 255 for ink; {_remedy(array)}")
    return array


def _remedy(array: NDArray[Any]) -> str:
    """Return how to make uint8 of `array`, by the range of its values."""
    if array.dtype.kind in "biuf" and array.size and array.min() >= 0:
        if array.max() <= 1:
            return "pass (255 * images).round().astype('uint8')"
        if array.max() <= 255:
            return "pass images.round().astype('uint8') if ink is 255 in them"
    return "scale them to 0 to 255 first"
