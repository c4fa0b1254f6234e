"""What is drawn on a page: where, in which colour, and what stays as it was."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from digitscope.drawing.annotation import (
    ACCEPTED,
    ACCEPTED_ON_DARK,
    MOST_PIXELS,
    NOT_ACCEPTED,
    NOT_ACCEPTED_ON_DARK,
    PRINT,
    PRINT_ON_DARK,
    SIGN,
    annotate,
)
from tests.reading.examples import digit, reading, sign

UInt8 = NDArray[np.uint8]
SURE = digit(4, (100, 120, 60, 80))
UNSURE = digit(7, (300, 120, 60, 80), accepted=False, confidence=0.4)
COMMA = sign(",", (200, 190, 12, 24))
PRINTED = digit(6, (400, 300, 20, 30), printed=True, line=None)
SIZE = (500, 400)


def page(size: tuple[int, int] = SIZE, shade: int = 255) -> UInt8:
    return np.full((size[1], size[0], 3), shade, np.uint8)


def is_colour(image: Image.Image, colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.asarray((np.asarray(image) == colour).all(axis=-1))


def frame(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """The left, top, right and bottom of what is set."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def longest_run(mask: NDArray[np.bool_]) -> int:
    """The most neighbours in one row that are set."""
    return max(max(map(len, "".join("x" if each else " " for each in row).split()), default=0) for row in mask)


def test_a_box_is_around_the_ink_and_leaves_it_alone() -> None:
    pixels = page()
    pixels[120:200, 100:160] = (20, 30, 40)
    before = pixels.copy()
    copy = annotate(pixels, reading(SURE, size=SIZE), 0)
    assert np.array_equal(pixels, before)
    assert copy.mode == "RGB"
    assert copy.size == SIZE
    assert (np.asarray(copy)[120:200, 100:160] == (20, 30, 40)).all()
    blue = is_colour(copy, ACCEPTED)
    left, top, right, bottom = frame(blue[115:])
    assert 90 <= left < 100
    assert top < 5
    assert 160 < right <= 170
    assert 200 < bottom + 115 <= 210


def test_not_accepted_is_told_by_colour_and_by_dashes() -> None:
    copy = annotate(page(), reading(SURE, UNSURE, size=SIZE), 0)
    blue, orange = is_colour(copy, ACCEPTED), is_colour(copy, NOT_ACCEPTED)
    assert longest_run(blue[:, 80:180]) >= 60
    assert longest_run(orange) < 30
    assert not blue[:, 250:].any()
    assert not orange[:, :250].any()
    edge = orange[frame(orange[:, 280:])[3] - 1]  # the lowest row, which is that of the box
    assert np.count_nonzero(np.diff(edge.astype(int)) == 1) >= 3


def test_a_question_mark_makes_the_label_wider() -> None:
    def width_of_label(accepted: bool) -> int:
        only = digit(7, (100, 120, 60, 80), accepted=accepted, confidence=0.4)
        copy = annotate(page(), reading(only, size=SIZE), 0)
        first_line = is_colour(copy, ACCEPTED if accepted else NOT_ACCEPTED)[:90]
        left, _, right, _ = frame(first_line)
        return right - left

    assert width_of_label(accepted=False) > 1.3 * width_of_label(accepted=True)


def test_dark_pages_get_lighter_colours() -> None:
    copy = annotate(page(shade=15), reading(SURE, UNSURE, size=SIZE), 0)
    assert is_colour(copy, ACCEPTED_ON_DARK).sum() > 300
    assert is_colour(copy, NOT_ACCEPTED_ON_DARK).sum() > 300
    assert not is_colour(copy, ACCEPTED).any()


