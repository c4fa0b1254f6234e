"""Filled-in forms, and the reader that makes values of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitscope.data.overlapping import DIGIT_SHAPE
from digitscope.detections import SIGNS
from digitscope.forms.checks import check_of, follows
from digitscope.forms.description import Box, Field, Form
from digitscope.forms.fitting import Fitting, add_up, costs_of, fit
from digitscope.forms.registration import Reference, laid_on
from digitscope.reading import Digit, Picture, Reader, Reading, open_pictures
from digitscope.reading.pictures import MOST_PAGES
from digitscope.reading.result import Sign

UInt8 = NDArray[np.uint8]

LIKE_1 = "/()"  # signs that are taken for a 1 unless a pattern has them
SURE = 0.8  # probability from which a value need not be looked at

CORRECTED = 4.6  # nats: a value 100 times less probable than what seems to be written is to be looked at
SAME_PLACE = 0.5  # share of a digit's box that a digit of the empty form covers, from which it is print
OTHER_HAND = 0.5  # factor of the chance of print in a field for handwriting, and the other way round
LEAST_SIGN = 0.5  # probability of a sign that may contradict a field

BESIDE = 0.25  # share of a digit inside of a field from which it makes doubt although its middle is outside
NOT_READ = 0.02  # share of a field with ink of its own from which an empty value is doubted
MOST_SIDE = 2600  # pixels of the longer side of a page that is laid onto its form, at most
SMALL = (640, 640)  # pixels of the width and height of a refused page's image, at most
AROUND = 0.4  # margin of a field's image, as a share of the field's height


@dataclass(frozen=True, eq=False)
class FieldValue:
    """What a field says.

    Attributes:
        text: the value; empty if nothing is written, or nothing that was found.
        confidence: its probability, 0 to 1.
        second: the next best value; None if there is none.
        reason: why somebody should look at it; None if nobody need.
        box: left, top, width and height of the field, in pixels of the picture.
        image: uint8 (H, W), the field with a margin, upright as on the empty form; None if nobody asked for it.
        digits: uint8 (N, 28, 28), what the digit network saw, from left to right; None if nobody asked
            for it, or if two digits lie over each other.
    """

    text: str
    confidence: float
    second: str | None
    reason: str | None
    box: tuple[int, int, int, int]
    image: UInt8 | None = None
    digits: UInt8 | None = None

    def to_json(self) -> dict[str, Any]:
        """Return everything but the images, as JSON has it."""
        return {
            "text": self.text,
            "confidence": round(self.confidence, 6),
            "second": self.second,
            "reason": self.reason,
            "box": list(self.box),
        }


@dataclass(frozen=True, eq=False)
class FilledForm:
    """The values of one form.

    Attributes:
        values: by the names of the fields, in their order; none if the page was refused.
        page: the number of its page in the file, from 0.
        refused: why its page was not read; None if it was.
        corrected: the names of the fields whose values a person changed; None if nobody could.
        image: uint8 (H, W), the page made small, if it was refused; None if nobody asked for it.
    """

    values: Mapping[str, FieldValue]
    page: int
    refused: str | None = None
    corrected: tuple[str, ...] | None = None
    image: UInt8 | None = None

    @property
    def doubtful(self) -> tuple[str, ...]:
        """The names of the fields that somebody should look at."""
        return tuple(name for name, value in self.values.items() if value.reason is not None)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the image, as JSON has it."""
        fields = {name: value.to_json() for name, value in self.values.items()}
        content = {"page": self.page, "refused": self.refused, "fields": fields}
        return content if self.corrected is None else {**content, "corrected": list(self.corrected)}


@dataclass(frozen=True, eq=False)
class _Found:
    """The text of a field, as found."""

    fitting: Fitting  # the texts that it may be
    plain: str  # the digits as they are
    images: UInt8 | None  # what the network saw of each, (N, 28, 28); None if two digits lie over each other
    contradiction: str | None  # why the value is to be looked at whatever it is; None if it need not


