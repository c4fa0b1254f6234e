"""The running average of the weights: what it is, that it is what is kept, and that it survives a file."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from digitscope.data import Dataset, Reshuffled
from digitscope.errors import DataError
from digitscope.training import (
    TrainingSettings,
    TrainingState,
    evaluate,
    load_state,
    load_weights,
    save_state,
    save_weights,
    train,
)
from tests.training.helpers import new_state, weights_bytes


def settings_of(ema: float, epochs: int = 2) -> TrainingSettings:
    return TrainingSettings(
        epochs=epochs, batch_size=32, order="reshuffled", momentum=0.9, nesterov=True, rotation=10, ema=ema
    )


def train_on(
    state: TrainingState, sample: Dataset, settings: TrainingSettings, until: int = 9
) -> list[dict[str, Tensor]]:
    """Train on 100 digits until epoch `until`; return the weights and buffers after each step."""
    split, steps = sample.train[:100], list[dict[str, Tensor]]()
    source = Reshuffled(split, settings.batch_size, settings.augmentation)

    def keep() -> None:
        steps.append({name: tensor.clone() for name, tensor in state.model.state_dict().items()})

    def stop(_: object) -> None:
        if len(state.history) == until:
            raise KeyboardInterrupt

    try:
        train(state, source, sample.validation[:60], settings, seed=1, on_batch=keep, on_epoch=stop)
    except KeyboardInterrupt:
        assert len(state.history) == until
    return steps


def test_the_average_is_a_hand_written_recursion(sample: Dataset) -> None:
    """It begins with the weights after the first step; the running statistics of batch norms are averaged too."""
    name, ema = "small", 0.95
    state = new_state(name, settings_of(ema))
    steps = train_on(state, sample, settings_of(ema))
    assert len(steps) == 8
    expected = {key: tensor.double() for key, tensor in steps[0].items()}
    for step in steps[1:]:
        expected = {key: ema * kept + (1 - ema) * step[key].double() for key, kept in expected.items()}
    found = state.trained.state_dict()
    assert found.keys() == expected.keys()
    for key, tensor in found.items():
        if tensor.is_floating_point():
            assert torch.allclose(tensor.double(), expected[key], rtol=1e-4, atol=1e-6), key
            assert not torch.equal(tensor, steps[-1][key]), key
    assert any("running_var" in key for key in found) == (name != "fc")


def test_the_average_does_not_touch_the_training(sample: Dataset) -> None:
    plain, averaged = new_state("small", settings_of(0)), new_state("small", settings_of(0.9))
    assert plain.trained is plain.model
    train_on(plain, sample, settings_of(0))
    train_on(averaged, sample, settings_of(0.9))
    assert weights_bytes(plain.model) == weights_bytes(averaged.model) != weights_bytes(averaged.trained)
    assert [r.train_loss for r in plain.history] == [r.train_loss for r in averaged.history]
    assert [r.validation_loss for r in plain.history] != [r.validation_loss for r in averaged.history]


def test_the_average_is_validated_and_saved(sample: Dataset, tmp_path: Path) -> None:
    state = new_state("small", settings_of(0.8))
    train_on(state, sample, settings_of(0.8))
    scores = evaluate(state.trained, sample.validation[:60])
    last = state.history[-1]
    assert (last.validation_loss, last.validation_accuracy) == (scores.nll, scores.accuracy)
    assert last.validation_loss != evaluate(state.model, sample.validation[:60]).nll
    save_weights(tmp_path / "weights", state.trained)
    other = new_state("small", settings_of(0), seed=9).model
    load_weights(tmp_path / "weights", other)  # into a network as everybody builds it
    assert evaluate(other, sample.validation[:60]) == scores


def test_a_state_without_an_average_is_not_gone_on_from_with_one(sample: Dataset, tmp_path: Path) -> None:
    plain = new_state("fc", settings_of(0))
    train_on(plain, sample, settings_of(0), until=1)
    save_state(tmp_path / "state", plain)
    with pytest.raises(DataError, match="state: not the state of this model's training") as caught:
        load_state(tmp_path / "state", new_state("fc", settings_of(0.9)))
    assert "\n" not in str(caught.value)
