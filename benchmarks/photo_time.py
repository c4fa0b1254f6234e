"""How long reading takes a user: a photo of 12 megapixels, its peak memory, and one call of the command.

    python -m benchmarks.photo_time [--runs N] [--seed S] [--model NAME] [--json]

The photo is a JPEG file of 4000 x 3000 pixels that shows 50 of MNIST's test digits. A fresh process opens and
reads it `--runs` times, after a first run that also loads the networks. Peak memory is that of this process. The
command is `digitscope read one.png`, each call a new process.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from PIL import Image

import digitscope
from benchmarks.arguments import parser_for
from digitscope.experiments.machine import describe_machine

SIDES, DIGITS, QUALITY = (4000, 3000), 50, 90
"""Pixels of the photo's sides, the digits on it, and the quality of the JPEG file."""

NOISE = 4.0
"""Standard deviation of the photo's noise, of 255."""

TO_MEBIBYTES = 2**20 if sys.platform == "darwin" else 2**10
"""Units of `ru_maxrss` in a mebibyte: Linux counts kibibytes, macOS bytes."""


def write_photo(path: Path, seed: int) -> None:
    """Write the photo: a page of `pages` with 50 digits, enlarged, with noise in every pixel."""
    from benchmarks.plain_pages import make_page
    from digitscope.data import load_mnist

    digits = load_mnist().test
    pages = (make_page(digits, generator=np.random.default_rng([seed, number])) for number in count())
    page = next(page for page in pages if len(page.digits) == DIGITS and page.image.shape[1] > page.image.shape[0])
    large = np.asarray(Image.fromarray(page.image).resize(SIDES, Image.Resampling.BICUBIC), np.float32)
    generator = np.random.default_rng(seed)
    noisy = large + NOISE * generator.standard_normal(large.shape, np.float32)
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path, quality=QUALITY)


@dataclass(frozen=True)
class Photo:
    """How the photo was read: seconds of the first run and of the others, mebibytes, and digits."""

    first: float
    others: list[float]
    before: float
    peak: float
    accepted: int


def read_here(path: Path, runs: int, model: str) -> Photo:
    """Read the photo in this process, once more than `runs` times."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / TO_MEBIBYTES
    seconds = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        reading = digitscope.read(path, model=model)
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / TO_MEBIBYTES
    accepted = sum(digit.accepted for digit in reading.digits)
    return Photo(seconds[0], seconds[1:], before, peak, accepted)


def elsewhere(step: str, path: Path, arguments: argparse.Namespace) -> str:
    """Return what a fresh process prints in which this benchmark does one step: "write" or "read"."""
    call = [sys.executable, "-m", "benchmarks.photo_time", f"--{step}", str(path), "--model", arguments.model]
    call += ["--runs", str(arguments.runs), "--seed", str(arguments.seed)]
    return subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603


def command_seconds(folder: Path, runs: int) -> list[float]:
    """Return the seconds of each call of `digitscope read one.png`."""
    from digitscope.data import load_sample

    path = folder / "one.png"
    Image.fromarray(load_sample().test.images[0]).save(path)
    call = [sys.executable, "-m", "digitscope", "read", str(path)]
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(call, check=True, capture_output=True)  # noqa: S603
        seconds.append(time.perf_counter() - start)
    return seconds


def in_words(name: str, values: list[float]) -> str:
    """Return one line of the table."""
    return f"| {name} | {statistics.median(values):.2f} s | {min(values):.2f} to {max(values):.2f} |"


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__, "seed", "model")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of each (default 5)")
    for step in ("--write", "--read"):
        parser.add_argument(step, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.runs < 1:
        parser.error(f"--runs {arguments.runs}: expected at least 1")
    if arguments.write:
        write_photo(arguments.write, arguments.seed)
        return
    if arguments.read:
        print(json.dumps(asdict(read_here(arguments.read, arguments.runs, arguments.model))))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        elsewhere("write", path, arguments)  # a new process counts its parent's peak memory as its own
        photo = Photo(**json.loads(elsewhere("read", path, arguments)))
        command = command_seconds(Path(folder), arguments.runs)
    if arguments.json:
        print(json.dumps({"machine": describe_machine(), "photo": asdict(photo), "command": command}, indent=2))
        return
    print("| what | median | lowest to highest |\n| --- | ---: | ---: |")
    print(in_words("photo of 12 megapixels", photo.others))
    print(in_words("the same, with loading", [photo.first]))
    print(in_words("`digitscope read one.png`", command))
    print(f"peak memory {photo.peak:.0f} MiB, before reading {photo.before:.0f}")
    print(f"accepted digits: {photo.accepted} of {DIGITS}")


if __name__ == "__main__":
    main()
