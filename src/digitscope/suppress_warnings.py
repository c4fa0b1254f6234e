"""No warnings from decoders: what they warn of is either in the picture that they give, or an error."""

import threading
import warnings


class _SuppressWarnings:
    """Ignores all warnings while any thread is inside.

    `warnings.catch_warnings` alone restores the wrong filters when two threads leave it in the order they came.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._caught = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._caught.__exit__(None, None, None)


suppress_warnings = _SuppressWarnings()
