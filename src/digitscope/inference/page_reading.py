"""From judged digits and signs to the reading of a page: lines, texts, and what a person should know."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from digitscope.detections import CLASSES, Detections
from digitscope.inference.finder import Found
from digitscope.inference.judging import Judged
from digitscope.inference.lines import arrange, place_of, text_of
from digitscope.inference.pictures import Picture
from digitscope.inference.reading import Box, Digit, Reading, Sign

Float32 = NDArray[np.float32]

ACCEPTED = 0.5
"""Chance of a digit, rightly read, from which it is accepted."""

DOUBTED = 0.15
"""Chance from which what is not accepted is shown as "?"; less is nothing."""

LIKELY = 0.05
"""Probability from which another digit is named beside the most probable one."""

LEAST_SIGN = 0.4
"""Probability of a sign that the text shows."""

MOSTLY_REFUSED = 0.5
"""Share of what looks like digits above which a page of refused ones is remarked on, if there are four."""

SHOWN = 0.002
"""Share of a page with writing above which a page without any number is remarked on."""


def page_reading(judged: Judged, found: Found, picture: Picture, page: int, *, printed: bool) -> Reading:
    """Return the reading of one page: digits and signs in their lines, and what remains to be said."""
    detections = found.detections
    is_print = detections.kinds % 2 == 1
    is_likely = judged.chances >= DOUBTED
    in_text = np.flatnonzero(is_likely & (printed | ~is_print[judged.seen.rows]))
    boxes = detections.boxes.astype(np.float64)
    own = boxes[judged.seen.rows[in_text]]
    lines = arrange(own)
    signs = np.flatnonzero((detections.kinds >= 2) & (detections.scores >= LEAST_SIGN) & (printed | ~is_print))
    members: list[list[tuple[bool, int]]] = [[(True, int(in_text[k])) for k in line] for line in lines]
    for sign in signs:
        place = place_of(boxes[sign], lines, own)
        if place is not None:
            members[place].append((False, int(sign)))
    digits: list[Digit] = []
    written: list[Sign] = []
    texts: list[str] = []
    for number, line in enumerate(members):
        places = np.array([boxes[judged.seen.rows[k]] if is_digit else boxes[k] for is_digit, k in line])
        order = np.argsort(places[:, 0] + places[:, 2], kind="stable")
        characters = []
        for is_digit, k in (line[each] for each in order):
            if is_digit:
                digits.append(_digit(judged, k, detections, found, picture, number, page))
                characters.append(digits[-1].character)
            else:
                written.append(_sign(k, detections, found, picture, number, page))
                characters.append(written[-1].label)
        texts.append(text_of(characters, places[order]))
    left_out = np.setdiff1d(np.flatnonzero(is_likely), in_text).tolist()
    digits += [_digit(judged, k, detections, found, picture, None, page) for k in left_out]
    remarks = _remarks(digits, found, page)
    return Reading(tuple(digits), tuple(texts), (picture.size,), tuple(written), (90 * found.turns,), remarks)


def _digit(
    judged: Judged, k: int, detections: Detections, found: Found, picture: Picture, line: int | None, page: int
) -> Digit:
    probabilities, row = judged.probabilities[k], judged.seen.rows[k]
    order = np.argsort(-probabilities, kind="stable")
    reason = None if judged.chances[k] >= ACCEPTED else _reason(judged, k)
    return Digit(
        label=int(order[0]),
        confidence=float(probabilities[order[0]]),
        accepted=reason is None,
        reason=reason,
        box=in_source(detections.boxes[row], found.turns, picture),
        probabilities=probabilities,
        line=line,
        page=page,
        image=judged.seen.images[k],
        printed=bool(detections.kinds[row] == 1),
        alternatives=tuple(str(each) for each in order[1:4] if probabilities[each] > LIKELY),
    )


def _reason(judged: Judged, k: int) -> str:
    """Return why a digit is not accepted."""
    first, second = np.argsort(-judged.probabilities[k])[:2]
    if judged.probabilities[k, second] > LIKELY:
        return f"could be {first} or {second}"
    return "unlike any digit" if judged.seen.distances[k] > 1 else "may be no digit"


def _sign(k: int, detections: Detections, found: Found, picture: Picture, line: int, page: int) -> Sign:
    label = CLASSES[detections.labels[k]]
    chance = float(detections.scores[k] * np.exp(detections.log_probabilities[k].max()))
    box = in_source(detections.boxes[k], found.turns, picture)
    return Sign(label, chance, box, line, page, bool(detections.kinds[k] == 3))


def _remarks(digits: Sequence[Digit], found: Found, page: int) -> tuple[str, ...]:
    """Return what a person should know of a page."""
    said = []
    if found.turns:
        said.append(f"page {page + 1} was turned by {90 * found.turns} degrees to be read")
    n_accepted = sum(digit.accepted for digit in digits if not digit.printed)
    n_refused = sum(not digit.accepted for digit in digits if not digit.printed)
    n_printed = sum(digit.printed for digit in digits if digit.line is None)
    if n_refused >= 4 and n_refused > MOSTLY_REFUSED * (n_refused + n_accepted):
        said.append(f"page {page + 1}: {n_refused} of {n_refused + n_accepted} digits were not sure enough")
    if not n_accepted and not n_refused and found.writing[0] > SHOWN:
        printed = f", but {n_printed} printed digits are" if n_printed else ""
        said.append(f"page {page + 1} shows writing, but no handwritten digit was found{printed}")
    return tuple(said)


def in_source(box: Float32, turns: int, picture: Picture) -> Box:
    """Return left, top, width and height, in pixels of the picture as given, of a box on the page as turned."""
    size = picture.image.size if turns % 2 == 0 else picture.image.size[::-1]
    left, top, right, bottom = (float(edge) for edge in box)
    for _ in range(turns):  # back, a quarter anticlockwise at a time
        left, top, right, bottom = top, size[0] - right, bottom, size[0] - left
        size = size[::-1]
    (width, height), scale = picture.size, picture.reduction
    left, top, right, bottom = (round(edge * scale) for edge in (left, top, right, bottom))
    left, top = max(0, min(left, width - 1)), max(0, min(top, height - 1))
    return left, top, max(1, min(right, width) - left), max(1, min(bottom, height) - top)
