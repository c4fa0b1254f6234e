"""What is said beside a result."""

import sys


def remark(text: str) -> None:
    """Print one line for the person at the terminal, out of the way of what is piped on."""
    print(text, file=sys.stderr)
