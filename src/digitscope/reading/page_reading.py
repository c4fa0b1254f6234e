"""From judged digits and signs to the reading of a page: lines, texts, and what a person should know."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitscope.detections import SIGNS, Float32, Int
from digitscope.errors import SettingError
from digitscope.notation import DIGIT, in_context, text_of
from digitscope.reading.finder import Found
from digitscope.reading.judging import Judged
from digitscope.reading.lines import arrange, place_of, spaces_before
from digitscope.reading.pictures import Picture
from digitscope.reading.result import Box, Digit, Reading, Sign

ACCEPTED, DOUBTED = 0.5, 0.15
"""Chance from which a digit is accepted, and from which it is shown as "?"; less is nothing."""

LIKELY = 0.05
"""Probability from which another digit is named beside the most probable one."""

LEAST_SIGN = 0.4
"""Probability of a sign that the text shows."""

PALE, PALER = 0.4, "much paler than the others"
"""Share of the usual contrast, in levels and to the paper, below which a digit is in doubt; and why it is."""

FEW = 4
"""Refused digits of which the reading says so, at least, if they are most of a page's digits."""

SHOWN = 0.002
"""Share of a page with writing from which the reading says that there is no number in it."""


@dataclass(frozen=True)
class ReadingOptions:
    """What to read on a page; the attributes are as of `Reader.read`.

    Raises:
        SettingError: a value is none that they have.
    """

    printed: bool = False
    rotation: int | None = None
    regions: Sequence[Box] | None = None
    digits: str = "0123456789"
    signs: str = SIGNS
    min_confidence: float = ACCEPTED

    def __post_init__(self) -> None:
        if self.rotation not in (None, 0, 90, 180, 270):
            raise SettingError(f"rotation is {self.rotation!r}: expected 0, 90, 180 or 270 degrees, or None")
        for region in self.regions or ():
            if np.shape(region) != (4,) or min(region[2:]) < 1:
                raise SettingError(f"the region {region} is none: expected left, top, width and height in pixels")
        if not self.digits or not set(self.digits) <= set("0123456789"):
            raise SettingError(f"digits is {self.digits!r}: expected those that may occur, such as '01234'")
        if not set(self.signs) <= set(SIGNS):
            raise SettingError(f"signs is {self.signs!r}: expected those of {SIGNS} that may occur")
        if not 0 <= self.min_confidence <= 1:
            raise SettingError(f"min_confidence is {self.min_confidence}: expected a probability, 0 to 1")


