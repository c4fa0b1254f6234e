"""Tables of made readings, whose rows and columns are known."""

import pickle
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from digitscope.reading import Digit, Reading
from digitscope.reading.result import Sign
from digitscope.tables import numbers_of, table_of

ROWS = [["12", None, "3.5"], ["7", "81", None], [None, "640", "20"]]


def reading_of(rows: list[list[str | None]], xs: list[int], pitch: int, tilt: float = 0.0) -> Reading:
    """A reading as the reader gives it of a table whose columns begin at `xs`."""
    digits, signs, lines = [], [], []
    for number, row in enumerate(rows):
        for x, text in zip(xs, row, strict=True):
            for place, character in enumerate(text or ""):
                box = (x + 14 * place, round(20 + pitch * number + tilt * x), 10, 20)
                if character.isdecimal():
                    one_hot = np.eye(10, dtype=np.float32)[int(character)]
                    image = np.zeros((28, 28), np.uint8)
                    digits.append(
                        Digit(int(character), 0.9, True, None, box, one_hot, number, 0, image, chance=0.8)
                    )
                else:
                    signs.append(Sign(character, 0.7, box, number, 0))
        lines.append(" ".join(text for text in row if text))
    return Reading(tuple(digits), tuple(lines), ((400, 300),), tuple(signs), (0,))


def test_numbers_have_their_text_and_their_box() -> None:
    numbers = numbers_of(reading_of(ROWS, [20, 120, 240], 60))
    assert [number.text for number in numbers] == ["12", "3.5", "7", "81", "640", "20"]
    assert numbers[1].box == (240, 20, 38, 20)
    assert (numbers[1].line, numbers[1].chance, numbers[0].chance) == (0, 0.7, 0.8)


def test_columns_are_what_stands_above_each_other() -> None:
    tilt = 0.05
    assert table_of(reading_of(ROWS, [20, 120, 240], 60, tilt)) == ROWS


def test_a_number_may_be_longer_than_its_column() -> None:
    rows = [["12", "3"], ["7", "81"], ["8", "4"], ["5", "6"], ["70", "11"], ["3", "20"], ["4", "9"], ["1", "2"]]
    rows = [list(row) for row in rows * 2]
    rows[5][0] = "300000"  # ends 6 pixels before the second column, a third of a digit's height
    assert table_of(reading_of([[*row] for row in rows], [20, 106], 30)) == rows


def test_a_raised_digit_that_the_reading_gave_its_own_line_stays_in_its_row() -> None:
    reading = reading_of([["12", "34"], ["56", "78"], ["90", "12"], ["34", "56"]], [20, 120], 40)
    *others, last = reading.digits
    raised = replace(last, line=4, box=(last.box[0], last.box[1] - 14, *last.box[2:]))
    lines = ("12 34", "56 78", "90 12", "34 5", "6")
    assert table_of(replace(reading, digits=(*others, raised), lines=lines)) == [
        ["12", "34"],
        ["56", "78"],
        ["90", "12"],
        ["34", "56"],
    ]


def test_ruled_cells_keep_a_column_that_is_empty() -> None:
    rows = [["12", None, "3.5"], ["7", None, "4"], [None, None, "20"]]
    reading = reading_of(rows, [20, 120, 240], 60)
    image = Image.new("L", (400, 300), 255)
    brush = ImageDraw.Draw(image)
    for x in (5, 105, 220, 350):
        brush.line((x, 5, x, 185), fill=0, width=2)
    for y in (5, 65, 125, 185):
        brush.line((5, y, 350, y), fill=0, width=2)
    seen = replace(reading, gray=np.asarray(image))
    sent = pickle.loads(pickle.dumps(seen))
    assert (sent.table, sent.gray, sent.lines) == (rows, None, reading.lines)  # the page itself is not sent
    assert seen.table == rows
    assert table_of(reading) == [["12", "3.5"], ["7", "4"], [None, "20"]]


def test_nothing_is_no_table() -> None:
    assert Reading((), (), ((10, 10),), rotations=(0,)).table is None
    assert reading_of([["12", "3"]], [20, 120], 60).table is None


def test_a_page_that_was_turned_keeps_its_rows_and_columns() -> None:
    """The page as given is the upright one turned back, anticlockwise, by as many quarters."""
    quarters = 1
    upright = reading_of(ROWS, [20, 120, 240], 60)
    width, height = upright.sizes[0]

    def back(box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        (left, top, wide, high), size = box, (width, height)
        for _ in range(quarters):
            left, top, wide, high = top, size[0] - left - wide, high, wide
            size = size[::-1]
        return left, top, wide, high

    size = (width, height) if quarters == 2 else (height, width)
    turned = replace(
        upright,
        digits=tuple(replace(each, box=back(each.box)) for each in upright.digits),
        signs=tuple(replace(each, box=back(each.box)) for each in upright.signs),
        sizes=(size,),
        rotations=(90 * quarters,),
    )
    assert table_of(turned) == ROWS
    assert [number.text for number in numbers_of(turned)] == [number.text for number in numbers_of(upright)]
    assert [number.box for number in numbers_of(turned)] == [back(number.box) for number in numbers_of(upright)]
