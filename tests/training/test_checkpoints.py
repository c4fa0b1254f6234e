from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from digitscope.data import Dataset, FixedOrder, Reshuffled
from digitscope.errors import DataError, DivergedError
from digitscope.models import build
from digitscope.training import (
    TrainingSettings,
    TrainingState,
    load_state,
    load_weights,
    save_state,
    save_weights,
    train,
)
from tests.training.helpers import new_state, small_split, weights_bytes

OPTIMIZERS: list[dict[str, Any]] = [
    {},
    {"momentum": 0.9, "nesterov": True, "schedule": "one-cycle", "weight_decay": 0.01},
    {"optimizer": "muon", "momentum": 0.6, "nesterov": True},
    {"optimizer": "adam", "learning_rate": 0.01},
]


def trained(model: str, sample: Dataset, settings: TrainingSettings, epochs: int = 1) -> TrainingState:
    """Return a state that has `epochs` of the settings' epochs behind it."""
    state = new_state(model, settings)
    go_on(state, model, sample, settings, until=epochs)
    return state


def go_on(state: TrainingState, model: str, sample: Dataset, settings: TrainingSettings, until: int) -> None:
    split = small_split(model, sample, 70)

    def stop(_: object) -> None:
        if len(state.history) == until:
            raise KeyboardInterrupt

    try:
        train(state, Reshuffled(split, settings.batch_size), split, settings, seed=1, on_epoch=stop)
    except KeyboardInterrupt:
        assert len(state.history) == until


def settings_of(**settings: Any) -> TrainingSettings:
    return TrainingSettings(**{"epochs": 3, "batch_size": 32, **settings})


def optimizer_tensors(state: TrainingState) -> dict[str, torch.Tensor]:
    slots = state.optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": value
        for index, values in slots.items()
        for name, value in values.items()
        if value is not None
    }


def test_weights_return(tmp_path: Path) -> None:
    name = "best"
    torch.manual_seed(0)
    first, second = build(name, {}), build(name, {})
    save_weights(tmp_path / "model.safetensors", first)
    assert weights_bytes(first) != weights_bytes(second)
    load_weights(tmp_path / "model.safetensors", second)
    assert weights_bytes(first) == weights_bytes(second)


def test_the_weights_file_is_plain_safetensors(tmp_path: Path) -> None:
    model = build("cnn", {}).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    save_weights(tmp_path / "model.safetensors", model)
    stored = load_file(tmp_path / "model.safetensors")
    assert stored.keys() == model.state_dict().keys()
    assert all(torch.equal(stored[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("settings", OPTIMIZERS[1:])
def test_a_state_returns_whole(settings: dict[str, Any], sample: Dataset, tmp_path: Path) -> None:
    name, chosen = "small", settings_of(**settings)
    state = trained(name, sample, chosen, epochs=2)
    save_state(tmp_path / "state.safetensors", state)
    drawn = torch.rand(5)
    other = new_state(name, chosen, seed=99)
    load_state(tmp_path / "state.safetensors", other)
    assert torch.equal(torch.rand(5), drawn)
    assert other.history == state.history
    assert weights_bytes(other.model) == weights_bytes(state.model)
    kept, found = optimizer_tensors(state), optimizer_tensors(other)
    assert kept.keys() == found.keys()
    assert kept
    assert all(torch.equal(kept[key], found[key]) for key in kept)


def one_line(error: pytest.ExceptionInfo[DataError], path: Path) -> str:
    text = str(error.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text


@pytest.mark.parametrize(("kind", "damage"), [("weights", "folder"), ("state", "half")])
def test_a_damaged_file_is_one_clear_line(kind: str, damage: str, sample: Dataset, tmp_path: Path) -> None:
    settings = settings_of(momentum=0.9)
    path, state = tmp_path / f"{kind}.safetensors", trained("fc", sample, settings)
    save_weights(path, state.model) if kind == "weights" else save_state(path, state)
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole[: len(whole) // 2]) if damage == "half" else path.mkdir()
    other = new_state("fc", settings, seed=5)
    before = weights_bytes(other.model)
    with pytest.raises(DataError) as caught:
        load_weights(path, other.model) if kind == "weights" else load_state(path, other)
    assert "not a readable safetensors file" in one_line(caught, path)
    assert weights_bytes(other.model) == before
    assert other.history == []


def test_a_damaged_history_is_one_clear_line(sample: Dataset, tmp_path: Path) -> None:
    path, settings = tmp_path / "state.safetensors", settings_of()
    save_state(path, trained("fc", sample, settings))
    path.write_bytes(path.read_bytes().replace(b"train_loss", b"train_lost"))
    with pytest.raises(DataError) as caught:
        load_state(path, new_state("fc", settings))
    assert "not a run's metrics" in one_line(caught, path)


def assert_short(text: str, cause: str) -> None:
    """Check that of PyTorch's reason, which names every tensor, no more stands there than can be read."""
    reason = text.partition(f"{cause} (")[2].rpartition(")")[0]
    assert 10 < len(reason) <= 160
    assert reason.startswith("Error(s) in loading state_dict for Sequential: ")


def test_another_model_s_file_is_refused(sample: Dataset, tmp_path: Path) -> None:
    settings = settings_of(momentum=0.9)
    state = trained("fc", sample, settings)
    save_weights(tmp_path / "weights", state.model)
    save_state(tmp_path / "state", state)
    other = new_state("fc", settings, hidden=11)
    with pytest.raises(DataError, match="these weights belong to another model") as caught:
        load_weights(tmp_path / "weights", other.model)
    assert_short(one_line(caught, tmp_path / "weights"), "these weights belong to another model")
    for name in ("state", "weights"):  # weights alone are no state either
        with pytest.raises(DataError, match="not the state of this model's training") as caught:
            load_state(tmp_path / name, other)
        assert_short(one_line(caught, tmp_path / name), "not the state of this model's training")


def test_the_checkpoint_before_a_divergence_stands(sample: Dataset, tmp_path: Path) -> None:
    path, calm = tmp_path / "state.safetensors", settings_of()
    state = trained("fc", sample, calm)
    save_state(path, state)
    before = path.read_bytes()
    wild = settings_of(learning_rate=1e30)
    source = FixedOrder(sample.train[:64], 32)
    with pytest.raises(DivergedError, match="epoch 2"):
        train(state, source, sample.validation, wild, seed=0, on_epoch=lambda _: save_state(path, state))
    assert path.read_bytes() == before
    restored = new_state("fc", calm)
    load_state(path, restored)
    assert [record.epoch for record in restored.history] == [1]
    assert all(parameter.isfinite().all() for parameter in restored.model.parameters())