class FormReader:
    """Reads pictures of one form. One may serve several threads at once.

    Args:
        form: what is on it.
        reader: reads the digits; None for the shipped networks.
        empty: the picture of the empty form, as `open_pictures` takes it; None for the one that the form names.

    Raises:
        DataError: the picture of the empty form cannot be read.
        SettingError: a field has an unknown check.
        MissingExtraError: the extra `forms` is not installed.
    """

    def __init__(self, form: Form, reader: Reader | None = None, *, empty: Any = None) -> None:
        self.form, self.reader = form, reader or Reader.load()
        for field in form.fields:
            if field.check is not None:
                check_of(field.check)
        patterns = "".join(field.pattern or "" for field in form.fields)
        self._signs = "".join(sign for sign in SIGNS if sign not in LIKE_1 or sign in patterns)
        page = next(iter(open_pictures(form.reference if empty is None else empty)))
        self._reference = Reference.of(page.gray)
        self._of_form = self._read(self._reference.gray)

    def read(self, source: Any, *, images: bool = False, most_pages: int = MOST_PAGES) -> tuple[FilledForm, ...]:
        """Return the values on every page of `source`.

        Args:
            source: as `open_pictures` takes it.
            images: whether values and refused pages have images.
            most_pages: as of `open_pictures`.

        Raises:
            DataError: it is no picture.
        """
        pictures = enumerate(open_pictures(source, most_pages=most_pages))
        return tuple(self._page(picture, number, images) for number, picture in pictures)

    def _page(self, picture: Picture, number: int, images: bool) -> FilledForm:
        matrix = self._reference.place_in(picture.gray)
        if matrix is None:
            refused = f"page {number + 1} does not show the form of {self.form.reference.name}, or only a part"
            small = Image.fromarray(picture.gray)
            small.thumbnail(SMALL)
            return FilledForm({}, number, refused, image=np.asarray(small) if images else None)
        shape = self._reference.gray.shape
        scale = min(float(np.abs(np.linalg.det(matrix[:2, :2])) ** 0.5), MOST_SIDE / max(shape))
        size = tuple(round(scale * side) for side in shape)
        laid = laid_on(picture.gray, matrix @ np.diag([1 / scale, 1 / scale, 1.0]), size)
        reading = self._read(laid)
        own = [digit for digit in reading.digits if not self._is_of_form(digit, scale)]
        signs = [sign for sign in reading.signs if sign.confidence >= LEAST_SIGN]
        ink = self._reference.ink_beside_print(laid)
        found = {field.name: self._found(field, own, signs, ink) for field in self.form.fields}
        for field in self.form.fields:
            if field.sum_of:
                found |= _added_up([*field.sum_of, field.name], found)
        values = {
            field.name: _value(field, found[field.name], _seen(self.form.pixels(field, shape), matrix, picture))
            for field in self.form.fields
        }
        for field in self.form.fields if images else ():
            image = _around(laid, self.form.pixels(field, ink.shape))
            values[field.name] = replace(values[field.name], image=image, digits=found[field.name].images)
        return FilledForm(values, number)

    def _read(self, gray: UInt8) -> Reading:
        return self.reader.read(gray, printed=True, rotation=0, signs=self._signs)

    def _is_of_form(self, digit: Digit, scale: float) -> bool:
        """Tell whether the empty form, too, has a digit at this place."""
        left, top, right, bottom = (edge / scale for edge in _edges(digit))
        for other in map(_edges, self._of_form.digits):
            larger = max((right - left) * (bottom - top), (other[2] - other[0]) * (other[3] - other[1]))
            if _shared((left, top, right, bottom), other) > SAME_PLACE * larger:
                return True
        return False

    def _found(
        self, field: Field, digits: Sequence[Digit], signs: Sequence[Sign], ink: NDArray[np.bool_]
    ) -> _Found:
        """Return what is written in a field of a laid page; `ink` (H, W) is what the empty form does not have."""
        height, width = ink.shape
        edges = self.form.pixels(field, (height, width))
        inside = [digit for digit in digits if _is_in(digit, edges)]
        inside.sort(key=lambda digit: digit.box[0] + digit.box[2] / 2)
        chances = [digit.chance * (1 if digit.printed == field.printed else OTHER_HAND) for digit in inside]
        costs = [costs_of(digit.probabilities, chance) for digit, chance in zip(inside, chances, strict=True)]
        plain = "".join(str(digit.label) for digit, chance in zip(inside, chances, strict=True) if chance > 0.5)
        own = [sign for sign in signs if _is_in(sign, edges)]
        is_negative = field.minimum is not None and field.minimum < 0 and bool(own and inside)
        is_negative = is_negative and own[0].label == "-" and own[0].box[0] < inside[0].box[0]
        fitting = fit(costs, lambda text: allowed(field, text, is_negative=is_negative)) if inside else Fitting()
        contradiction = _contradiction(field, inside, own[is_negative:])
        for digit in digits:
            part = _shared(_edges(digit), edges)
            if part > BESIDE * digit.box[2] * digit.box[3] and not _is_in(digit, edges):
                contradiction = contradiction or "has a digit on its edge that was left out"
        left, top, right, bottom = (round(edge) for edge in edges)
        if not plain and ink[top:bottom, left:right].mean() > NOT_READ:
            contradiction = contradiction or "has ink that was not read"
        images = [digit.image for digit in inside]
        are_single = all(image.shape == DIGIT_SHAPE for image in images)
        stacked = np.array(images, np.uint8).reshape(-1, *DIGIT_SHAPE) if are_single else None
        return _Found(fitting, plain, stacked, contradiction)


