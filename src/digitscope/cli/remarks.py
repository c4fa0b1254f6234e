"""What is said beside a result, and who says what went wrong."""

import os
import sys
import time
from functools import cache

PATIENCE = 5.0  # seconds


def remark(text: str) -> None:
    """Print one line for the person at the terminal, out of the way of what is piped on."""
    print(text, file=sys.stderr)


@cache
def let_the_first_one_speak() -> None:
    """Wait, once, before an error is told, unless this is the first process that torchrun started on its machine.

    What is wrong with a call is so for all of them. The first one tells it and ends, and with it torchrun ends the
    others. Who is still there after the wait has met something of its own, and is to tell it.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("LOCAL_RANK", "0") != "0":
        time.sleep(PATIENCE)