@dataclass(frozen=True, eq=False)
class PageItems:
    """The judged items of a page, as parts of a reading.

    Attributes:
        judged: what may be digits.
        found: digits and signs, the rows of which `judged` names.
        picture: the page as it was opened.
        number: of the page, from 0.
        options: what to read.
    """

    judged: Judged
    found: Found
    picture: Picture
    number: int
    options: ReadingOptions

    def reading(self) -> Reading:
        """Return the reading of the page, region by region if there are any."""
        detections, rows = self.found.detections, self.judged.seen.rows
        is_shown = self.options.printed | (detections.kinds % 2 == 0)
        least = min(DOUBTED, self.options.min_confidence)
        likely = np.flatnonzero((self.judged.chances >= least) & (detections.kinds[rows] < 2))
        if self.found.on == "small" and not len(likely):
            likely = np.argsort(-self.judged.chances)[:1]  # somebody cut it out: it is likely to be something
        in_text = likely[is_shown[rows[likely]]]
        signs = np.flatnonzero((detections.kinds >= 2) & (detections.scores >= LEAST_SIGN) & is_shown)
        signs = np.setdiff1d(signs, rows[in_text])
        digits: list[Digit] = []
        written: list[Sign] = []
        texts: list[str] = []
        of_regions: list[str] = []
        region = np.array([self._region_of(box) for box in detections.boxes], np.int64)
        for number in range(1 if self.options.regions is None else len(self.options.regions)):
            inside = in_text[region[rows[in_text]] == number]
            some, others, lines = self._lines(inside, signs[region[signs] == number], len(texts))
            digits, written, texts = digits + some, written + others, texts + lines
            of_regions.append("\n".join(lines))
        left_out = np.setdiff1d(likely, in_text)
        left_out = left_out[region[rows[left_out]] >= 0]
        digits += [self._digit(k, None, float(self.judged.chances[k])) for k in left_out]
        size, turned, remarks = self.picture.size, 90 * self.found.turns, self._remarks(digits)
        told = () if self.options.regions is None else tuple(of_regions)
        gray = self.picture.gray if self.number == 0 else None
        return Reading(tuple(digits), tuple(texts), (size,), tuple(written), (turned,), remarks, told, gray)

    def _region_of(self, box: Float32) -> int:
        """Return the number of the first region that a box has its centre in, or -1; 0 if there are no regions."""
        if self.options.regions is None:
            return 0
        x, y, columns, rows = self._in_source(box)
        for number, (left, top, width, height) in enumerate(self.options.regions):
            if 0 <= x + columns / 2 - left < width and 0 <= y + rows / 2 - top < height:
                return number
        return -1

    def _lines(self, digits: Int, signs: Int, first: int) -> tuple[list[Digit], list[Sign], list[str]]:
        """Return items in reading order, `digits` being rows of `judged`, and lines, numbered from `first`."""
        rows, kinds = self.judged.seen.rows, self.found.detections.kinds
        boxes = self.found.detections.boxes.astype(np.float64)
        own = self.judged.seen.boxes[digits].astype(np.float64)
        boxes[rows[digits]] = own
        lines = arrange(own)
        members = [[int(rows[digits[k]]) for k in line] for line in lines]
        for sign in signs:
            place = place_of(boxes[sign], lines, own)
            if place is None:
                continue
            others = np.intersect1d(signs, members[place])
            if not any(_share_columns(boxes[row], boxes[sign]) for row in others):
                members[place].append(int(sign))
        read: list[Digit] = []
        written: list[Sign] = []
        texts = []
        judged_as = {int(row): k for k, row in enumerate(rows)}
        pale = self._pale(digits)
        for number, line in enumerate(members, first):
            line.sort(key=lambda row: boxes[row, 0] + boxes[row, 2])
            characters, spaces = [], spaces_before(boxes[line])
            items = [self._alternatives(row, judged_as.get(row)) for row in line]
            for row, told in zip(line, in_context(items, spaces), strict=True):
                sign, k = max(SIGNS, key=told.__getitem__), judged_as.get(row)
                of_signs = sum(map(told.__getitem__, SIGNS)) if kinds[row] >= 2 else told[sign]
                if k is None or of_signs > max(told[DIGIT], LEAST_SIGN):
                    written.append(self._sign(row, sign, told[sign], number))
                    characters.append(sign)
                else:
                    chance = told[DIGIT] * float(self.judged.probabilities[k].max())
                    read.append(self._digit(k, number, chance, is_pale=k in pale))
                    characters.append(read[-1].character)
            texts.append(text_of(characters, spaces))
        return read, written, texts

    def _alternatives(self, row: int, k: int | None) -> dict[str, float]:
        """Return the probability of a digit and of each sign for an item, which is row `k` of `judged` if any."""
        detections = self.found.detections
        kind = int(detections.kinds[row])
        chances, probabilities = self.judged.chances, self.judged.probabilities
        of_digits = 0.0 if k is None else min(1.0, chances[k] / probabilities[k].max(initial=1e-9))
        of_signs = float(detections.chances[row, 2 + kind % 2])
        of_digits = min(of_digits, 1 - of_signs)
        each = of_signs * np.exp(detections.log_probabilities[row, 10:])
        return {DIGIT: float(of_digits), **dict(zip(SIGNS, each.tolist(), strict=True))}

    def _pale(self, digits: Int) -> set[int]:
        """Return those of `digits`, rows of `judged`, that are much paler than most of the sure ones."""
        seen = self.judged.seen
        written = digits[self.found.detections.kinds[seen.rows[digits]] == 0]
        sure = written[self.judged.chances[written] >= ACCEPTED]
        usual = np.median(seen.contrasts[sure], axis=0) if len(sure) else np.zeros(2)
        return set(written[(seen.contrasts[written] < PALE * usual).all(axis=1)].tolist())

    def _digit(self, k: int, line: int | None, chance: float, *, is_pale: bool = False) -> Digit:
        judged = self.judged
        probabilities = judged.probabilities[k]
        first, *others = np.argsort(-probabilities, kind="stable")
        reason = PALER if is_pale else None
        if chance < self.options.min_confidence:
            reason = self._reason(k)
        return Digit(
            label=int(first),
            confidence=float(probabilities[first]),
            accepted=reason is None,
            reason=reason,
            box=self._in_source(judged.seen.boxes[k]),
            probabilities=probabilities,
            line=line,
            page=self.number,
            image=judged.seen.images[k],
            printed=bool(self.found.detections.kinds[judged.seen.rows[k]] % 2),
            alternatives=tuple(str(each) for each in others if probabilities[each] > LIKELY),
            chance=chance,
        )

    def _reason(self, k: int) -> str:
        """Return why a digit is not accepted."""
        first, second = np.argsort(-self.judged.probabilities[k])[:2]
        if self.judged.probabilities[k, second] > LIKELY:
            return f"could be {first} or {second}"
        return "unlike any digit" if self.judged.seen.distances[k] > 1 else "may be no digit"

    def _sign(self, row: int, sign: str, chance: float, line: int) -> Sign:
        box, is_printed = self._in_source(self.found.detections.boxes[row]), self.found.detections.kinds[row] % 2
        return Sign(sign, chance, box, line, self.number, bool(is_printed))

    def _in_source(self, box: Float32) -> Box:
        turns, size = self.found.turns, self.picture.image.size
        size = size if turns % 2 == 0 else size[::-1]
        left, top, right, bottom = (float(edge) for edge in box)
        for _ in range(turns):  # back, a quarter anticlockwise at a time
            left, top, right, bottom = top, size[0] - right, bottom, size[0] - left
            size = size[::-1]
        return in_source((left, top, right, bottom), self.picture)

    def _remarks(self, digits: Sequence[Digit]) -> tuple[str, ...]:
        """Return what a person should know of the page, sentences that its name begins."""
        said = []
        in_text = [digit for digit in digits if digit.line is not None]
        if any(digit.reason == PALER for digit in in_text):
            said.append("has digits that are much paler than the others, perhaps from the other side")
        n_refused = sum(not digit.accepted for digit in in_text)
        if n_refused >= FEW and n_refused > len(in_text) / 2:
            said.append(f"has {len(in_text)} digits, of which {n_refused} are not sure enough to be read")
        if not in_text and self.found.writing[0] > SHOWN:
            left_out = f", only {len(digits)} printed" if digits else ""
            said.append(f"shows writing, but no handwritten digit was found{left_out}")
        return tuple(said)


def _share_columns(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    """Tell whether two signs share most columns of the narrower one, as a colon and either of its dots do."""
    shared = min(first[2], second[2]) - max(first[0], second[0])
    return bool(shared > min(first[2] - first[0], second[2] - second[0]) / 2)


def in_source(edges: tuple[float, float, float, float], picture: Picture) -> Box:
    """Return left, top, width and height in pixels of the picture as given; `edges` are in the opened one's."""
    (width, height), scale = picture.size, picture.reduction
    left, top, right, bottom = (round(edge * scale) for edge in edges)
    left, top = max(0, min(left, width - 1)), max(0, min(top, height - 1))
    return left, top, max(1, min(right, width) - left), max(1, min(bottom, height) - top)
