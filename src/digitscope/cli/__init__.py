"""The `digitscope` command: arguments, printing, exit codes. The only place that prints.

Exit codes: 0 done, 1 the work failed, 2 the call was wrong, 130 interrupted.
"""

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import NoReturn

from digitscope import __version__
from digitscope.cli.arguments import OneLineParser
from digitscope.cli.console import report, wait_for_first_process
from digitscope.errors import DigitscopeError, MissingExtraError

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "demo": "train, evaluate and draw on whatever data there is: the place to start",
        "learn": "the course as notebooks: how a network learns, from one neuron to pages of numbers",
        "read": "read the digits in pictures: photos, scans, screenshots, whole folders of them",
        "form": "filled-in forms to a table of values: describe a form once, then read all its scans and photos",
        "serve": "a page to draw on, look inside and watch a network learn; and a service for other programs",
        "train": "train one recipe into a run folder",
        "sweep": "which settings read best: many trainings, ranked on validation; goes on where it was stopped",
        "study": "one question of a course answered by many trainings: a figure for a slide, a table, a paragraph",
        "evaluate": "score a run, an .onnx file or a shipped network on a split; draw its errors and calibration",
        "export": "turn a run into an .onnx file that needs no PyTorch",
        "reproduce": "every figure of the course's project beside the one obtained here",
        "check": "say what is wrong with exercises of the course's project, without the answer",
        "bench": "how fast: tables with peers, measured in turns in the same run",
        "data": "what data there are; fetch MNIST; write the course's files; draw a contact sheet",
    }
)
"""Each command and its summary. The module of that name in this package declares it, and is loaded on demand."""

EXTRA_PACKAGES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("torch", "jinja2", "matplotlib", "onnx", "onnxscript", "pooch", "rich"), "train"),
        **dict.fromkeys(("fastapi", "starlette", "uvicorn", "python_multipart"), "serve"),
        **dict.fromkeys(("cv2", "stdnum", "openpyxl"), "forms"),
        **dict.fromkeys(("jupytext", "jupyterlab"), "learn"),
        "optuna": "sweep",
        "ray": "distributed",
        "tensorboard": "tensorboard",
    }
)
"""The packages that may be absent, and the extra that each comes with."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (those of the process if None) name, and return its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if arguments is None and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt_once)
    if words[:1] != ["bench"]:  # which measures the libraries as they come
        # They read this when they are loaded. NumPy's matrix products gain little from a second thread. A waiting
        # thread of PyTorch spins for milliseconds by default: when other work has the other core, a training step
        # takes ten times as long by that.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        options, unknown = _parser(words).parse_known_args(words)
        if unknown:
            options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        if "data" in options:
            import_module("digitscope.cli.datasets").settle_data(options)
        for package in options.needs:
            import_module(package)
        exit_code = int(options.run(options))
        print(end="", flush=True)  # a reader that is gone shows here, and not when the interpreter ends
        return exit_code
    except DigitscopeError as error:
        return _fail(error, error.exit_code)
    except ModuleNotFoundError as error:
        package = error.name or ""
        if package not in EXTRA_PACKAGES:
            raise
        return _fail(MissingExtraError(package, EXTRA_PACKAGES[package]), 1)
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # what is read is checked by its reader, so this is about a place to write to
        reason = f"{error.filename}: cannot be written ({error.strerror}): name another place"
        return _fail(error if error.filename is None else reason, 1)
    except MemoryError as error:  # what NumPy could not allocate, if it was NumPy
        return _fail(f"not enough memory ({str(error) or 'none is left'}): ask for less at once", 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)


def _interrupt_once(number: int, _: object) -> NoReturn:
    """Interrupt the work. Ctrl-C again does not interrupt what is tidied up then, nor the interpreter's end."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of all commands, of which only the one in `words` is filled: the others stay unloaded."""
    parser = OneLineParser(
        prog="digitscope",
        description="Reads handwritten digits, and shows how a network learns to.",
        epilog="example: digitscope demo",
    )
    parser.add_argument("--version", action="version", version=f"digitscope {__version__}")
    completion_help = "write completion for bash, zsh and fish into your home folder, and say where"
    parser.add_argument("--install-completion", action=_InstallCompletion, nargs=0, help=completion_help)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        command.set_defaults(parser=command)
        if name == next((word for word in words if not word.startswith("-")), None):
            import_module(f"digitscope.cli.{name}").COMMAND.configure(command)
    return parser


class _InstallCompletion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        import_module("digitscope.cli.completion").install(COMMANDS)
        parser.exit()


def _fail(reason: object, exit_code: int) -> int:
    wait_for_first_process()
    report(reason)
    return exit_code
