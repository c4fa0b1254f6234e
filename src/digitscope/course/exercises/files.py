"""Exercises in a file of Python or in a notebook, whose code runs in a worker process.

`names_in` and `check_in` are called in the worker: they execute the file, which may loop or end the process.
"""

import ast
import os
import sys
import traceback
from functools import cache
from pathlib import Path
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any

from digitscope.course.exercises import check
from digitscope.course.exercises.judging import Verdict, silenced
from digitscope.course.exercises.sources import NOTEBOOK, Source, sources_in
from digitscope.errors import DataError, DigitscopeError, first_line

NAMES = MappingProxyType(
    {
        "relu": ("relu", "rectified_linear_unit"),
        "relu_derivative": ("relu_derivative", "rectified_linear_unit_derivative"),
        "train_step": ("train_step", "NeuralNetwork.train"),
        "predict": ("predict", "NeuralNetwork.predict"),
        "batchify": ("batchify", "batchify_data"),
        "accuracy": ("accuracy", "compute_accuracy"),
        "flatten": ("flatten", "Flatten"),
        "cnn": ("cnn", "main.model"),
        "two_headed_mlp": ("two_headed_mlp", "MLP"),
        "two_headed_cnn": ("two_headed_cnn", "CNN"),
    }
)
"""The exercises, and the names that a file may have for each: ours, and the course's.

`NeuralNetwork.train` stands for the class, if it has that method; `main.model` for the network with convolutions
that the course's function `main` makes.
"""

MODULE = "exercises_in_file"
"""The name that the file has as a module: not its own, which may be that of a module of Python."""


def names_in(path: Path) -> dict[str, str]:
    """Return the exercises that the file has, each with its name there.

    Args:
        path: of the file, from the root on.

    Raises:
        DataError: the file cannot be read or run.
    """
    module = _loaded(path)
    found = {
        exercise: next((name for name in names if _solution(module, name) is not None), "")
        for exercise, names in NAMES.items()
    }
    return {exercise: name for exercise, name in found.items() if name}


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
    except DataError:
        raise
    except DigitscopeError as error:  # PyTorch is not installed
        return Verdict(False, exercise, str(error))


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
        sources = sources_in(path)
    for source in sources:
        try:
            with silenced():
                exec(source.compiled(), vars(module))  # noqa: S102 - the reader asked to run it
        except SystemExit as error:
            raise DataError(
                f"{path.name}:{_line(error, source)} the file ends itself by sys.exit: remove that"
            ) from None
        except Exception as error:  # noqa: BLE001 - it is code of a student
            problem = error.msg if isinstance(error, SyntaxError) else first_line(error)
            raise DataError(f"{path.name}:{_line(error, source)} {type(error).__name__}: {problem}") from None
    return module


def _line(error: BaseException, source: Source) -> str:
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
    functions = [
        node
        for source in sources_in(path)
        for node in source.parsed().body
        if isinstance(node, ast.FunctionDef) and node.name == "main"
    ]
    for node in (node for function in functions for node in ast.walk(function)):
        match node:
            case ast.Assign(targets=[ast.Name(id="model")], value=ast.Call() as call):
                text = ast.unparse(call)
                if ast.unparse(call.func).endswith("Sequential") and "Conv2d" in text:
                    code = compile(ast.Expression(call), str(path), "eval")
                    return FunctionType(code, vars(module))  # makes the network when it is called
    return None
