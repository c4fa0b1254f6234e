"""The errors of digitscope; each message is one clear line.

Every message names the object, the problem, the expected value and the next step.
"""


class DigitscopeError(Exception):
    """The base of every error that digitscope raises on purpose; `exit_code` is what the command ends with."""

    exit_code = 1


class DataError(DigitscopeError):
    """A file, or the data in it, is not what it should be."""


class SettingError(DigitscopeError, ValueError):
    """A setting or an argument is unknown, out of range or contradicts another."""

    exit_code = 2


class DivergedError(DigitscopeError):
    """Training has left the range of numbers."""


class ClusterError(DigitscopeError):
    """Other machines, or processes that work together, cannot be reached or used."""


class MissingExtraError(DigitscopeError, ImportError):
    """A feature needs an optional dependency that is not installed: of an extra, or with None of no extra."""

    def __init__(self, package: str, extra: str | None) -> None:
        self._given = package, extra
        wanted = package if extra is None else f"'digitscope[{extra}]'"
        super().__init__(f"this needs the package {package!r}, which is not installed: pip install {wanted}")

    def __reduce__(self) -> tuple[type, tuple[str, str | None]]:  # a worker process may raise it
        return type(self), self._given


def first_line(error: Exception) -> str:
    """Return the first line of an error of another library, cut short, or the error's name if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