def _is_in(item: Digit | Sign, edges: Box) -> bool:
    left, top, right, bottom = edges
    x, y = item.box[0] + item.box[2] / 2, item.box[1] + item.box[3] / 2
    return left <= x < right and top <= y < bottom


def _edges(item: Digit | Sign) -> Box:
    left, top, width, height = item.box
    return left, top, left + width, top + height


def _shared(one: Box, other: Box) -> float:
    """Return the area that two boxes share."""
    across, down = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0) * max(down, 0)


def _contradiction(field: Field, digits: Sequence[Digit], signs: Sequence[Sign]) -> str | None:
    """Return which sign says something else than the field's value; None if none does."""
    for sign in signs:
        behind = sum(digit.chance > 0.5 and digit.box[0] > sign.box[0] for digit in digits)
        is_point = sign.label in ".,-" and field.decimals > 0 and behind == field.decimals  # a raised point, too
        if not is_point and (field.pattern is None or sign.label not in ".,-/:"):
            return f"has a {sign.label} that the value has not"
    return None


def allowed(field: Field, digits: str, *, is_negative: bool = False) -> str | None:
    """Return digits as the field writes them; None if it cannot have them. No digits are an empty field."""
    if not digits:
        return ""
    least, most = field.lengths
    if not least <= len(digits) <= most or len(digits) <= field.decimals:
        return None
    text: str | None
    if field.pattern is not None:
        text = follows(field.pattern, digits)
    else:
        text = f"{digits[: -field.decimals]}.{digits[-field.decimals :]}" if field.decimals else digits
        text = f"-{text}" if is_negative else text
        low, high = field.minimum, field.maximum
        if (low is not None and float(text) < low) or (high is not None and float(text) > high):
            return None
    if text is not None and field.check is not None and not check_of(field.check).is_valid(text):
        return None
    return text


