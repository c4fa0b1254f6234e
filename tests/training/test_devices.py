import platform

import pytest
import torch

from digitscope.errors import SettingError
from digitscope.models import build
from digitscope.training import choose_device, cpu_threads, keep_freed_memory, place


def present(monkeypatch: pytest.MonkeyPatch, *, cuda: bool, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


def test_auto_takes_the_fastest_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda, mps, chosen = False, True, "mps"
    present(monkeypatch, cuda=cuda, mps=mps)
    assert choose_device("auto").type == chosen
    assert choose_device("cpu").type == "cpu"


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingError, match="device is 'tpu': expected one of auto, cpu, cuda, mps"):
        choose_device("tpu")


def test_an_absent_device_is_refused_with_the_present_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    present(monkeypatch, cuda=False, mps=False)
    with pytest.raises(SettingError, match="device is 'mps', but PyTorch finds only cpu: pass auto"):
        place(build("fc", {}), "mps")


def test_a_placed_model_computes_the_same() -> None:
    model = build("cnn", {}).eval()
    images = torch.arange(4 * 784, dtype=torch.int64).remainder(256).to(torch.uint8).reshape(4, 28, 28)
    before = model(images)
    placed = place(model, "cpu")
    assert next(placed.parameters()).device.type == "cpu"
    assert torch.allclose(placed(images), before, atol=1e-5)


def test_threads_hold_inside_the_block_alone() -> None:
    before = torch.get_num_threads()
    with cpu_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    with cpu_threads(0):
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr("ctypes.CDLL", lambda _: pytest.fail("loaded a library"))
    keep_freed_memory()
