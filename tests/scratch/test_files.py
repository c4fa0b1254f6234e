import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from digitscope.data import Dataset
from digitscope.errors import DataError
from digitscope.scratch import (
    Layer,
    Network,
    ScratchSettings,
    ScratchState,
    init_layers,
    load_network,
    load_state,
    save_network,
    save_state,
    train,
)


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


def test_weights_in_another_memory_order_are_saved_right(network: Network, tmp_path: Path) -> None:
    turned = Network(tuple(Layer(np.asfortranarray(w), b) for w, b in network.layers), network.activation)
    save_network(tmp_path / "turned.safetensors", turned)
    loaded = load_network(tmp_path / "turned.safetensors")
    np.testing.assert_array_equal(loaded.layers[0].weight, network.layers[0].weight)


def test_damaged_file(network: Network, tmp_path: Path) -> None:
    kept = 100
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
        ({}, {"sizes": [4, 3]}),
        ({"0.weight": np.full((4, 2), np.nan)}, {}),
        ({"1.weight": np.zeros((2, 2))}, {}),
    ],
)
def test_other_contents(tmp_path: Path, arrays: dict[str, NDArray[Any]], changed: dict[str, Any]) -> None:
    path = tmp_path / "other.safetensors"
    good = {"0.weight": np.zeros((4, 2)), "0.bias": np.zeros(2)}
    about = {"format": "digitscope-scratch-1", "activation": "relu", "sizes": [4, 2]}
    save_file(good, path, {"network": json.dumps(about)})
    assert load_network(path).sizes == (4, 2)
    save_file(good | arrays, path, {"network": json.dumps(about | changed)})
    with pytest.raises(DataError, match=r"other\.safetensors: not a network"):
        load_network(path)


def test_metadata_of_another_kind(tmp_path: Path) -> None:
    metadata = {"network": "{"}
    path = tmp_path / "bare.safetensors"
    save_file({"0.weight": np.zeros((4, 2)), "0.bias": np.zeros(2)}, path, metadata)
    with pytest.raises(DataError, match=r"bare\.safetensors: not a network that"):
        load_network(path)


def test_equal_networks_give_equal_bytes(network: Network, tmp_path: Path) -> None:
    """Eight times, because an order that is left to chance is the right one now and then."""
    for number in range(8):
        save_network(tmp_path / str(number), network)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_images(network: Network) -> None:
    assert network.predict(np.zeros((0, 4, 3), np.uint8)).shape == (0,)
    with pytest.raises(DataError, match=r"expects \(N, 12\)"):
        network.predict(np.zeros((2, 28, 28), np.uint8))
    with pytest.raises(DataError, match="expected uint8 of shape"):
        network.predict(np.zeros((28, 28), np.uint8))


def test_layers_that_make_no_network() -> None:
    good, wide = Layer(np.zeros((4, 2)), np.zeros(2)), Layer(np.zeros((3, 2)), np.zeros(2))
    for layers, message in (
        ((), "without layers"),
        ((good, wide), r"layer 1 has weight \(3, 2\)"),
        ((Layer(np.zeros((4, 2), np.float32), np.zeros(2)),), "weights of float32, float64"),
    ):
        with pytest.raises(DataError, match=message):
            Network(layers, "relu")


def state_of(sample: Dataset, *hidden: int, epochs: int = 1, seed: int = 0) -> ScratchState:
    """Return the state after an epoch on 20 digits."""
    settings, generator = ScratchSettings(hidden=hidden, epochs=1), np.random.default_rng(seed)
    state = ScratchState.start(sample.train[:20], settings, generator=generator)
    if epochs:
        train(sample.train[:20], sample.validation[:5], settings, generator=generator, state=state)
    return state


def arrays_of(state: ScratchState) -> list[bytes]:
    return [array.tobytes() for layer in (*state.network.layers, *state.velocities) for array in layer]


def test_a_state_returns_whole(sample: Dataset, tmp_path: Path) -> None:
    state, other = state_of(sample, 7, 5), state_of(sample, 7, 5, epochs=0, seed=9)
    save_state(tmp_path / "state.safetensors", state)
    network = other.network
    load_state(str(tmp_path / "state.safetensors"), other)
    assert arrays_of(other) == arrays_of(state)
    assert any(any(array) for array in arrays_of(state)[4:])  # its velocities are not all 0
    assert other.network is network
    assert other.history == state.history
    assert len(state.history) == 1


@pytest.mark.parametrize("damage", ["history", "other"])
def test_a_state_that_cannot_be_gone_on_from_is_one_line(sample: Dataset, damage: str, tmp_path: Path) -> None:
    path, state = tmp_path / "state.safetensors", state_of(sample, 7)
    save_state(path, state)
    if damage == "history":
        path.write_bytes(path.read_bytes().replace(b"train_loss", b"train_lost"))
    other = state_of(sample, 8 if damage == "other" else 7, epochs=0, seed=9)
    before = arrays_of(other)
    with pytest.raises(DataError, match=r"state\.safetensors: not the state of this network's .*: train anew$"):
        load_state(path, other)
    assert arrays_of(other) == before
    assert other.history == []
