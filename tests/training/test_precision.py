"""Mixed precision: bfloat16 inside a step where the device computes in it, float32 everywhere else."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from digitscope.data import Dataset, Reshuffled
from digitscope.training import TrainingSettings, TrainingState, train
from digitscope.training.devices import computes_in_bfloat16
from tests.training.helpers import new_state, weights_bytes

NATIVE = "digitscope.training.loop.computes_in_bfloat16"


def trained(name: str, precision: Any, sample: Dataset) -> tuple[TrainingState, dict[bool, set[torch.dtype]]]:
    """Return the state after two epochs on 40 digits, and the dtypes that came out in training or not."""
    settings = TrainingSettings(
        epochs=2, batch_size=20, order="reshuffled", momentum=0.9, ema=0.9, precision=precision
    )
    state = new_state(name, settings)
    met: dict[bool, set[torch.dtype]] = {True: set(), False: set()}

    def watch(module: nn.Module, _: Any, output: Tensor) -> None:
        met[module.training].add(output.dtype)

    for model in (state.model, state.trained):
        last = [layer for layer in model.modules() if isinstance(layer, nn.Linear)][-1]
        last.register_forward_hook(watch)
    train(state, Reshuffled(sample.train[:40], 20), sample.validation[:20], settings, seed=1)
    return state, met


def test_without_native_bfloat16_mixed_is_float32_bit_for_bit(
    sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NATIVE, lambda _: False)
    plain, _ = trained("fc", "float32", sample)
    mixed, met = trained("fc", "mixed", sample)
    assert weights_bytes(mixed.model) == weights_bytes(plain.model)
    assert weights_bytes(mixed.trained) == weights_bytes(plain.trained)
    assert met == {True: {torch.float32}, False: {torch.float32}}


def test_with_it_steps_compute_in_bfloat16_and_weights_stay_float32(
    sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyTorch emulates bfloat16 where it is not native, so this holds on every machine."""
    monkeypatch.setattr(NATIVE, lambda _: True)
    plain, exact = trained("fast", "float32", sample)
    mixed, met = trained("fast", "mixed", sample)
    assert exact == {True: {torch.float32}, False: {torch.float32}}
    assert met == {True: {torch.bfloat16}, False: {torch.float32}}  # evaluation is exact
    for model in (mixed.model, mixed.trained):
        assert {tensor.dtype for tensor in model.state_dict().values()} <= {torch.float32, torch.int64}
    slots = mixed.optimizer.state_dict()["state"].values()
    assert {slot["momentum_buffer"].dtype for slot in slots} == {torch.float32}
    assert weights_bytes(mixed.model) != weights_bytes(plain.model)
    assert mixed.history[0].train_loss == pytest.approx(plain.history[0].train_loss, rel=0.05)


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [({"amx_bf16": True}, True), ({"avx512_bf16": False}, False)],
)
def test_the_processor_says_whether_it_computes_in_bfloat16(
    capabilities: dict[str, bool], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert computes_in_bfloat16(torch.device("cpu")) is expected


def test_where_pytorch_cannot_tell_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not computes_in_bfloat16(torch.device("cpu"))
    assert not computes_in_bfloat16(torch.device("mps"))
