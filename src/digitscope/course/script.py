"""What the course's files have in common when they are run as scripts."""

import sys
from collections.abc import Callable

from digitscope.errors import DigitscopeError


def run_script(main: Callable[[], object]) -> None:
    """Call `main`; an error of digitscope becomes one line on stderr, and its `exit_code` the process's.

    Raises:
        SystemExit: `main` raised a DigitscopeError.
    """
    try:
        main()
    except DigitscopeError as error:
        print(f"digitscope: error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(error.exit_code)
