"""Feature maps of any ONNX file: the outputs of its ReLUs, as arrays.

ONNX Runtime returns only declared outputs. The file is a protocol buffers message, and concatenated messages are
parsed as one with the fields of all (the encoding guide, "Last One Wins"). So a few bytes appended to the file
declare further outputs, and no package that edits ONNX files is needed.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitscope.errors import DataError
from digitscope.inference import Recognizer
from digitscope.inference.recognizer import IMAGES_A_RUN, INPUT, open_session

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

MODEL_GRAPH, GRAPH_NODE, GRAPH_OUTPUT, VALUE_NAME = 7, 1, 12, 1
NODE_INPUT, NODE_OUTPUT, NODE_OPERATION = 1, 2, 4
"""Numbers of the fields that are used, from onnx.proto."""

VARINT, LENGTH = 0, 2
FIXED_BYTES: Mapping[int, int] = MappingProxyType({1: 8, 5: 4})
"""How the content of a field may be written (the encoding guide), and the bytes of those of a fixed length."""

MOST_VARINT_BYTES = 10
"""Bytes of the longest number, of 64 bits."""


class FeatureMaps:
    """The feature maps of images, layer by layer.

    Attributes:
        names: of the layers, first to last: "layer 2", or "column 1, layer 2" if there are networks side by side.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        """Open the network of `recognizer` once more, to compute on one thread.

        Raises:
            DataError: it cannot be run, or has no ReLU.
        """
        try:
            content, layers = with_layers(recognizer.content)
            self._session = open_session(content, 1)
        except DataError as error:
            raise DataError(f"{recognizer.path}: {error}") from None
        self._tensors = list(layers)
        self.names = tuple(layers.values())

    def of(self, images: UInt8) -> list[Float32]:
        """Return what each layer sees in `images`, uint8 (N, H, W): float32 (N, channels, height, width).

        The units of a fully connected layer are channels of height and width 1.
        """
        return self._run(self._tensors, images)

    def features(self, images: UInt8) -> Float32:
        """Return the means of the last layer's channels, float32 (N, C), for `images`, uint8 (N, H, W), N > 0."""
        parts = (images[i : i + IMAGES_A_RUN] for i in range(0, len(images), IMAGES_A_RUN))
        return np.concatenate([self._run(self._tensors[-1:], part)[0].mean(axis=(2, 3)) for part in parts])

    def _run(self, tensors: list[str], images: UInt8) -> list[Float32]:
        outputs = self._session.run(tensors, {INPUT: images})
        return [_of_each_image(np.asarray(output), len(images)) for output in outputs]


def _of_each_image(output: Float32, n: int) -> Float32:
    """Return (n, channels, height, width) of a layer's output.

    A network that reads every image at several places, one batch after the other, has the image as it is in the
    middle of them.
    """
    places = len(output) // n
    return np.asarray(output.reshape(places, n, *output.shape[1:], *(1,) * (4 - output.ndim))[places // 2])


def with_layers(content: bytes) -> tuple[bytes, dict[str, str]]:
    """Return an ONNX file that gives the outputs of its ReLUs too, and the names of these layers by output.

    Raises:
        DataError: `content` is no ONNX file, or one without a ReLU.
    """
    layers = _layers(content)
    if not layers:
        raise DataError("no ReLU in it: expected a network with layers whose outputs can be shown")
    return content + b"".join(map(_declaration, layers)), layers


class _Node(NamedTuple):
    """One operation of a graph, with the names of its tensors."""

    operation: str
    inputs: list[str]
    outputs: list[str]


def _layers(content: bytes) -> dict[str, str]:
    """Return the names of all ReLU outputs, in the graph's order.

    A layer's number is the count of ReLUs on the path to it. Layers with the same number lie side by side.
    """
    depths: dict[str, int] = {}
    relus: dict[str, int] = {}
    for node in _nodes(content):
        depth = max((depths.get(name, 0) for name in node.inputs), default=0)
        if node.operation == "Relu":
            depth += 1
            relus |= dict.fromkeys(node.outputs, depth)
        depths |= dict.fromkeys(node.outputs, depth)
    columns: Counter[int] = Counter()
    layers = {}
    for tensor, depth in relus.items():
        columns[depth] += 1
        layers[tensor] = f"column {columns[depth]}, layer {depth}"
    return layers if columns[1] > 1 else {tensor: f"layer {depth}" for tensor, depth in relus.items()}


def _nodes(content: bytes) -> Iterator[_Node]:
    for number, graph in _fields(memoryview(content)):
        if number == MODEL_GRAPH:
            for field, node in _fields(graph):
                if field == GRAPH_NODE:
                    yield _node(node)


def _node(message: memoryview) -> _Node:
    texts: dict[int, list[str]] = {NODE_OPERATION: [], NODE_INPUT: [], NODE_OUTPUT: []}
    for number, text in _fields(message):
        if number in texts:
            texts[number].append(str(text, "utf-8", "replace"))
    return _Node("".join(texts[NODE_OPERATION]), texts[NODE_INPUT], texts[NODE_OUTPUT])


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the number and the content of every field that has a length; the others are numbers, passed over."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        start, place = _extent(message, place, key & 7)
        if place > len(message):
            raise DataError("not an ONNX file, or cut short: a field ends behind the end")
        if key & 7 == LENGTH:
            yield key >> 3, message[start:place]


def _extent(message: memoryview, place: int, kind: int) -> tuple[int, int]:
    """Return where the content of a field of `kind` at `place` begins and ends."""
    if kind == LENGTH:
        length, place = _varint(message, place)
        return place, place + length
    if kind == VARINT:
        return place, _varint(message, place)[1]
    if kind in FIXED_BYTES:
        return place, place + FIXED_BYTES[kind]
    raise DataError(f"not an ONNX file: a field of the unknown kind {kind}")


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Return the number that is written from `place` on, seven bits a byte, lowest first, and where it ends."""
    value = 0
    for index, byte in enumerate(message[place : place + MOST_VARINT_BYTES]):
        value |= (byte & 127) << 7 * index
        if byte < 128:
            return value, place + index + 1
    raise DataError("not an ONNX file, or cut short: a number does not end")


def _declaration(tensor: str) -> bytes:
    """Return a model with nothing but the output `tensor`, whose type ONNX Runtime finds out by itself."""
    return _field(MODEL_GRAPH, _field(GRAPH_OUTPUT, _field(VALUE_NAME, tensor.encode())))


def _field(number: int, content: bytes) -> bytes:
    length = bytearray()
    rest = len(content)
    while rest > 127:
        length.append(rest & 127 | 128)
        rest >>= 7
    return bytes([number << 3 | LENGTH, *length, rest]) + content
