"""From a picture to what is written on it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from digitscope.errors import SettingError
from digitscope.reading.cutting import ink_of_page
from digitscope.reading.finder import PageNetwork
from digitscope.reading.framing import BOX, PAIR_INK, frame_pair
from digitscope.reading.judging import judge, see
from digitscope.reading.page_reading import PageItems, in_source
from digitscope.reading.pictures import MOST_PAGES, Picture, Source, open_pictures
from digitscope.reading.recognizer import Recognizer
from digitscope.reading.result import Digit, Reading, Sign
from digitscope.reading.shipped import shipped_path

ROTATIONS = (0, 90, 180, 270)

LEAST_OF_PAIR = 0.6
"""Probability from which a digit of a pair is accepted."""


@dataclass(frozen=True, eq=False)
class Reader:
    """Finds the digits in pictures and reads them. One reader may serve several threads at once.

    Attributes:
        pages: finds digits and signs.
        digits: reads one digit.
        pairs: reads two over each other.
    """

    pages: PageNetwork
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
        pages = PageNetwork(shipped_path("page"), threads=digits.threads)
        return cls(pages, digits, Recognizer(shipped_path("two-digit"), threads=threads))

    def read(
        self, source: Source, *, printed: bool = False, rotation: int | None = None, most_pages: int = MOST_PAGES
    ) -> Reading:
        """Return what is written on all pages of `source`; see `open_pictures` for what that can be.

        Args:
            source: the picture.
            printed: whether the text has printed digits and signs too.
            rotation: degrees, clockwise, that every page is turned by to be read: 0, 90, 180 or 270. None to find
                out.
            most_pages: as of `open_pictures`.

        Raises:
            DataError: it is not a picture, damaged or too large.
            SettingError: `rotation` is none of these.
        """
        if rotation not in (None, *ROTATIONS):
            raise SettingError(f"rotation is {rotation!r}: expected 0, 90, 180 or 270 degrees, or None")
        turns = None if rotation is None else rotation // 90
        parts = [
            self._page(picture, number, turns, printed=printed)
            for number, picture in enumerate(open_pictures(source, most_pages=most_pages))
        ]
        return _joined(parts, are_turns_told=turns is None)

    def read_pair(self, source: Source, *, most_pages: int = MOST_PAGES) -> Reading:
        """Return the two digits, one written over the other, that are all there is on each page of `source`.

        The upper digit comes first.

        Raises:
            DataError: it is not a picture, damaged or too large.
        """
        pictures = enumerate(open_pictures(source, most_pages=most_pages))
        return _joined([_pair(self.pairs, picture, number) for number, picture in pictures])

    def _page(self, picture: Picture, number: int, turns: int | None, *, printed: bool) -> Reading:
        gray = picture.gray
        found = self.pages.find(gray, turns=turns)
        seen = see(np.rot90(gray, -found.turns), found, self.digits)
        judged = judge(seen, self.pages.combinations["small" if found.is_small else "pages"])
        return PageItems(judged, found, picture, number).reading(printed=printed)


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
    text = "".join(digit.character for digit in digits)
    return Reading(tuple(digits), (text,), (picture.size,), rotations=(0,))


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
    return Reading(
        tuple(digits),
        tuple(lines),
        tuple(size for page in pages for size in page.sizes),
        tuple(signs),
        tuple(turned for page in pages for turned in page.rotations),
        tuple(remarks),
    )


@lru_cache(maxsize=4)
def _reader(model: str) -> Reader:
    return Reader.load(model)


def read(
    source: Source, *, model: str | Path = "digit", printed: bool = False, rotation: int | None = None
) -> Reading:
    """Return what is written in `source`: a path, bytes, a binary file, a PIL image or an array.

    `model` is a shipped name or the path of an ONNX file; the network is loaded once. `printed` and `rotation` are
    as of `Reader.read`.

    Raises:
        DataError: it is not a picture, damaged or too large.
        SettingError: there is no such model, or no such rotation.
    """
    return _reader(str(model)).read(source, printed=printed, rotation=rotation)
