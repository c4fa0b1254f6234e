"""From a picture to what is written on it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageFilter

from digitscope.errors import SettingError
from digitscope.inference.acceptance import reason_against
from digitscope.inference.blobs import find_blobs
from digitscope.inference.candidates import Candidate, read_as_pair, read_blobs
from digitscope.inference.ink import UInt8, find_ink
from digitscope.inference.layout import arrange, text_of
from digitscope.inference.pictures import MOST_PAGES, Picture, Source, open_pictures
from digitscope.inference.pieces import usual_height
from digitscope.inference.plates import Region, regions_of
from digitscope.inference.reading import Digit, Reading
from digitscope.inference.recognizer import Recognizer
from digitscope.inference.shipped import shipped_path

SMALL_SIDE = 128
"""Pixels of the longer side that a picture is enlarged to, by a whole factor, if it has at most half of them."""

STEP_BLUR = 0.6
"""Deviation, in pixels, of the Gaussian over such a picture if it is of two colours.

Without grey, its strokes have the pixels' steps for edges. Chosen on digits of 16 to 28 pixels, by
`benchmarks.foreign --binary`.
"""


OF_ONE_PIECE = "touches ink that is not accepted"
"""Why a digit is not accepted that is sure itself: all the ink that there is may be no digits at all."""


@dataclass(frozen=True, eq=False)
class Reader:
    """Finds the digits in pictures and reads them. One reader may serve several threads at once.

    Attributes:
        digits: reads one digit.
        pairs: reads two over each other.
    """

    digits: Recognizer
    pairs: Recognizer

    @classmethod
    def load(cls, model: str | Path = "digit", *, threads: int | None = None) -> "Reader":
        """Return a reader with a shipped network for single digits, or one of your own.

        Args:
            model: a shipped name, or the path of a file that `digitscope export` wrote.
            threads: as of `Recognizer.load`.

        Raises:
            SettingError: the name is unknown, the network reads no single digits, or `threads` is below 1.
            DataError: the file is missing, damaged, or no digit network.
        """
        digits = Recognizer.load(model, threads=threads)
        if digits.task != "digit":
            raise SettingError(
                f"{model} reads two digits over each other: expected a network for one, such as digit"
            )
        return cls(digits, Recognizer(shipped_path("two-digit"), threads=threads))

    def read(self, source: Source, *, most_pages: int = MOST_PAGES) -> Reading:
        """Return what is written on all pages of `source`; see `open_pictures` for what that can be.

        Raises:
            DataError: it is not a picture, damaged or too large.
        """
        return _reading(open_pictures(source, most_pages=most_pages), self._lines)

    def read_pair(self, source: Source, *, most_pages: int = MOST_PAGES) -> Reading:
        """Return the two digits, one written over the other, that are all there is on each page of `source`.

        The upper digit comes first. `read` finds such pairs by itself where one digit makes less sense; this is
        for pictures that are known to show two.

        Raises:
            DataError: it is not a picture, damaged or too large.
        """
        return _reading(open_pictures(source, most_pages=most_pages), self._pair)

    def _lines(self, gray: UInt8) -> Iterator[list[Candidate]]:
        """Yield the readings of a page's ink line by line."""
        candidates = [candidate for region in regions_of(gray) for candidate in self._candidates(region)]
        blobs = [candidate.blob for candidate in candidates]
        for line in arrange(blobs, usual_height(blobs)):
            yield [candidates[number] for number in line]

    def _candidates(self, region: Region) -> Iterator[Candidate]:
        page = find_blobs(find_ink(region.gray))
        for candidate in read_blobs(page, page.blobs, self.digits, self.pairs):
            yield candidate.moved(region.left, region.top)

    def _pair(self, gray: UInt8) -> Iterator[list[Candidate]]:
        """Yield the one line that a pair makes, if there is any ink."""
        pair = read_as_pair(find_blobs(find_ink(gray)), self.pairs)
        if pair:
            yield pair


def _reading(pages: Iterable[Picture], lines_of: Callable[[UInt8], Iterable[list[Candidate]]]) -> Reading:
    """Return what the lines of all `pages` say, `lines_of` being how they are found."""
    digits: list[Digit] = []
    lines: list[str] = []
    sizes: list[tuple[int, int]] = []
    for page, picture in enumerate(map(_enlarged, pages)):
        for line in lines_of(picture.gray):
            groups = [tuple(_digits(candidate, picture, len(lines), page)) for candidate in line]
            digits.extend(digit for group in groups for digit in group)
            texts = ["".join(digit.character for digit in group) for group in groups]
            lines.append(text_of(texts, [candidate.blob for candidate in line]))
        sizes.append(picture.size)
    return Reading(tuple(digits), tuple(lines), tuple(sizes))


def _enlarged(picture: Picture) -> Picture:
    """Return a picture of a few pixels with more of them, so that strokes are wider than one and smooth."""
    width, height = picture.image.size
    factor = SMALL_SIDE // max(width, height)
    if factor < 2:
        return picture
    enlarged = picture.image.resize((width * factor, height * factor), Image.Resampling.BICUBIC)
    if picture.image.getcolors(2):
        enlarged = enlarged.filter(ImageFilter.GaussianBlur(STEP_BLUR * factor))
    return Picture(enlarged, picture.reduction / factor, picture.size)


@lru_cache(maxsize=4)
def _reader(model: str) -> Reader:
    return Reader.load(model)


def read(source: Source, *, model: str | Path = "digit") -> Reading:
    """Return what is written in `source`: a path, bytes, a binary file, a PIL image or an array.

    `model` is a shipped name or the path of an ONNX file; the network is loaded once.

    Raises:
        DataError: it is not a picture, damaged or too large.
        SettingError: there is no such model.
    """
    return _reader(str(model)).read(source)


def _digits(candidate: Candidate, picture: Picture, line: int, page: int) -> Iterator[Digit]:
    reasons = [reason_against(part.probabilities, part.distance) for part in candidate.parts]
    for part, own_reason in zip(candidate.parts, reasons, strict=True):
        reason = own_reason or (OF_ONE_PIECE if candidate.is_alone and any(reasons) else None)
        yield Digit(
            label=part.label,
            confidence=float(part.probabilities.max()),
            accepted=reason is None,
            reason=reason,
            box=_in_source(part.box, picture),
            probabilities=part.probabilities,
            line=line,
            page=page,
            image=part.image,
            alternatives=candidate.alternatives,
        )


def _in_source(box: tuple[int, int, int, int], picture: Picture) -> tuple[int, int, int, int]:
    """Return left, top, width and height in pixels of the source, at least one each."""
    (width, height), scale = picture.size, picture.reduction
    left, top, right, bottom = (round(edge * scale) for edge in box)
    left, top = min(left, width - 1), min(top, height - 1)
    return left, top, max(1, min(right, width) - left), max(1, min(bottom, height) - top)
