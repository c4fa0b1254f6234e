"""Names of files and folders among the arguments, checked while they are parsed."""

import argparse
import re
from pathlib import Path

FIGURE_ENDINGS = (".png", ".svg", ".pdf")
"""File name extensions of figures: the formats that `save_figure` writes."""


def path_argument(text: str) -> Path:
    """Return `text` as a path, for the `type` of an argument.

    Raises:
        argparse.ArgumentTypeError: `text` is empty, which `Path` would take for the current folder, or is a web
            address.
    """
    return Path(text_argument(text))


def text_argument(text: str) -> str:
    """Return `text` as it was written, checked as `path_argument` does; a `Path` would drop a leading ./.

    Raises:
        argparse.ArgumentTypeError: as for `path_argument`.
    """
    if not text:
        raise argparse.ArgumentTypeError("'' names no file or folder: expected a path; . is the current folder")
    if re.match(r"\w+://", text):
        raise argparse.ArgumentTypeError(f"{text!r} is a web address: expected a path; download the file first")
    return text


def figure_argument(text: str) -> Path:
    """Return `text` as the path of a figure to draw, for the `type` of an argument.

    Raises:
        argparse.ArgumentTypeError: `text` is empty, or its ending names no format of a figure.
    """
    path = path_argument(text)
    if path.suffix.lower() not in FIGURE_ENDINGS:
        raise argparse.ArgumentTypeError(
            f"{text!r} names no format to draw in: expected a file that ends in one of {', '.join(FIGURE_ENDINGS)}"
        )
    return path


def onnx_argument(text: str) -> Path:
    """Return `text` as the path of an ONNX file to write, for the `type` of an argument.

    Raises:
        argparse.ArgumentTypeError: `text` is empty, or does not end in .onnx.
    """
    path = path_argument(text)
    if path.suffix.lower() != ".onnx":
        raise argparse.ArgumentTypeError(f"{text!r} is no name of an ONNX file: expected one that ends in .onnx")
    return path
