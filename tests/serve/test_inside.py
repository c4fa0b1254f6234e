"""Which ink decided, what looks alike, what would change a reading: against the network's own readings."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from scipy import ndimage
from starlette.testclient import TestClient

from digitscope.data import Dataset
from digitscope.errors import DataError
from digitscope.metrics import log_softmax
from digitscope.reading import Recognizer, shipped_path
from digitscope.reading.recognizer import IMAGES_A_RUN
from digitscope.serve.inside import (
    BLOT,
    FADE,
    MOST_ADDED,
    MOST_ERASED,
    FeatureMaps,
    Inside,
    addition,
    erasure,
    occlusion,
    with_layers,
)
from digitscope.serve.schemas import ChangedDigit
from tests.serve.helpers import assert_problem

UInt8 = NDArray[np.uint8]

DIGIT = shipped_path("digit").read_bytes()

BLANK = np.zeros((28, 28), np.uint8)


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.load("digit", threads=1)


@pytest.fixture(scope="module")
def maps(recognizer: Recognizer) -> FeatureMaps:
    return FeatureMaps(recognizer)


@pytest.fixture(scope="module")
def inside(recognizer: Recognizer) -> Inside:
    return Inside(recognizer)


def log_probability(recognizer: Recognizer, digit: UInt8, label: int) -> float:
    return float(log_softmax(recognizer.logits(digit))[label])


# Which ink decided


def test_away_from_the_ink_nothing_falls(recognizer: Recognizer, sample: Dataset) -> None:
    for digit in sample.test.images[:10]:
        away = ndimage.distance_transform_edt(digit == 0) >= BLOT + FADE + np.hypot(
            1, 1
        )  # where it is measured is no farther
        assert away.any()
        assert (occlusion(recognizer, digit)[away] == 0).all()


def test_no_ink_no_fall(recognizer: Recognizer) -> None:
    assert (occlusion(recognizer, BLANK) == 0).all()


def test_a_dot_that_is_blanked_whole(recognizer: Recognizer, sample: Dataset) -> None:
    digit = sample.test.images[0].copy()
    digit[:8, :8] = 0
    dotted = digit.copy()
    dotted[3:6, 3:6] = 255
    label = int(recognizer.predict(dotted).labels)
    fall = log_probability(recognizer, dotted, label) - log_probability(recognizer, digit, label)
    assert fall != 0
    assert occlusion(recognizer, dotted)[4, 4] == pytest.approx(fall, abs=0.02 * abs(fall) + 1e-4)


def test_the_most_important_ink_matters_more_than_the_least(recognizer: Recognizer, sample: Dataset) -> None:
    falls = []
    for digit in sample.test.images[:40]:
        values = occlusion(recognizer, digit)
        label = int(recognizer.predict(digit).labels)
        ink = np.flatnonzero(digit)
        by_importance = ink[np.argsort(-values.flatten()[ink], kind="stable")]
        n = len(ink) // 4
        without = np.stack([digit.flatten(), digit.flatten()])
        without[0, by_importance[:n]] = 0
        without[1, by_importance[-n:]] = 0
        after = log_softmax(recognizer.logits(without.reshape(2, 28, 28)))[:, label]
        falls.append(log_probability(recognizer, digit, label) - after)
    most, least = np.transpose(falls)
    assert (most > least).mean() > 0.9
    assert np.median(most) > 5 * max(np.median(least), 0.01)


# What would have changed the reading


def changed(recognizer: Recognizer, digit: UInt8, change: ChangedDigit) -> UInt8:
    """Return the image after a change, which is read as the change says."""
    image = bytes_of(change.pixels, 28, 28)
    prediction = recognizer.predict(image)
    assert change.label == prediction.labels != recognizer.predict(digit).labels
    assert change.confidence == pytest.approx(float(prediction.probabilities.max()), abs=1e-5)
    return image


def test_less_ink_is_read_as_another_digit(recognizer: Recognizer, sample: Dataset) -> None:
    digits = sample.test.images[:12]
    changes = [erasure(recognizer, digit) for digit in digits]
    found = [(digit, change) for digit, change in zip(digits, changes, strict=True) if change]
    assert len(found) > 6
    for digit, change in found:
        image = changed(recognizer, digit, change)
        assert (image <= digit).all()
        assert (digit - image).sum() <= MOST_ERASED * digit.sum()


def test_more_ink_is_read_as_another_digit(recognizer: Recognizer, sample: Dataset) -> None:
    digits = sample.test.images[:12]
    changes = [addition(recognizer, digit) for digit in digits]
    found = [(digit, change) for digit, change in zip(digits, changes, strict=True) if change]
    assert len(found) > 6
    for digit, change in found:
        image = changed(recognizer, digit, change)
        assert (image >= digit).all()
        assert (image - digit).sum() <= MOST_ADDED * digit.sum()


def test_without_ink_nothing_small_changes_the_reading(recognizer: Recognizer) -> None:
    assert erasure(recognizer, BLANK) is None
    assert addition(recognizer, BLANK) is None


# What looks alike


def test_a_training_digit_is_its_own_neighbour(inside: Inside, sample: Dataset) -> None:
    for k in (0, 1234, 3999):
        nearest, second, *_ = inside.neighbours(sample.train.images[k])
        np.testing.assert_array_equal(bytes_of(nearest.pixels, 28, 28), sample.train.images[k])
        assert nearest.label == sample.train.labels[k]
        assert nearest.distance == pytest.approx(0, abs=1e-4)
        assert second.distance > 0.01


def test_neighbours_are_of_the_same_class(inside: Inside, sample: Dataset) -> None:
    found = [inside.neighbours(digit) for digit in sample.test.images[:100]]
    distances = np.array([[near.distance for near in each] for each in found])
    assert distances.shape == (100, 8)
    assert (np.diff(distances) >= 0).all()
    majority = np.array([np.bincount([near.label for near in each]).argmax() for each in found])
    assert (majority == sample.test.labels[:100]).mean() > 0.95


# What the layers see, against onnx's own reference


def relu_outputs(model: onnx.ModelProto) -> list[str]:
    return [node.output[0] for node in model.graph.node if node.op_type == "Relu"]


def tiny_network(path: Path, nodes: Sequence[onnx.NodeProto]) -> Path:
    """Write a network that begins with `pixels`, float32 (N, 1, 28, 28), and ends with `out`."""
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
    begin = [
        helper.make_node("Unsqueeze", ["images", "axis"], ["unsqueezed"]),
        helper.make_node("Cast", ["unsqueezed"], ["pixels"], to=TensorProto.FLOAT),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", 28, 28])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph([*begin, *nodes], "tiny", [images], [out], [axis])
    opset = helper.make_opsetid("", 20)
    path.write_bytes(helper.make_model(graph, opset_imports=[opset], ir_version=10).SerializeToString())
    return path


def test_the_maps_are_those_of_onnx(sample: Dataset) -> None:
    name = "digit-best"
    images = sample.test.images[:2]
    model = onnx.load(shipped_path(name))
    relus = relu_outputs(model)
    model.graph.output.extend(helper.make_tensor_value_info(relu, TensorProto.FLOAT, None) for relu in relus)
    expected = ReferenceEvaluator(model).run(relus, {"images": images})
    found = FeatureMaps(Recognizer(shipped_path(name))).of(images)
    assert len(found) == len(relus)
    for layer, reference in zip(found, expected, strict=True):
        np.testing.assert_allclose(layer, reference, rtol=1e-4, atol=1e-4)


def test_the_layers_are_the_relus_in_order() -> None:
    name = "two-digit"
    _, layers = with_layers(shipped_path(name).read_bytes())
    assert list(layers) == relu_outputs(onnx.load(shipped_path(name)))
    assert len(set(layers.values())) == len(layers)


def test_the_names_of_layers() -> None:
    one, three = (FeatureMaps(Recognizer(shipped_path(name))).names for name in ("digit", "digit-best"))
    assert one == ("layer 1", "layer 2", "layer 3", "layer 4", "layer 5")
    assert three == tuple(f"column {column}, layer {layer}" for column in (1, 2, 3) for layer in (1, 2, 3, 4, 5))


def test_what_was_there_stays(tmp_path: Path, sample: Dataset) -> None:
    content, layers = with_layers(DIGIT)
    (tmp_path / "more.onnx").write_bytes(content)
    model = onnx.load_from_string(content)
    onnx.checker.check_model(onnx.load_from_string(DIGIT))
    assert [output.name for output in model.graph.output] == ["logits", "probabilities", "distance", *layers]
    more, plain = Recognizer.load(tmp_path / "more.onnx", threads=1), Recognizer.load("digit", threads=1)
    images = sample.test.images[:20]
    np.testing.assert_array_equal(more.logits(images), plain.logits(images))


def test_the_features_of_any_number_of_images(sample: Dataset) -> None:
    n = IMAGES_A_RUN + 1
    maps = FeatureMaps(Recognizer(shipped_path("digit")))
    images = sample.train.images[:n]
    layers = maps.of(images)
    shapes = [(16, 12, 12), (32, 10, 10), (64, 4, 4), (64, 4, 4), (96, 4, 4)]
    assert [layer.shape for layer in layers] == [(n, *shape) for shape in shapes]
    np.testing.assert_allclose(maps.features(images), layers[-1].mean(axis=(2, 3)), rtol=1e-4, atol=1e-4)


def test_of_several_places_the_middle_one_counts(tmp_path: Path, sample: Dataset) -> None:
    nodes = [
        helper.make_node("Neg", ["pixels"], ["negative"]),
        helper.make_node("Concat", ["negative", "pixels", "negative"], ["three"], axis=0),
        helper.make_node("Relu", ["three"], ["out"]),
    ]
    images = sample.test.images[:3]
    network = tiny_network(tmp_path / "places.onnx", [*nodes, helper.make_node("Relu", ["out"], ["again"])])
    (_, layer) = FeatureMaps(Recognizer(network)).of(images)
    np.testing.assert_array_equal(layer[:, 0], images)


def test_units_of_a_fully_connected_layer_are_channels(tmp_path: Path, sample: Dataset) -> None:
    nodes = [helper.make_node("Flatten", ["pixels"], ["row"]), helper.make_node("Relu", ["row"], ["hidden"])]
    network = tiny_network(tmp_path / "flat.onnx", [*nodes, helper.make_node("Neg", ["hidden"], ["out"])])
    images = sample.test.images[:3]
    (layer,) = FeatureMaps(Recognizer(network)).of(images)
    np.testing.assert_array_equal(layer, images.reshape(3, 784, 1, 1))


# What is no such file


def assert_maps_or_a_data_error(content: bytes) -> None:
    try:
        _, layers = with_layers(content)
    except DataError:
        return
    assert layers


@given(st.integers(0, len(DIGIT) - 1))
def test_a_file_cut_anywhere(length: int) -> None:
    assert_maps_or_a_data_error(DIGIT[:length])


@given(st.integers(0, 4_000) | st.integers(0, len(DIGIT) - 1), st.binary(min_size=1, max_size=12))
def test_a_file_changed_anywhere(place: int, change: bytes) -> None:
    assert_maps_or_a_data_error(DIGIT[:place] + change + DIGIT[place + len(change) :])


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "no ReLU"), (DIGIT[:-1], "not an ONNX file, or cut short")],
)
def test_what_is_wrong_is_said(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(DataError, match=reason) as raised:
        FeatureMaps(Recognizer(path))
    assert str(raised.value).startswith(f"{path}: ")


def test_a_file_that_cannot_be_run(tmp_path: Path) -> None:
    network = tiny_network(tmp_path / "odd.onnx", [helper.make_node("Relu", ["nothing"], ["out"])])
    with pytest.raises(DataError, match=f"^{network}: not a network that can be run"):
        FeatureMaps(Recognizer(network))


# The route


def look(client: TestClient, digit: UInt8) -> dict[str, Any]:
    headers = {"Content-Type": "application/octet-stream"}
    response = client.post("/api/inside", content=digit.tobytes(), headers=headers)
    assert response.status_code == 200, response.text
    view: dict[str, Any] = response.json()
    return view


def bytes_of(text: str, *shape: int) -> UInt8:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)


def test_the_view(client: TestClient, recognizer: Recognizer, maps: FeatureMaps, sample: Dataset) -> None:
    digit = sample.test.images[3]
    view = look(client, digit)
    probabilities = recognizer.predict(digit).probabilities
    second, first = np.argsort(probabilities)[-2:]
    assert (view["label"], view["second"]["label"]) == (first, second)
    assert view["confidence"] == pytest.approx(probabilities[first], abs=1e-5)
    logits = np.sort(recognizer.logits(digit))
    assert view["margin_nats"] == pytest.approx(logits[-1] - logits[-2], abs=1e-3)
    values = np.reshape(view["occlusion"]["values"], (view["occlusion"]["height"], view["occlusion"]["width"]))
    np.testing.assert_allclose(values, occlusion(recognizer, digit), atol=1e-3)
    for layer, name, expected in zip(view["layers"], maps.names, maps.of(digit[None]), strict=True):
        assert layer["name"] == name
        pixels = bytes_of(layer["pixels"], layer["channels"], layer["height"], layer["width"])
        assert pixels.max() == 255
        np.testing.assert_allclose(pixels / 255, expected[0] / expected.max(), atol=0.51 / 255)
    assert len(view["neighbours"]) == 8
    assert bytes_of(view["neighbours"][0]["pixels"], 28, 28).max() > 200


def test_the_changes_in_the_view(client: TestClient, recognizer: Recognizer, sample: Dataset) -> None:
    n_found = 0
    for digit in sample.test.images[:8]:
        for kind, change in look(client, digit)["changes"].items():
            if change is None:
                continue
            n_found += 1
            after, mask = bytes_of(change["pixels"], 28, 28), bytes_of(change["mask"], 28, 28)
            expected = digit - mask if kind == "erase" else digit + mask
            np.testing.assert_array_equal(after, expected)
            assert change["label"] == recognizer.predict(after).labels
            assert change["share"] == pytest.approx(mask.sum() / digit.sum(), abs=1e-3)
    assert n_found > 4


def test_what_is_no_digit_can_be_looked_at(client: TestClient) -> None:
    assert len(look(client, BLANK)["neighbours"]) == 8


def test_what_the_route_refuses(client: TestClient) -> None:
    short = client.post("/api/inside", content=b"12", headers={"Content-Type": "application/octet-stream"})
    assert_problem(short, 422, "2 bytes", "784")
    assert_problem(client.post("/api/inside", json={}), 415, "application/octet-stream")
