"""A view inside a network: which ink decided, what layers see, what looks alike, what would change the reading.

The first and the last are found by changing the picture and reading it again, which Zeiler and Fergus (2014),
"Visualizing and Understanding Convolutional Networks", call occlusion (section 4.2).

Feature maps are the outputs of ReLUs, of any ONNX file. ONNX Runtime returns only declared outputs. The file is a
protocol buffers message, and concatenated messages are parsed as one with the fields of all (the encoding guide,
"Last One Wins"). So a few bytes appended to the file declare further outputs. That needs only the fields of
onnx.proto that `SCHEMA` names.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import combinations, product
from types import MappingProxyType
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory
from numpy.typing import NDArray

from digitscope.data import load_sample
from digitscope.data.styles import distances_from_line
from digitscope.errors import DataError
from digitscope.metrics import log_softmax
from digitscope.reading import Recognizer
from digitscope.reading.recognizer import IMAGES_A_RUN, INPUT, open_session
from digitscope.serve import schemas
from digitscope.serve.bodies import in_base64
from digitscope.serve.content_types import SIDE

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Point = tuple[int, ...]

BLOT, FADE = 1.5, 2.0  # pixels around its middle that a blot blanks whole, and further ones over which it fades
MIDDLES = range(0, SIDE + 1, 2)  # rows and columns of the blots' middles; the last is behind the edge
PEN = 1.25  # half the width in pixels of an added stroke: about that of MNIST's
ENDS = range(4, 25, 4)  # rows and columns at which an added stroke may begin or end
LONGEST = 12  # pixels of an added stroke from end to end
MOST_ERASED, MOST_ADDED = 1 / 3, 1 / 2  # ink that a change may take away or add, as a share of what was there
MOST_BLOTS, MOST_STROKES = 8, 2  # blots or strokes that a change may consist of
N_NEIGHBOURS = 8  # training digits that the page shows beside a digit

SCHEMA: Mapping[str, Mapping[str, tuple[int, str]]] = MappingProxyType(
    {
        "Model": {"graph": (7, "Graph")},
        "Graph": {"node": (1, "Node"), "output": (12, "Value")},
        "Node": {"input": (1, ""), "output": (2, ""), "op_type": (4, "")},
        "Value": {"name": (1, "")},
    }
)
"""Messages of onnx.proto: the number and the message type of each field; "" is text. All are read as repeated."""


class Inside:
    """A network that reads one digit and can be looked into."""

    def __init__(self, recognizer: Recognizer) -> None:
        """Compute the features of the embedded sample's training digits, which takes a fraction of a second.

        Raises:
            DataError: the network has no layers that can be shown.
        """
        self._recognizer, self._maps, self._digits = recognizer, FeatureMaps(recognizer), load_sample().train
        self._features = self._maps.features(self._digits.images)

    def view(self, digit: UInt8) -> schemas.InsideView:
        """Return what there is to see about `digit`, uint8 (28, 28)."""
        log_probabilities = log_softmax(self._recognizer.logits(digit))
        second, first = (
            schemas.Guess(label=int(label), confidence=round(float(np.exp(log_probabilities[label])), 6))
            for label in np.argsort(log_probabilities)[-2:]
        )
        falls = occlusion(self._recognizer, digit)
        layers = zip(self._maps.names, self._maps.of(digit[None]), strict=True)
        return schemas.InsideView(
            **first.model_dump(),
            second=second,
            margin_nats=round(float(log_probabilities[first.label] - log_probabilities[second.label]), 4),
            occlusion=schemas.OcclusionMap(
                height=len(falls),
                width=len(falls[0]),
                values=[round(fall, 4) for fall in falls.flatten().tolist()],
            ),
            layers=[_layer_maps(name, layer[0]) for name, layer in layers],
            neighbours=self.neighbours(digit),
            changes=schemas.Changes(erase=erasure(self._recognizer, digit), add=addition(self._recognizer, digit)),
        )

    def neighbours(self, digit: UInt8) -> list[schemas.NearDigit]:
        """Return the `N_NEIGHBOURS` training digits whose features are nearest, in order."""
        distances = np.linalg.norm(self._features - self._maps.features(digit[None]), axis=1)
        return [
            schemas.NearDigit(
                label=int(self._digits.labels[k]),
                distance=round(float(distances[k]), 4),
                pixels=in_base64(self._digits.images[k]),
            )
            for k in np.argsort(distances, kind="stable")[:N_NEIGHBOURS]
        ]


def _layer_maps(name: str, maps: Float32) -> schemas.LayerMaps:
    """Return maps (C, H, W), none negative, as bytes."""
    channels, height, width = maps.shape
    pixels = np.round(maps * (255 / max(float(maps.max()), 1e-12))).astype(np.uint8)
    return schemas.LayerMaps(name=name, channels=channels, height=height, width=width, pixels=in_base64(pixels))


# The feature maps of the layers


class FeatureMaps:
    """The feature maps of images, layer by layer.

    Attributes:
        names: of the layers, first to last: "layer 2", or "column 1, layer 2" if there are networks side by side.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        """Open the network once more, to compute on one thread.

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
        found, n = [], len(images)
        for output in map(np.asarray, self._session.run(tensors, {INPUT: images})):
            places = len(output) // n  # where the network reads every image, one batch after the other
            by_place = output.reshape(places, n, *output.shape[1:], *(1,) * (4 - output.ndim))
            found.append(np.asarray(by_place[places // 2]))  # the image as it is
        return found


def with_layers(content: bytes) -> tuple[bytes, dict[str, str]]:
    """Return an ONNX file that gives the outputs of its ReLUs too, and the names of these layers by output.

    A layer's number is the count of ReLUs on the path to it. Layers with the same number lie side by side.

    Raises:
        DataError: `content` is no ONNX file, or one without a ReLU.
    """
    try:
        model = _model_class().FromString(content)
    except message.DecodeError:
        raise DataError("not an ONNX file, or cut short: expected protocol buffers") from None
    depths: dict[bytes, int] = {}
    relus: dict[str, int] = {}
    for node in (node for graph in model.graph for node in graph.node):
        depth = max((depths.get(name, 0) for name in node.input), default=0)
        if b"".join(node.op_type) == b"Relu":
            depth += 1
            relus |= {str(name, "utf-8", "replace"): depth for name in node.output}
        depths |= dict.fromkeys(node.output, depth)
    if not relus:
        raise DataError("no ReLU in it: expected a network with layers whose outputs can be shown")
    side_by_side = list(relus.values()).count(1) > 1
    columns: Counter[int] = Counter()
    layers = {}
    for tensor, depth in relus.items():
        columns[depth] += 1
        layers[tensor] = f"column {columns[depth]}, layer {depth}" if side_by_side else f"layer {depth}"
    outputs = [{"name": [tensor.encode()]} for tensor in layers]
    return content + _model_class()(graph=[{"output": outputs}]).SerializeToString(), layers


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


# The ink that decided, and what would change the reading


def occlusion(recognizer: Recognizer, digit: UInt8) -> Float32:
    """Return by how many nats the label's log-probability falls when the ink around each pixel is blanked.

    It is 0 where no ink is near, and negative where ink speaks against the label. Every second row and column is
    measured, the rest lies on the straight lines between. `digit` is uint8 (28, 28), the result float32 (28, 28).
    """
    before = log_softmax(recognizer.logits(digit))
    label = int(before.argmax())
    blanked = _blanked(digit, _blots())
    touched = (blanked != digit).any(axis=(1, 2))
    falls = np.zeros(len(blanked), np.float32)
    falls[touched] = before[label] - log_softmax(recognizer.logits(blanked[touched]))[:, label]
    values = falls.reshape(len(MIDDLES), len(MIDDLES))
    for _ in range(2):  # rows, then columns: 2 N for N + 1, after each but the last the mean of it and the next
        between = (values[:-1] + values[1:]) / 2
        values = np.stack([values[:-1], between], axis=1).reshape(-1, values.shape[1]).T
    return values


def erasure(recognizer: Recognizer, digit: UInt8) -> schemas.ChangedDigit | None:
    """Return how `digit`, uint8 (28, 28), is read as another with some ink blanked, or None.

    Blot after blot is blanked where it brings the other reading nearest, a third of the ink at most.
    """

    def variants(image: UInt8) -> UInt8:
        on_ink = np.pad(image, (0, 1))[np.ix_(MIDDLES, MIDDLES)].flatten() > 0
        return _blanked(image, _blots()[on_ink])

    return _change(recognizer, digit, variants, most_steps=MOST_BLOTS, most_ink=MOST_ERASED)


def addition(recognizer: Recognizer, digit: UInt8) -> schemas.ChangedDigit | None:
    """Return how `digit`, uint8 (28, 28), is read as another with straight strokes added, or None.

    Each stroke touches ink; there are two at most.
    """

    def variants(image: UInt8) -> UInt8:
        touching = (np.minimum(_strokes(), image) > 127).any(axis=(1, 2))
        return np.maximum(image, _strokes()[touching])

    return _change(recognizer, digit, variants, most_steps=MOST_STROKES, most_ink=MOST_ADDED)


def _change(
    recognizer: Recognizer,
    digit: UInt8,
    variants: Callable[[UInt8], UInt8],
    *,
    most_steps: int,
    most_ink: float,
) -> schemas.ChangedDigit | None:
    """Change `digit` step by step until its label is no longer the likeliest, by as little ink as a step offers.

    `variants` takes an image and returns (N, 28, 28), the ways to take the next step from there.
    """
    label = int(recognizer.logits(digit).argmax())
    image = digit
    for _ in range(most_steps):
        candidates = variants(image)
        inks = _difference(candidates, digit)
        candidates = candidates[(inks > _difference(image, digit)) & (inks <= most_ink * digit.sum())]
        if len(candidates) == 0:
            return None
        logits = recognizer.logits(candidates)
        others = np.delete(logits, label, axis=1).max(axis=1)
        flipped = np.flatnonzero(others > logits[:, label])
        if len(flipped):
            best = flipped[_difference(candidates[flipped], digit).argmin()]
            after, probabilities = candidates[best], np.exp(log_softmax(logits[best]))
            mask = np.maximum(after, digit) - np.minimum(after, digit)
            return schemas.ChangedDigit(
                label=int(probabilities.argmax()),
                confidence=round(float(probabilities.max()), 6),
                share=round(int(mask.sum()) / int(digit.sum()), 4),
                mask=in_base64(mask),
                pixels=in_base64(after),
            )
        image = candidates[(logits[:, label] - others).argmin()]
    return None


def _difference(images: UInt8, digit: UInt8) -> NDArray[np.float64]:
    return np.asarray(np.abs(images.astype(np.float64) - digit).sum(axis=(-2, -1)))


def _blanked(image: UInt8, blots: Float32) -> UInt8:
    return np.asarray(np.round(image * (1 - blots)), dtype=np.uint8)


@cache
def _blots() -> Float32:
    """Return how much of each pixel is blanked by each blot: (N, 28, 28), 0 to 1."""
    middles = list(product(MIDDLES, repeat=2))
    return _lines(middles, middles, BLOT, FADE)


@cache
def _strokes() -> UInt8:
    """Return the strokes that may be added, ink 255 on 0: (N, 28, 28)."""
    pairs = combinations(product(ENDS, repeat=2), 2)
    near = [(start, end) for start, end in pairs if np.hypot(*np.subtract(start, end)) <= LONGEST]
    starts, ends = zip(*near, strict=True)
    return np.asarray(np.round(255 * _lines(starts, ends, PEN - 0.5, 1.0)), dtype=np.uint8)


def _lines(starts: Sequence[Point], ends: Sequence[Point], whole: float, fade: float) -> Float32:
    """Return N straight lines (N, 28, 28): 1 up to the distance `whole`, and from there down to 0 over `fade`."""
    pairs = zip(starts, ends, strict=True)
    distances = np.stack([distances_from_line((SIDE, SIDE), *pair) for pair in pairs]).astype(np.float32)
    return np.asarray(np.clip((whole + fade - distances) / fade, 0, 1))
