"""What layers see, against onnx's own reference; and what is no ONNX file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from digitscope.data import Dataset
from digitscope.errors import DataError
from digitscope.reading import Recognizer, shipped_path
from digitscope.reading.recognizer import IMAGES_A_RUN
from digitscope.serve.feature_maps import FeatureMaps, with_layers

DIGIT = shipped_path("digit").read_bytes()


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


@pytest.mark.parametrize("name", ["digit-best"])
def test_the_maps_are_those_of_onnx(name: str, sample: Dataset) -> None:
    images = sample.test.images[:2]
    model = onnx.load(shipped_path(name))
    relus = relu_outputs(model)
    model.graph.output.extend(helper.make_tensor_value_info(relu, TensorProto.FLOAT, None) for relu in relus)
    expected = ReferenceEvaluator(model).run(relus, {"images": images})
    found = FeatureMaps(Recognizer(shipped_path(name))).of(images)
    assert len(found) == len(relus)
    for layer, reference in zip(found, expected, strict=True):
        np.testing.assert_allclose(layer, reference, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["two-digit"])
def test_the_layers_are_the_relus_in_order(name: str) -> None:
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


@pytest.mark.parametrize("n", [IMAGES_A_RUN + 1])
def test_the_features_of_any_number_of_images(n: int, sample: Dataset) -> None:
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
