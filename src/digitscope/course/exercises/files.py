"""Exercises in a file of Python or in a notebook, whose code runs in a worker process.

`names_in` and `check_in` are called in the worker: they execute the file, which may loop or end the process.
Magics and shell commands of a notebook are left out.
"""

import ast
import json
import linecache
import os
import re
import sys
import traceback
from functools import cache
from pathlib import Path
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any, NamedTuple

from digitscope.course.exercises import EXERCISES, check
from digitscope.course.exercises.judging import Verdict, silenced
from digitscope.errors import DataError, MissingExtraError, first_line

NAMES = MappingProxyType({exercise: (exercise, name) for exercise, (_, name) in EXERCISES.items()})
"""The exercises, and the names that a file may have for each: ours, and the course's."""

MODULE = "exercises_in_file"
"""The name that the file has as a module: not its own, which may be that of a module of Python."""

NOTEBOOK = ".ipynb"

MAGIC = re.compile(r"^(\s*)(?:[%!?].*|\w[\w., ]*=\s*[%!].*|[\w.]+\?{1,2}\s*)$")
"""A line that IPython takes and Python refuses: %magic, !command, files = !ls, np.dot?."""

FOREIGN = re.compile(r"^\s*%%(?!time\b|timeit\b|capture\b|prun\b)")
"""The start of a cell that is another language or a text, such as %%bash or %%writefile."""


def names_in(path: Path) -> dict[str, str]:
    """Return the exercises that the file has, each with its name there.

    Args:
        path: of the file, from the root on.

    Raises:
        DataError: the file cannot be read or run.
    """
    module = _loaded(path)
    found: dict[str, str] = {}
    for exercise, names in NAMES.items():
        for name in names:
            if exercise not in found and _solution(module, name) is not None:
                found[exercise] = name
    return found


def check_in(path: Path, exercise: str, name: str) -> Verdict:
    """Return the verdict on the solution of `exercise` that is called `name` in the file.

    Args:
        path: of the file, from the root on.
        exercise: the exercise.
        name: one that `names_in` returned.

    Raises:
        DataError: the file cannot be read or run.
    """
    try:
        return check(exercise, _solution(_loaded(path), name))
    except MissingExtraError as error:  # PyTorch
        return Verdict(False, exercise, str(error))


class _Source(NamedTuple):
    """The code of a file or cell, its name in tracebacks, and in sentences: " cell 3," or nothing for a file."""

    code: str | bytes
    name: str
    place: str = ""


def _sources_in(path: Path) -> list[_Source]:
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
        return [_Source(content, str(path))]
    try:
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(content)["cells"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DataError(f"{path.name}: the notebook is damaged: open it in Jupyter and save it again") from None
    sources = []
    for number, (kind, text) in enumerate(cells, start=1):
        if kind == "code":
            code, name = _python(text), f"{path}, cell {number}"
            linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
            sources.append(_Source(code, name, f" cell {number},"))
    return sources


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


@cache
def _loaded(path: Path) -> ModuleType:
    """Run the file in its own folder, as the course's scripts expect, and return its module."""
    module = sys.modules[MODULE] = ModuleType(MODULE)
    module.__file__ = str(path)
    sys.path.insert(0, str(path.parent))
    os.chdir(path.parent)
    if path.suffix == NOTEBOOK:
        vars(module)["display"] = lambda *_, **__: None
        os.environ["MPLBACKEND"] = "agg"  # figures open no windows, as in Jupyter
    with silenced():
        sources = _sources_in(path)
    for source in sources:
        try:
            with silenced():
                code = compile(source.code, source.name, "exec", dont_inherit=True)
                exec(code, vars(module))  # noqa: S102 - the reader asked to run it
        except SystemExit as error:
            raise DataError(
                f"{path.name}:{_line(error, source)} the file ends itself by sys.exit: remove that"
            ) from None
        except Exception as error:  # noqa: BLE001 - it is code of a student
            problem = error.msg if isinstance(error, SyntaxError) else first_line(error)
            raise DataError(f"{path.name}:{_line(error, source)} {type(error).__name__}: {problem}") from None
    return module


def _line(error: BaseException, source: _Source) -> str:
    """Return " line N:", where the source raised `error`."""
    if isinstance(error, SyntaxError) and error.filename == source.name:
        return f"{source.place} line {error.lineno}:"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == source.name]
    return f"{source.place} line {lines[-1]}:" if lines else ""


def _solution(module: ModuleType, name: str) -> Any:
    """Return what the file defines as `name`, or None; what it imports and plain values do not count."""
    first, _, attribute = name.partition(".")
    found = getattr(module, first, None)
    if isinstance(found, FunctionType | type) and found.__module__ != module.__name__:
        return None
    if not attribute:
        return found if callable(found) or isinstance(found, list | tuple) else None
    if isinstance(found, FunctionType):
        return _model_in_main(module)
    return found if hasattr(found, attribute) else None


def _model_in_main(module: ModuleType) -> Any:
    """Return the network that `main` assigns to `model`, if that is a list of layers with a convolution."""
    path = Path(str(module.__file__))
    nodes = [node for source in _sources_in(path) for node in ast.parse(source.code).body]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name == "main"]
    for node in (node for function in functions for node in ast.walk(function)):
        match node:
            case ast.Assign(targets=[ast.Name(id="model")], value=ast.Call() as call):
                if ast.unparse(call.func).endswith("Sequential") and "Conv2d" in ast.unparse(call):
                    code = compile(ast.Expression(call), str(path), "eval")
                    return FunctionType(code, vars(module))  # makes the network when it is called
    return None
