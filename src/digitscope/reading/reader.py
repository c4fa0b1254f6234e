"""From a picture to what is written on it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from digitscope.detections import SIGNS
from digitscope.errors import SettingError
from digitscope.reading.cutting import ink_of_page
from digitscope.reading.finder import Finder, PageNetwork
from digitscope.reading.framing import BOX, PAIR_INK, frame_pair
from digitscope.reading.judging import judge, see
from digitscope.reading.page_reading import ACCEPTED, PageItems, ReadingOptions, in_source
from digitscope.reading.pictures import MOST_PAGES, Picture, Source, open_pictures
from digitscope.reading.recognizer import Recognizer
from digitscope.reading.result import Box, Digit, Reading, Sign
from digitscope.reading.shipped import shipped_path

LEAST_OF_PAIR = 0.6
"""Probability from which a digit of a pair is accepted."""


@dataclass(frozen=True, eq=False)
class Reader:
    """Finds the digits in pictures and reads them. One reader may serve several threads at once.

    Attributes:
        finder: finds digits and signs.
        digits: reads one digit.
        pairs: reads two over each other.
    """

    finder: Finder
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
                f"{model} has the task {digits.task!r}: expected a network that reads one digit, such as digit"
            )
        items = Recognizer(shipped_path("item"), threads=digits.threads)
        finder = Finder(PageNetwork(shipped_path("page"), threads=digits.threads), items)
        return cls(finder, digits, Recognizer(shipped_path("two-digit"), threads=threads))

    def read(
        self,
        source: Source,
        *,
        printed: bool = False,
        rotation: int | None = None,
        regions: Sequence[Box] | None = None,
        digits: str = "0123456789",
        signs: str = SIGNS,
        min_confidence: float = ACCEPTED,
        most_pages: int = MOST_PAGES,
    ) -> Reading:
        """Return what is written on all pages of `source`; see `open_pictures` for what that can be.

        Args:
            source: the picture.
            printed: whether the text has printed digits and signs too.
            rotation: degrees, clockwise, that every page is turned by: 0, 90, 180 or 270. None to find them.
            regions: left, top, width and height of each part of a page to read, in pixels of the picture as given;
                None for all. An item belongs to the first region that its centre is in.
            digits: the digits that may occur; others are not read.
            signs: the signs that may occur; what looks like another one may be a digit.
            min_confidence: `Digit.chance` from which a digit is accepted, if it is not much paler than others.
            most_pages: as of `open_pictures`.

        Raises:
            DataError: it is not a picture, damaged or too large.
            SettingError: a value is none that these have.
        """
        options = ReadingOptions(printed, rotation, regions, digits, signs, min_confidence)
        pictures = enumerate(open_pictures(source, most_pages=most_pages))
        parts = [self._page(picture, number, options) for number, picture in pictures]
        return _joined(parts, are_turns_told=rotation is None)

    def read_pair(self, source: Source, *, most_pages: int = MOST_PAGES) -> Reading:
        """Return the two digits, one written over the other, that are all there is on each page of `source`.

        The upper digit comes first.

        Raises:
            DataError: it is not a picture, damaged or too large.
        """
        pictures = enumerate(open_pictures(source, most_pages=most_pages))
        return _joined([_pair(self.pairs, picture, number) for number, picture in pictures])

    def _page(self, picture: Picture, number: int, options: ReadingOptions) -> Reading:
        gray = picture.gray
        turns = None if options.rotation is None else options.rotation // 90
        found = self.finder.find(gray, turns=turns, signs=options.signs)
        if options.printed:
            found = replace(found, detections=found.detections.of_either_kind())
        seen = see(np.rot90(gray, -found.turns), found, self.digits)
        weights = self.finder.combinations[found.on]["digits"]
        judged = judge(seen, weights, sorted(map(int, options.digits)))
        return PageItems(judged, found, picture, number, options).reading()


def _pair(pairs: Recognizer, picture: Picture, page: int) -> Reading:
    """Return the reading of a page that shows two digits over each other, and nothing else."""
    ink, (left, top) = ink_of_page(picture.gray)
    if ink.max() == 0:
        return Reading((), (), (picture.size,), rotations=(0,))
    image = frame_pair(ink)
    prediction = pairs.predict(image)
    rows, columns = ink.shape
    share = rows * BOX / PAIR_INK
    digits = []
    for label, probabilities, start in zip(
        prediction.labels, prediction.probabilities, (0, rows - share), strict=True
    ):
        chance = float(probabilities.max())
        reason = None if chance >= LEAST_OF_PAIR else "may be another digit"
        edges = (left, top + start, left + columns, top + start + share)
        box = in_source(edges, picture)
        digits.append(Digit(int(label), chance, reason is None, reason, box, probabilities, 0, page, image))
    return Reading(tuple(digits), ("".join(digit.character for digit in digits),), (picture.size,), rotations=(0,))


def _joined(pages: Sequence[Reading], *, are_turns_told: bool = False) -> Reading:
    """Return one reading of all pages: the lines counted through, each remark begun with its page."""
    digits: list[Digit] = []
    signs: list[Sign] = []
    lines: list[str] = []
    remarks: list[str] = []
    for number, page in enumerate(pages, 1):
        first = len(lines)
        digits += [replace(each, line=None if each.line is None else each.line + first) for each in page.digits]
        signs += [replace(each, line=None if each.line is None else each.line + first) for each in page.signs]
        lines += page.lines
        turned = (f"was turned by {page.rotation} degrees to be read",) if are_turns_told and page.rotation else ()
        name = "the picture" if len(pages) == 1 else f"page {number}"
        remarks += [f"{name} {each}" for each in turned + page.remarks]
    sizes, rotations, regions = (
        tuple(each for page in pages for each in getattr(page, name)) for name in ("sizes", "rotations", "regions")
    )
    return Reading(
        tuple(digits), tuple(lines), sizes, tuple(signs), rotations, tuple(remarks), regions, pages[0].gray
    )


@lru_cache(maxsize=4)
def _reader(model: str) -> Reader:
    return Reader.load(model)


def read(
    source: Source,
    *,
    model: str | Path = "digit",
    printed: bool = False,
    rotation: int | None = None,
    regions: Sequence[Box] | None = None,
    digits: str = "0123456789",
    signs: str = SIGNS,
    min_confidence: float = ACCEPTED,
) -> Reading:
    """Return what is written in `source`: a path, bytes, a binary file, a PIL image or an array.

    `model` is a shipped name or the path of an ONNX file, loaded once. The rest is as of `Reader.read`.
    """
    how = ReadingOptions(printed, rotation, regions, digits, signs, min_confidence)
    return _reader(str(model)).read(source, **vars(how))
