"""Arguments and checks that the commands share."""

import argparse
from collections.abc import Iterator
from dataclasses import Field, fields
from typing import Any, NoReturn, get_args

from digitscope.cli.paths import path_argument
from digitscope.cli.remarks import let_the_first_one_speak
from digitscope.cores import usable_cores


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
        let_the_first_one_speak()
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}; {self.prog} --help shows how\n")


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add --data and --unchecked."""
    parser.add_argument(
        "--data",
        type=path_argument,
        metavar="DIR",
        help="folder with MNIST's IDX files or the course's files (or its subfolder mnist); "
        "default: DIGITSCOPE_DATA, the cache, a download, the embedded sample",
    )
    parser.add_argument(
        "--unchecked",
        action="store_true",
        help="accept IDX files whose content is not MNIST's, such as your own",
    )


def add_test(parser: argparse.ArgumentParser) -> None:
    """Add --test."""
    test_help = "score the test split too; what was finished without that is trained again"
    parser.add_argument("--test", action="store_true", help=test_help)


def data_words(options: argparse.Namespace) -> list[str]:
    """Return the words that name the same data in another call."""
    words = ["--data", str(options.data)] if options.data else []
    return [*words, "--unchecked"] if options.unchecked else words


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument(
        "--json", action="store_true", help="print JSON on standard output, and nothing else there"
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add --device."""
    parser.add_argument(
        "--device",
        default="auto",
        choices=("auto", "cpu", "cuda", "mps"),
        help="where to compute (default: auto)",
    )


def add_cores(parser: argparse.ArgumentParser) -> None:
    """Add --cores."""
    parser.add_argument(
        "--cores", type=int, default=usable_cores(), metavar="N", help="to compute on (default: all, %(default)s)"
    )


def check_cores(options: argparse.Namespace) -> None:
    """Refuse to compute on none."""
    if options.cores < 1:
        options.parser.error(f"argument --cores: {options.cores}: expected a whole number from 1")


def add_engine(parser: argparse.ArgumentParser, what: str) -> None:
    """Add --engine and --address; the engine is what `what` says."""
    parser.add_argument(
        "--engine", default="local", choices=("local", "ray"), help=f"what {what} (default: local)"
    )
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="of the Ray cluster, or auto for the one that this machine belongs to; its token comes from the "
        "environment, RAY_AUTH_TOKEN (default: a Ray on this machine alone, which ends with the command)",
    )


def check_engine(options: argparse.Namespace) -> None:
    """Refuse an address without an engine that has one."""
    if options.address and options.engine != "ray":
        options.parser.error(f"argument --address: {options.address}: expected --engine ray with it")


def add_seed(parser: argparse.ArgumentParser, what: str, default: int | None) -> None:
    """Add --seed, which is of `what`; with None as default the command decides."""
    ending = "" if default is None else f" (default: {default})"
    parser.add_argument("--seed", type=_seed, default=default, metavar="N", help=f"of {what}{ending}")


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed: expected a whole number from 0 to 4294967295")
    return int(text)


def annotated_fields(settings: type) -> Iterator[tuple[Field[Any], Any, str]]:
    """Yield each field of a class of settings, with its type and the help that `Annotated` has beside it."""
    for field in fields(settings):
        kind, text = get_args(field.type)
        yield field, kind, text.replace("%", "%%")
