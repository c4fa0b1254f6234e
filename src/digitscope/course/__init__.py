"""The course's own names, with its signatures and its numbers: thin doors to the library."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from digitscope.errors import DigitscopeError

if TYPE_CHECKING:
    from digitscope.course.exercises import check as check
    from digitscope.course.exercises.judging import Verdict as Verdict

__all__ = ["Verdict", "check", "run_script"]


def __getattr__(name: str) -> Any:
    """Load NumPy when an exercise is first checked, and not before."""
    if name in __all__:
        from digitscope.course import exercises

        return getattr(exercises, name)
    raise AttributeError(f"module 'digitscope.course' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names that are there, and those that are loaded when they are first used."""
    return sorted({*globals(), *__all__})


def run_script(main: Callable[[], object]) -> None:
    """Call `main`; an error of digitscope becomes one line on stderr, and its `exit_code` the process's.

    Raises:
        SystemExit: `main` raised a DigitscopeError, the reader of its output is gone, or it was interrupted.
    """
    try:
        main()
        print(end="", flush=True)  # a reader that is gone shows here, and not when the interpreter ends
    except DigitscopeError as error:
        print(f"digitscope: error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