@pytest.mark.parametrize(
    ("colours", "halo"),
    [
        ((ACCEPTED, NOT_ACCEPTED, SIGN, PRINT), 255),
        ((ACCEPTED_ON_DARK, NOT_ACCEPTED_ON_DARK, SIGN, PRINT_ON_DARK), 0),
    ],
)
def test_colours_stand_out_from_their_halo(colours: tuple[tuple[int, int, int], ...], halo: int) -> None:
    """The contrast that WCAG 2.2 asks of large text and of graphics: 3 to 1."""

    def luminance(colour: tuple[int, int, int]) -> float:
        shares = [
            share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
            for share in (value / 255 for value in colour)
        ]
        return float(np.dot(shares, (0.2126, 0.7152, 0.0722)))

    for colour in colours:
        lighter, darker = sorted((luminance(colour), luminance((halo,) * 3)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) > 3


def test_signs_and_print_have_styles_of_their_own_and_leave_digits_theirs() -> None:
    alone = annotate(page(), reading(SURE, UNSURE, size=SIZE), 0)
    copy = annotate(page(), reading(SURE, UNSURE, PRINTED, size=SIZE, signs=(COMMA,)), 0)
    assert copy.size == SIZE
    for colour in (ACCEPTED, NOT_ACCEPTED):
        assert np.array_equal(is_colour(copy, colour), is_colour(alone, colour))
    green, gray = is_colour(copy, SIGN), is_colour(copy, PRINT)
    assert longest_run(green[:, 195:217]) >= 12  # a solid box
    assert not green[:, 250:].any()
    assert not gray[:, :350].any()

    def thickness_below(mask: NDArray[np.bool_], x: int) -> int:
        return longest_run(mask[:, x : x + 1].T)

    assert thickness_below(gray[320:], 410) < thickness_below(is_colour(copy, ACCEPTED)[195:], 130)


def test_print_that_is_not_accepted_is_dashed_too() -> None:
    unsure = digit(6, (300, 120, 60, 80), printed=True, accepted=False)
    gray = is_colour(annotate(page(), reading(unsure, size=SIZE), 0), PRINT)
    assert longest_run(gray[frame(gray)[3] - 1 :]) < 30


def test_every_sign_has_a_label_that_tells_it_from_others() -> None:
    def drawn(name: str) -> bytes:
        only = reading(SURE, size=SIZE, signs=(sign(name, (300, 120, 60, 80)),))
        return is_colour(annotate(page(), only, 0), SIGN).tobytes()

    assert len({drawn(name) for name in ".,-/:+\u00d7\u00f7=()\ufffe"}) == 12


def test_sizes_are_those_of_digits_however_small_signs_are() -> None:
    signs = tuple(sign(".", (30 + 40 * number, 300, 4, 4)) for number in range(8))
    assert annotate(page(), reading(SURE, size=SIZE, signs=signs), 0).size == SIZE
    assert annotate(page(), reading(size=SIZE, signs=signs), 0).width > 2 * SIZE[0]


def test_only_the_page_s_own_digits_are_drawn() -> None:
    both = reading(SURE, digit(7, (300, 120, 60, 80), page=1), size=SIZE, n_pages=3)
    first, second, third = (annotate(page(), both, number) for number in range(3))
    assert not is_colour(first, ACCEPTED)[:, 250:].any()
    assert not is_colour(second, ACCEPTED)[:, :250].any()
    assert np.array_equal(np.asarray(third), page())


def test_boxes_follow_a_reduced_page() -> None:
    twice = digit(4, (200, 240, 120, 160))
    whole = annotate(page(), reading(SURE, size=SIZE), 0)
    reduced = annotate(page(), reading(twice, size=(1000, 800)), 0)
    assert np.array_equal(np.asarray(whole), np.asarray(reduced))


def test_pages_of_any_size_have_a_legible_label() -> None:
    size, box = (28, 28), (6, 4, 16, 20)
    copy = annotate(page(size), reading(digit(8, box), size=size), 0)
    assert copy.width * copy.height < 2 * MOST_PIXELS
    blue = is_colour(copy, ACCEPTED)
    left, top, right, bottom = frame(blue)
    assert min(left, top) >= 2
    assert right <= copy.width - 2
    assert bottom <= copy.height - 2
    assert blue.sum() > 40


def test_labels_cover_neither_ink_nor_each_other() -> None:
    """Every pixel of ink on a page with room is what it was, and each digit adds as much blue as alone."""
    boxes = [(40 + 70 * column, 60 + 120 * row, 30, 50) for row in range(3) for column in range(6)]
    pixels = page()
    for left, top, width, height in boxes:
        pixels[top : top + height, left : left + width] = 7
    digits = [digit(5, box) for box in boxes]
    copy = annotate(pixels, reading(*digits, size=SIZE), 0)
    assert copy.size == SIZE
    ink = (pixels == 7).all(axis=-1)
    assert (np.asarray(copy)[ink] == 7).all()
    alone = is_colour(annotate(page(), reading(digits[7], size=SIZE), 0), ACCEPTED).sum()
    assert is_colour(copy, ACCEPTED).sum() == pytest.approx(len(boxes) * alone, rel=0.05)


def test_crowded_lines_keep_their_ink() -> None:
    """Lines so near that no label fits: the page is enlarged until they do."""
    boxes = [(20 + 32 * column, 20 + 40 * row, 20, 30) for row in range(6) for column in range(12)]
    pixels = page((450, 280))
    for left, top, width, height in boxes:
        pixels[top : top + height, left : left + width] = 0
    copy = annotate(pixels, reading(*[digit(5, box) for box in boxes], size=(450, 280)), 0)
    assert copy.width > 900
    zoom = copy.width // 450
    ink = np.repeat(np.repeat((pixels == 0).all(axis=-1), zoom, axis=0), zoom, axis=1)
    height, width = ink.shape
    left, top = copy.width - width, copy.height - height  # it may have grown for the labels at its edges
    assert max(left, top) < 5 * zoom
    kept = max(
        (np.asarray(copy)[y : y + height, x : x + width].max(axis=-1) < 10)[ink].mean()
        for x in range(left + 1)
        for y in range(top + 1)
    )
    assert kept > 0.9
