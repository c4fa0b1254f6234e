from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from digitscope.errors import DataError
from digitscope.scratch import Layer, Network, init_layers, load_network, save_network


@pytest.fixture
def network() -> Network:
    layers = init_layers((12, 7, 5, 3), generator=np.random.default_rng(0), dtype=np.float64)
    return Network(tuple(Layer(weight, bias + 0.25) for weight, bias in layers), "leaky-relu")


def test_round_trip_with_settings_that_are_not_the_default(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "new" / "network.safetensors"
    save_network(path, network)
    loaded = load_network(path)
    assert (loaded.activation, loaded.sizes) == ("leaky-relu", (12, 7, 5, 3))
    assert loaded.dtype == np.float64
    images = np.random.default_rng(1).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    assert loaded.logits(images).tobytes() == network.logits(images).tobytes()
    assert [entry.name for entry in path.parent.iterdir()] == ["network.safetensors"]


def test_paths_may_be_text(network: Network, tmp_path: Path) -> None:
    path = str(tmp_path / "new" / "network.safetensors")
    save_network(path, network)
    assert load_network(path).sizes == network.sizes
    with pytest.raises(DataError, match=r"gone\.safetensors: not a network"):
        load_network(str(tmp_path / "gone.safetensors"))


def test_weights_in_another_memory_order_are_saved_right(network: Network, tmp_path: Path) -> None:
    turned = Network(tuple(Layer(np.asfortranarray(w), b) for w, b in network.layers), network.activation)
    save_network(tmp_path / "turned.safetensors", turned)
    loaded = load_network(tmp_path / "turned.safetensors")
    np.testing.assert_array_equal(loaded.layers[0].weight, network.layers[0].weight)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.safetensors: not a network"):
        load_network(tmp_path / "gone.safetensors")


@pytest.mark.parametrize("kept", [0, 5, 100, -1])
def test_damaged_file(network: Network, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "network.safetensors"
    save_network(path, network)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match="not a network that") as raised:
        load_network(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("arrays", "changed"),
    [
        ({}, {"format": "another"}),
        ({}, {"activation": "swish"}),
        ({}, {"sizes": "4,3"}),
        ({"0.weight": np.zeros((4, 3))}, {}),
        ({"0.weight": np.zeros((4, 2), np.float32)}, {}),
        ({"0.weight": np.full((4, 2), np.nan)}, {}),
        ({"2.bias": np.zeros(2)}, {}),
        ({"1.weight": np.zeros((2, 2))}, {}),
        ({"1.weight": np.zeros((2, 2)), "extra": np.zeros(2)}, {}),
    ],
)
def test_other_contents(tmp_path: Path, arrays: dict[str, NDArray[Any]], changed: dict[str, str]) -> None:
    path = tmp_path / "other.safetensors"
    good = {"0.weight": np.zeros((4, 2)), "0.bias": np.zeros(2)}
    metadata = {"format": "digitscope-scratch-1", "activation": "relu", "sizes": "4,2"}
    save_file(good, path, metadata)
    assert load_network(path).sizes == (4, 2)
    save_file(good | arrays, path, metadata | changed)
    with pytest.raises(DataError, match=r"other\.safetensors: not a network"):
        load_network(path)


def test_no_metadata(tmp_path: Path) -> None:
    save_file({"0.weight": np.zeros((4, 2)), "0.bias": np.zeros(2)}, tmp_path / "bare.safetensors")
    with pytest.raises(DataError, match="its format is None"):
        load_network(tmp_path / "bare.safetensors")


@pytest.mark.parametrize("images", [np.zeros((2, 28, 28), np.float32), np.zeros((28, 28), np.uint8)])
def test_images_of_another_kind(network: Network, images: NDArray[Any]) -> None:
    with pytest.raises(DataError, match="expected uint8 of shape"):
        network.predict(images)


def test_images_of_another_size(network: Network) -> None:
    with pytest.raises(DataError, match=r"expects \(N, 12\)"):
        network.predict(np.zeros((2, 28, 28), np.uint8))


def test_no_images(network: Network) -> None:
    assert network.predict(np.zeros((0, 4, 3), np.uint8)).shape == (0,)


def test_a_network_needs_layers() -> None:
    with pytest.raises(DataError, match="without layers"):
        Network((), "relu")
