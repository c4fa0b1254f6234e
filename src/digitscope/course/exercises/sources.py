"""The code of a student's file: Python, or the cells of a notebook.

Magics and shell commands of a notebook are left out.
"""

import ast
import json
import linecache
import re
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from digitscope.errors import DataError

NOTEBOOK = ".ipynb"

MAGIC = re.compile(r"^(\s*)(?:[%!?].*|\w[\w., ]*=\s*[%!].*|[\w.]+\?{1,2}\s*)$")
"""A line that IPython takes and Python refuses: %magic, !command, files = !ls, np.dot?."""

FOREIGN = re.compile(r"^\s*%%(?!time\b|timeit\b|capture\b|prun\b)")
"""The start of a cell that is another language or a text, such as %%bash or %%writefile."""


@dataclass(frozen=True)
class Source:
    """Code with a name for tracebacks.

    Attributes:
        text: the code; bytes may name their own encoding.
        name: the path of a file, followed by the number of the cell in a notebook.
        place: names the cell in sentences, " cell 3,"; it is empty for a file of Python.
    """

    text: str | bytes
    name: str
    place: str = ""

    def compiled(self) -> CodeType:
        """Return the code, ready to run; tracebacks show the lines of cells too."""
        if isinstance(self.text, str):
            lines = self.text.splitlines(keepends=True)
            linecache.cache[self.name] = (len(self.text), None, lines, self.name)
        return compile(self.text, self.name, "exec", dont_inherit=True)

    def parsed(self) -> ast.Module:
        """Return the syntax tree."""
        return ast.parse(self.text, self.name)


def sources_in(path: Path) -> list[Source]:
    """Return the code of a file of Python, or of each cell of a notebook.

    Raises:
        DataError: the file is damaged, or is neither.
    """
    if path.suffix not in (".py", NOTEBOOK):
        raise DataError(f"{path.name}: not a file of Python: expected a name that ends in .py or {NOTEBOOK}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path.name}: cannot be read: {error.strerror}") from None
    if path.suffix == ".py":
        return [Source(content, str(path))]
    try:
        cells = [
            (number, "".join(cell["source"]))
            for number, cell in enumerate(json.loads(content)["cells"], start=1)
            if cell["cell_type"] == "code"
        ]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DataError(f"{path.name}: the notebook is damaged: open it in Jupyter and save it again") from None
    return [Source(_python(text), f"{path}, cell {number}", f" cell {number},") for number, text in cells]


def _python(cell: str) -> str:
    """Return a cell without the lines that only IPython understands; the others keep their numbers."""
    if FOREIGN.match(cell):
        return ""
    lines = cell.split("\n")
    while True:
        try:
            ast.parse("\n".join(lines))
        except (SyntaxError, ValueError) as error:
            at = (getattr(error, "lineno", None) or 0) - 1
            if 0 <= at < len(lines) and MAGIC.match(lines[at]):
                lines[at] = MAGIC.sub(r"\1pass", lines[at])
                continue
        return "\n".join(lines)
