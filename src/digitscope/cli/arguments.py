"""The declared command line: what a command takes, the one builder of parsers, and what several commands share."""

import argparse
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, NoReturn, get_args

from digitscope.cli.console import wait_for_first_process
from digitscope.cores import usable_cores


class Argument:
    """One argument of a command: "name METAVAR", "--flag METAVAR" or a name alone; and keywords of argparse."""

    def __init__(self, name: str, *, help: str, **keywords: Any) -> None:  # noqa: A002 - argparse's name for it
        self.name, _, metavar = name.partition(" ")
        self.keywords = {"help": help, **({"metavar": metavar} if metavar else {}), **keywords}

    def add_to(self, parser: Any) -> None:
        """Add the argument to a parser or to a group of one."""
        parser.add_argument(self.name, **self.keywords)


@dataclass(frozen=True)
class Command:
    """A command: its arguments, in the order of its help, and the function that does its work.

    Attributes:
        run: does the work with the parsed options, and returns the exit code.
        example: a call that works, without `digitscope`.
        about: what the help says before the example.
        exclusive: arguments of which a call has one at most.
        groups: more arguments, under headings in the help.
        needs: packages of the extras that are used at the end: better missed before the work.
        actions: commands of this command by name, each with its summary; it then does nothing by itself.
    """

    run: Callable[[argparse.Namespace], int] | None = None
    arguments: Sequence[Argument] = ()
    example: str = ""
    about: str = ""
    exclusive: Sequence[Argument] = ()
    groups: Mapping[str, Sequence[Argument]] = field(default_factory=dict)
    needs: Sequence[str] = ()
    actions: Mapping[str, tuple[str, "Command"]] = field(default_factory=dict)

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Make `parser` that of this command."""
        parser.epilog = f"{self.about}\n\nexample: digitscope {self.example}".lstrip()
        groups: list[tuple[Any, Sequence[Argument]]] = [(parser, self.arguments)]
        if self.exclusive:
            groups.append((parser.add_mutually_exclusive_group(), self.exclusive))
        groups += [(parser.add_argument_group(title), arguments) for title, arguments in self.groups.items()]
        for group, arguments in groups:
            for argument in arguments:
                argument.add_to(group)
        if self.actions:
            actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
            for name, (summary, action) in self.actions.items():
                action.configure(actions.add_parser(name, help=summary))
        else:
            parser.set_defaults(run=self.run, needs=self.needs)


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, and whose examples keep their line breaks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs |= {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
        super().__init__(*args, **kwargs)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Exit, with what was printed handed over first, so that `main` meets a reader that is gone."""
        print(end="", flush=True)
        super().exit(status, message)

    def error(self, message: str) -> NoReturn:
        """Exit with 2 and one line."""
        wait_for_first_process()
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}; {self.prog} --help shows how\n")


# Types of arguments: each returns the value of a text, or raises `ArgumentTypeError`.


def text_argument(text: str) -> str:
    """Return `text`, which names a file or folder, as it was written; a `Path` would drop a leading ./.

    Raises:
        ArgumentTypeError: it is empty, or a web address.
    """
    if not text:  # which `Path` takes for the current folder
        raise argparse.ArgumentTypeError("'' names no file or folder: expected a path; . is the current folder")
    if re.match(r"\w+://", text):
        raise argparse.ArgumentTypeError(f"{text!r} is a web address: expected a path; download the file first")
    return text


def path_argument(text: str) -> Path:
    """Return `text` as a path, checked as `text_argument` does.

    Raises:
        ArgumentTypeError: it is empty, or a web address.
    """
    return Path(text_argument(text))


def file_argument(what: str, *endings: str) -> Callable[[str], Path]:
    """Return the type of a path that has one of `endings`, as the name of `what` has."""

    def parse(text: str) -> Path:
        path = path_argument(text)
        if path.suffix.lower() not in endings:
            expected = f"expected a name that ends in {', '.join(endings)}"
            raise argparse.ArgumentTypeError(f"{text!r} names no {what}: {expected}")
        return path

    return parse


def whole_number(what: str, least: int, most: float = inf) -> Callable[[str], int]:
    """Return the type of a whole number from `least` to `most`, which is a `what`."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            limits = f"from {least}" if most == inf else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"{text!r} is no {what}: expected a whole number {limits}")
        return int(text)

    return parse


count_argument = whole_number("count", 1)


# Arguments that several commands share


Flag = partial(Argument, action="store_true")
File = partial(Argument, type=path_argument)
Folder = partial(File, metavar="DIR")
Number = partial(Argument, type=int, metavar="N")

DATA = (
    Folder(
        "--data",
        help="folder with MNIST's IDX files or the course's files (or its subfolder mnist); "
        "default: DIGITSCOPE_DATA, the cache, a download, the embedded sample",
    ),
    Flag("--unchecked", help="accept IDX files whose content is not MNIST's, such as your own"),
)
DEVICE = Argument(
    "--device", default="auto", choices=("auto", "cpu", "cuda", "mps"), help="where to compute (default: auto)"
)
JSON = Flag("--json", help="print JSON on standard output, and nothing else there")
TEST = Flag("--test", help="score the test split too; what was finished without that is trained again")


def seed_of(what: str, default: int | None = None) -> Argument:
    """Return --seed, which is of `what`; with None as default the command decides."""
    ending = "" if default is None else f" (default: {default})"
    return Number("--seed", type=whole_number("seed", 0, 2**32 - 1), default=default, help=f"of {what}{ending}")


def cores() -> Argument:
    """Return --cores."""
    return Number(
        "--cores", type=count_argument, default=usable_cores(), help="to compute on (default: all, %(default)s)"
    )


def engine(what: str) -> tuple[Argument, Argument]:
    """Return --engine and --address; the engine is what `what` says."""
    return (
        Argument("--engine", default="local", choices=("local", "ray"), help=f"what {what} (default: local)"),
        Argument(
            "--address HOST:PORT",
            help="of the Ray cluster, or auto for the one that this machine belongs to; its token comes from the "
            "environment, RAY_AUTH_TOKEN (default: a Ray on this machine alone, which ends with the command)",
        ),
    )


def check_engine(options: argparse.Namespace) -> None:
    """Refuse an address without an engine that has one.

    Raises:
        SystemExit: with 2, once the error is told.
    """
    if options.address and options.engine != "ray":
        options.parser.error(f"argument --address: {options.address}: expected --engine ray with it")


def annotated_fields(settings: type) -> Iterator[tuple[Field[Any], Any, str]]:
    """Yield each field of a class of settings, with its type and the help that `Annotated` has beside it."""
    for each in fields(settings):
        kind, text, *_ = get_args(each.type)
        yield each, kind, text.replace("%", "%%")


# The way back, from options to a call


def words_of(options: argparse.Namespace, *names: str) -> list[str]:
    """Return the flags of the options called `names` that are not at their defaults."""
    words: list[str] = []
    for name in names:
        value = getattr(options, name)
        if value is True:
            words.append(f"--{name}")
        elif value is not None and value != options.parser.get_default(name):
            words += [f"--{name}", str(value)]
    return words


def call_of(*words: object) -> str:
    """Return `words` of a call of the command as a shell takes them."""
    return shlex.join(["digitscope", *map(str, words)])
