"""Remarks on standard error, and one error message for all processes of torchrun."""

import os
import sys
import time
from functools import cache

PATIENCE = 5.0  # seconds


def remark(text: str) -> None:
    """Print one line on standard error, so that piped output stays clean."""
    print(text, file=sys.stderr)


@cache
def let_the_first_one_speak() -> None:
    """Wait, once, before an error is reported, unless this is torchrun's first process on its machine.

    A wrong call fails in every process. The first one reports it and ends, and torchrun then ends the others. A
    process that survives the wait has an error of its own and reports it.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("LOCAL_RANK", "0") != "0":
        time.sleep(PATIENCE)
