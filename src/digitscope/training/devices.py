"""Where training runs, and how the machine is made ready for it."""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from digitscope.errors import SettingError
from digitscope.training.distributed import n_processes

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str) -> torch.device:
    """Return the device called `name`; "auto" is the first of cuda, mps and cpu that is there.

    Processes that train together do so on the CPU.

    Raises:
        SettingError: the name is unknown, or there is no such device.
    """
    if name not in DEVICES:
        raise SettingError(f"device is {name!r}: expected one of {', '.join(DEVICES)}")
    if n_processes() > 1:
        if name not in ("auto", "cpu"):
            raise SettingError(f"device is {name!r}: expected auto or cpu, where processes train together")
        return torch.device("cpu")
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    present = [kind for kind, is_there in there.items() if is_there]
    if name != "auto" and name not in present:
        raise SettingError(f"device is {name!r}, but PyTorch finds only {', '.join(present)}: pass auto")
    return torch.device(present[0] if name == "auto" else name)


def place(model: nn.Module, device: str) -> nn.Module:
    """Return `model` on the device called `device`, laid out for it: CPU convolutions prefer channels last.

    Raises:
        SettingError: the name is unknown, or this machine has no such device.
    """
    model = model.to(choose_device(device))
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def computes_in_bfloat16(device: torch.device) -> bool:
    """Tell whether `device` multiplies bfloat16 numbers natively; elsewhere they are slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):  # PyTorch 2.11 and older cannot tell
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


@contextmanager
def cpu_threads(threads: int) -> Iterator[None]:
    """Compute with this many CPU threads inside the block; 0 leaves their number as it is."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def keep_freed_memory() -> None:
    """Tell glibc's allocator to reuse freed blocks instead of giving them back to the system.

    A training step frees and takes the same megabytes again and again; with glibc's defaults every step pays for
    page faults, which makes it up to 1.7 times slower, and erratic. Other C libraries are left alone.
    The numbers are those of malloc.h; 32 MiB is the largest mmap threshold that glibc accepts.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3
    libc.mallopt(mmap_threshold, 32 * 2**20)
    libc.mallopt(trim_threshold, 2**31 - 1)
    libc.mallopt(top_pad, 64 * 2**20)
