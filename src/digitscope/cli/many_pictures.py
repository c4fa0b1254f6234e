"""Many pictures, read by other processes: workers of this machine, or tasks on a Ray cluster."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TypeVar

from digitscope.cli.arguments import Number, check_engine, count_argument, engine
from digitscope.cli.read_on_ray import read_on_ray
from digitscope.cli.read_output import STANDARD_INPUT
from digitscope.cluster import connected, load_ray
from digitscope.cores import usable_cores
from digitscope.errors import ClusterError, DataError, SettingError
from digitscope.workers import Workers

T = TypeVar("T")

READERS = (
    Number(
        "--workers",
        type=count_argument,
        default=1,
        help="processes of this machine that read; output and order are the same (default: 1)",
    ),
    *engine("reads: this process, or tasks on a Ray cluster whose machines see the same files"),
)
"""Arguments that say which processes read."""

ON_RAY = "With --engine ray output and order are the same; every machine sees the {files} at the same paths."
"""Sentences for the help of a command."""


def check_readers(options: argparse.Namespace, paths: Sequence[str]) -> None:
    """Check which processes read the pictures at `paths`.

    Raises:
        SettingError: the options contradict each other, or a picture comes on standard input.
        ClusterError: the address is none of a cluster.
        ModuleNotFoundError: Ray is asked for and not installed.
    """
    check_engine(options)
    if options.engine == "ray" and options.workers > 1:
        raise SettingError(
            f"--workers {options.workers}: a Ray cluster has its own: expected --engine local with it"
        )
    if STANDARD_INPUT in paths and are_elsewhere(options):
        alone = "--engine local" if options.engine == "ray" else "--workers 1"
        raise SettingError(f"-: standard input is read in this process alone: expected {alone} with it")
    if options.engine == "ray":  # which is missed before anything is read
        load_ray(options.address)


def are_elsewhere(options: argparse.Namespace) -> bool:
    """Tell whether other processes read."""
    return options.engine == "ray" or bool(options.workers > 1)


def read_elsewhere(
    read_one: Callable[[str], T], paths: Sequence[str], options: argparse.Namespace, stack: ExitStack
) -> Iterator[tuple[str, T | DataError]]:
    """Return what `read_one` returns for each path, in their order, or why it could not be read.

    Other processes read ahead until `stack` ends.

    Args:
        read_one: a function that other processes can import, or a partial of one; it raises a `DataError` if a
            picture cannot be read.
        paths: of the pictures.
        options: see `READERS`.
        stack: closes the workers, or the connection to Ray.

    Raises:
        ClusterError: there is no cluster, or one of its machines cannot read.
    """
    if options.engine == "ray":
        return read_on_ray(stack.enter_context(connected(options.address, usable_cores())), read_one, paths)
    return _in_workers(stack.enter_context(Workers(min(options.workers, max(1, len(paths))))), read_one, paths)


def _in_workers(
    pool: Workers, read_one: Callable[[str], T], paths: Sequence[str]
) -> Iterator[tuple[str, T | DataError]]:
    for path, task in zip(paths, pool.in_order(read_one, paths, ahead=2 * pool.processes), strict=True):
        try:
            yield path, task.result()
        except DataError as error:
            yield path, error
        except ClusterError as error:
            yield path, DataError(f"{path}: {error}")
