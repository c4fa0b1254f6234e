"""`python -m digitscope` is the same as `digitscope`."""

import sys

from digitscope.cli import main

sys.exit(main())