def _value(field: Field, found: _Found, box: tuple[int, int, int, int]) -> FieldValue:
    """Return the value of a field, and say why somebody should look at it."""
    fitting, plain = found.fitting, found.plain
    if not fitting.texts:
        said = f"is not what the field expects: {expected(field)}" if plain else None
        confidence = 0.0 if plain or found.contradiction else 1.0
        return FieldValue(plain, confidence, None, said or found.contradiction or _missing(field), box)
    text, share = fitting.texts[0], fitting.shares[0]
    second = fitting.texts[1] if len(fitting.texts) > 1 else None
    reason = found.contradiction
    if fitting.overruled > CORRECTED:
        reason = f"looks like {plain}, which is not what the field expects: {expected(field)}"
    elif share < SURE:
        reason = f"may be {second or 'empty'}"
    elif not text:
        reason = reason or _missing(field)
    return FieldValue(text, share, second, reason, box)


def _missing(field: Field) -> str | None:
    return "is empty" if field.required else None


def as_typed(field: Field, typed: str) -> tuple[str, str | None]:
    """Return what a person typed as the field writes it, and why the field cannot have it; None if it can.

    Bare digits get the signs that the field has, so 03041990 becomes 03.04.1990, and 1250 becomes 12.50.
    """
    typed = typed.strip()
    if not typed:
        return "", _missing(field)
    digits = "".join(character for character in typed if character in "0123456789")
    is_negative = typed.startswith("-") and field.minimum is not None and field.minimum < 0
    text = allowed(field, digits, is_negative=is_negative)
    plain = typed.replace(",", ".") if field.decimals else typed
    if digits and text is not None and plain in (text, "-" * is_negative + digits):
        return text, None
    return typed, f"is not what the field expects: {expected(field)}"


def expected(field: Field) -> str:
    """Return in words what a field may have."""
    least, most = field.lengths
    parts = [field.pattern or (f"{least} digits" if least == most else f"{least} to {most} digits")]
    if field.decimals:
        parts.append(f"{field.decimals} of them decimals")
    if field.minimum is not None or field.maximum is not None:
        low, high = field.minimum, field.maximum
        parts.append(f"{'any' if low is None else low:} to {'any' if high is None else high}")
    if field.check is not None:
        parts.append(f"{field.check} check digits")
    return ", ".join(parts)


def _added_up(names: Sequence[str], found: Mapping[str, _Found]) -> dict[str, _Found]:
    """Return what is written in the parts of a sum and, the last one, in the sum, given that the sum is right."""
    if not all(found[name].fitting.texts for name in names):
        return {}
    fitted = add_up([found[name].fitting for name in names], 2 * CORRECTED)
    if fitted is None:
        contradiction = f"is not the sum of {', '.join(names[:-1])}"
        return {names[-1]: replace(found[names[-1]], contradiction=contradiction)}
    fittings, overruled = fitted
    added_up = {name: replace(found[name], fitting=each) for name, each in zip(names, fittings, strict=True)}
    for name in names if overruled > CORRECTED else ():
        if added_up[name].fitting.texts[0] != found[name].fitting.texts[0]:
            added_up[name] = replace(added_up[name], contradiction="was put right by its sum")
    return added_up


def _around(laid: UInt8, edges: Box) -> UInt8:
    """Return what a laid page shows of a field and around it, so that what was written over its edge is seen."""
    left, top, right, bottom = edges
    margin = AROUND * (bottom - top)
    rows = slice(max(0, round(top - margin)), round(bottom + margin))
    return laid[rows, max(0, round(left - margin)) : round(right + margin)].copy()


def _seen(edges: Box, matrix: NDArray[np.float64], picture: Picture) -> tuple[int, int, int, int]:
    """Return left, top, width and height, in pixels of the picture as given, of a box of the reference."""
    left, top, right, bottom = edges
    corners = np.array([[left, top, 1], [right, top, 1], [right, bottom, 1], [left, bottom, 1]]) @ matrix.T
    places = picture.reduction * corners[:, :2] / corners[:, 2:]
    low = np.clip(np.floor(places.min(axis=0)), 0, np.array(picture.size) - 1).astype(int)
    high = np.clip(np.ceil(places.max(axis=0)), low + 1, picture.size).astype(int)
    return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])
