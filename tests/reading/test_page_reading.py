"""What a line says, from items that were made by hand."""

import numpy as np

from digitscope.detections import CLASSES, SIGNS, Detections
from digitscope.reading.finder import Found
from digitscope.reading.judging import Judged, Seen
from digitscope.reading.page_reading import PageItems, ReadingOptions
from digitscope.reading.pictures import open_pictures
from digitscope.reading.result import Reading


def reading_of(items: list[tuple[str, float, str, float]], *, on: str = "pages") -> Reading:
    """Read items that stand side by side, in a small picture or on a page.

    Each has a digit, the chance of it, a sign and its probability; the likelier one is what was detected.
    """
    n, places = len(items), 40 * np.arange(len(items))
    boxes = np.stack([places, np.full(n, 10), places + 30, np.full(n, 50)], axis=1).astype(np.float32)
    kinds = np.array([0 if chance >= of_sign else 2 for _, chance, _, of_sign in items])
    chances, told = np.zeros((n, 4), np.float32), np.full((n, 21), -20, np.float32)
    probabilities = np.zeros((n, 10), np.float32)
    for row, (digit, chance, sign, of_sign) in enumerate(items):
        chances[row, [0, 2]] = chance, of_sign
        told[row, CLASSES.index(sign)] = 0
        probabilities[row, int(digit)] = 1
    detections = Detections(boxes, chances.max(axis=1), kinds, chances, told, np.zeros_like(chances))
    images, nothing = np.zeros((n, 28, 28), np.uint8), np.zeros((n, 10), np.float32)
    of_digits, ones = chances[:, 0], np.ones(n, np.float32)
    levels = np.full((n, 2), 200, np.float32)
    seen = Seen(np.arange(n), boxes, images, nothing, nothing, of_digits, np.log(ones), ones, levels)
    (picture,) = open_pictures(np.full((60, 40 * n + 10), 255, np.uint8))
    found = Found(detections, np.zeros((1, 1), np.float32), 1.0, on=on)
    return PageItems(Judged(seen, probabilities, chances[:, 0]), found, picture, 0, ReadingOptions()).reading()


BRACKETS = [
    ("1", 0.5, "(", 0.45),
    ("2", 0.9, "+", 0),
    ("1", 0.1, "+", 0.8),
    ("3", 0.9, "+", 0),
    ("1", 0, ")", 0.9),
]


def test_an_item_is_what_can_stand_there() -> None:
    for items, text in [
        ([("2", 0.9, "+", 0), ("7", 0.9, "+", 0), ("1", 0.3, "/", 0.6)], "271"),
        ([("2", 0.9, "+", 0), ("1", 0.3, "/", 0.6), ("7", 0.9, "+", 0)], "2/7"),
        (BRACKETS, "(2+3)"),
        ([("1", 0.45, "/", 0.5)], ""),
        ([("2", 0.9, "+", 0), ("1", 0, "/", 0.6)], "2/"),
    ]:
        reading = reading_of(items)
        assert reading.text == text
        assert all(digit.chance <= digit.confidence for digit in reading.digits)
        assert all(digit.accepted == (digit.chance >= 0.5) for digit in reading.digits)
        assert len(reading.digits) + len(reading.signs) == len(text)
        assert {sign.label for sign in reading.signs} <= set(SIGNS)


def test_a_slash_alone_in_a_small_picture_is_a_1() -> None:
    reading = reading_of([("1", 0.45, "/", 0.5)], on="small")
    assert (reading.text, reading.signs) == ("1", ())
