"""Feature maps of any ONNX file, the outputs of its ReLUs; and the training digits whose maps are alike.

ONNX Runtime returns only declared outputs. The file is a protocol buffers message, and concatenated messages are
parsed as one with the fields of all (the encoding guide, "Last One Wins"). So a few bytes appended to the file
declare further outputs. That needs only the fields of onnx.proto that `SCHEMA` names.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory
from numpy.typing import NDArray

from digitscope.data import load_sample
from digitscope.errors import DataError
from digitscope.reading import Recognizer
from digitscope.reading.recognizer import IMAGES_A_RUN, INPUT, open_session

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

N_NEIGHBOURS = 8
"""Training digits that the page shows beside a digit."""

SCHEMA: Mapping[str, Mapping[str, tuple[int, str]]] = MappingProxyType(
    {
        "Model": {"graph": (7, "Graph")},
        "Graph": {"node": (1, "Node"), "output": (12, "Value")},
        "Node": {"input": (1, ""), "output": (2, ""), "op_type": (4, "")},
        "Value": {"name": (1, "")},
    }
)
"""Messages of onnx.proto: the number and the message type of each field; "" is text. All are read as repeated."""


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
    try:
        model = _model_class().FromString(content)
    except message.DecodeError:
        raise DataError("not an ONNX file, or cut short: expected protocol buffers") from None
    layers = _layers(model)
    if not layers:
        raise DataError("no ReLU in it: expected a network with layers whose outputs can be shown")
    outputs = [{"name": [tensor.encode()]} for tensor in layers]
    return content + _model_class()(graph=[{"output": outputs}]).SerializeToString(), layers


def _layers(model: Any) -> dict[str, str]:
    """Return the names of all ReLU outputs, in the graph's order.

    A layer's number is the count of ReLUs on the path to it. Layers with the same number lie side by side.
    """
    depths: dict[bytes, int] = {}
    relus: dict[str, int] = {}
    for node in (node for graph in model.graph for node in graph.node):
        depth = max((depths.get(name, 0) for name in node.input), default=0)
        if b"".join(node.op_type) == b"Relu":
            depth += 1
            relus |= {str(name, "utf-8", "replace"): depth for name in node.output}
        depths |= dict.fromkeys(node.output, depth)
    columns: Counter[int] = Counter()
    layers = {}
    for tensor, depth in relus.items():
        columns[depth] += 1
        layers[tensor] = f"column {columns[depth]}, layer {depth}"
    return layers if columns[1] > 1 else {tensor: f"layer {depth}" for tensor, depth in relus.items()}


@cache
def _model_class() -> Any:
    """Return the message class of `SCHEMA`'s models."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="onnx_layers.proto", package="onnx_layers")
    for name, fields in SCHEMA.items():
        added = file.message_type.add(name=name)
        for field_name, (number, kind) in fields.items():
            entry = added.field.add(name=field_name, number=number, label=field.LABEL_REPEATED)
            entry.type = field.TYPE_MESSAGE if kind else field.TYPE_BYTES
            if kind:
                entry.type_name = f".onnx_layers.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("onnx_layers.Model"))


@dataclass(frozen=True, eq=False)
class Neighbour:
    """A training digit, and how far away it is.

    Attributes:
        image: uint8 (28, 28).
        label: what it is.
        distance: between the features of both, which are the means of the last layer's channels.
    """

    image: UInt8
    label: int
    distance: float


class TrainingDigits:
    """The embedded sample's 4,000 training digits with their features."""

    def __init__(self, maps: FeatureMaps) -> None:
        """Send all of them through the network, which takes a fraction of a second."""
        self._digits = load_sample().train
        self._features = maps.features(self._digits.images)

    def nearest(self, features: Float32) -> list[Neighbour]:
        """Return the `N_NEIGHBOURS` digits whose features are nearest to `features`, float32 (C,), in order."""
        distances = np.linalg.norm(self._features - features, axis=1)
        return [
            Neighbour(self._digits.images[k], int(self._digits.labels[k]), float(distances[k]))
            for k in np.argsort(distances, kind="stable")[:N_NEIGHBOURS]
        ]
