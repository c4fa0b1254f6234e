"""The networks that come with the package."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from digitscope.errors import DataError, SettingError

WEIGHTS = Path(__file__).parents[1] / "weights"

SHIPPED: Mapping[str, str] = MappingProxyType(
    {
        "digit": "one digit, 28x28: small and fast, the default",
        "digit-best": "one digit, 28x28: larger and slower",
        "two-digit": "two digits over each other, 42x28",
        "page": "where digits and signs are on a page",
        "item": "what each of them is, 32x64",
    }
)
"""The input of each shipped network; its model card lies beside it."""


def shipped_path(name: str) -> Path:
    """Return the ONNX file of the shipped network called `name`.

    Raises:
        SettingError: there is none of that name.
        DataError: the installation lacks the file.
    """
    if name not in SHIPPED:
        raise SettingError(
            f"no network called {name!r}: expected {', '.join(SHIPPED)}, or what `digitscope export RUN` writes"
        )
    path = WEIGHTS / f"{name}.onnx"
    if not path.is_file():
        raise DataError(f"{path}: the installation lacks this file: install digitscope anew")
    return path
