"""Pages beside what can be seen on them, and each nuisance by what it should change."""

from collections.abc import Callable
from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
from benchmarks.handwriting import WriterSettings, stroke_mask, write_numbers
from benchmarks.paper import punched, turned
from benchmarks.plain_pages import Page, make_page
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.data import Dataset, Split, load_sample
from digitscope.errors import DataError, SettingError

Floats = NDArray[np.float64]


@cache
def page(nuisance: str, seed: int = 0) -> Page:
    return make_page(load_sample().test, nuisance=nuisance, generator=np.random.default_rng(seed))


@cache
def grey(of: Page) -> Floats:
    return np.asarray(of.image.mean(axis=2), dtype=np.float64)


def ink_level(of: Page) -> float:
    """The brightness of a pixel that is three tenths under ink."""
    white = float(np.median(ground(of)))
    return white - 0.3 * (white - float(grey(of).min()))


def patches(of: Page) -> list[Floats]:
    """The brightness inside each digit's box."""
    return [
        grey(of)[top : top + height, left : left + width]
        for left, top, width, height in (digit.box for digit in of.digits)
    ]


@cache
def ground(of: Page) -> Floats:
    """The brightness of the page's pixels outside all boxes."""
    outside = np.ones(of.image.shape[:2], dtype=bool)
    for digit in of.digits:
        left, top, width, height = digit.box
        outside[top - 3 : top + height + 3, left - 3 : left + width + 3] = False
    return grey(of)[outside]


# The truth


def test_the_boxes_are_those_of_the_ink_that_is_seen() -> None:
    made = page("rotated")
    level = ink_level(made)
    for digit, patch in zip(made.digits, patches(made), strict=True):
        dark = np.argwhere(patch < level)
        slack = np.maximum(2, 0.04 * np.array(patch.shape))
        assert (dark.min(axis=0) <= slack).all(), digit
        assert (np.array(patch.shape) - 1 - dark.max(axis=0) <= slack).all(), digit
    assert ground(made).min() > level


def test_no_blob_of_ink_belongs_to_two_digits() -> None:
    """Blobs are found in the picture; each must lie in one box and in no other."""
    made = page("small")
    blobs, n = ndimage.label(grey(made) < ink_level(made), np.ones((3, 3)))
    assert n >= len(made.digits)
    for rows, columns in ndimage.find_objects(blobs):
        holders = [
            digit
            for digit in made.digits
            if digit.box[0] - 2 <= columns.start
            and columns.stop <= digit.box[0] + digit.box[2] + 2
            and digit.box[1] - 2 <= rows.start
            and rows.stop <= digit.box[1] + digit.box[3] + 2
        ]
        assert holders


def test_the_ink_of_two_digits_is_apart(sample: Dataset) -> None:
    sheet = write_numbers(sample.test, WriterSettings(stroke=1), (700, 1000), np.random.default_rng(3)).sheet
    assert (sheet.owner[sheet.coverage >= 0.3] > 0).all()
    for number, (rows, columns) in enumerate(ndimage.find_objects(sheet.owner), start=1):
        near = sheet.owner[rows.start - 3 : rows.stop + 3, columns.start - 3 : columns.stop + 3]
        away = ndimage.distance_transform_edt((near == 0) | (near == number))
        assert np.isin(near, [0, number]).all() or away[near == number].min() > 2


def test_gaps_between_numbers_are_larger_than_within() -> None:
    made = page("clean", 1)
    places = iter(made.digits)
    within, between = [], []
    for line in made.lines:
        numbers = [[next(places).box for _ in number] for number in line.split(" ")]
        within += [after[0] - before[0] - before[2] for number in numbers for before, after in pairwise(number)]
        between += [after[0][0] - before[-1][0] - before[-1][2] for before, after in pairwise(numbers)]
    assert max(within) < min(between)


def test_the_labels_are_those_of_the_images_drawn() -> None:
    """The digit of each label is a bar, 6 pixels wide, and taller the higher the label."""
    images = np.zeros((10, 28, 28), dtype=np.uint8)
    for label in range(10):
        images[label, 3 : 7 + 2 * label, 10:16] = 255
    made = make_page(Split(images, np.arange(10, dtype=np.uint8)), generator=np.random.default_rng(0))
    assert len({digit.label for digit in made.digits}) > 5
    slimness = [digit.box[3] / digit.box[2] for digit in made.digits]
    assert np.corrcoef(slimness, [digit.label for digit in made.digits])[0, 1] > 0.99


def test_a_sheet_turns_with_its_digits(sample: Dataset) -> None:
    sheet = write_numbers(sample.test, WriterSettings(), (700, 1000), np.random.default_rng(0)).sheet
    before, after = (
        np.array(ndimage.center_of_mass(owner > 0, owner, range(1, owner.max() + 1)))
        for owner in (sheet.owner, turned(sheet, 3.0).owner)
    )
    sine, cosine, middle = np.sin(np.deg2rad(3)), np.cos(np.deg2rad(3)), np.array([349.5, 499.5])
    turn = np.array([[cosine, -sine], [sine, cosine]])
    assert np.abs((before - middle) @ turn.T + middle - after).max() < 1


def test_a_stroke_is_the_digit_enlarged(sample: Dataset) -> None:
    kinds = product(sample.test.images[:10], ((-1, 15.0), (0, 0.5), (1, 2.0)))
    for image, (stroke, scale) in kinds:
        mask = stroke_mask(image, scale, stroke)
        rows, columns = (np.flatnonzero((image > 100).any(axis=axis)) for axis in (1, 0))
        expected = scale * np.array([np.ptp(rows) + 1 + stroke, np.ptp(columns) + 1 + stroke])
        assert np.abs(np.array(mask.shape) - expected).max() <= 2.2 * scale + 2
        assert mask.dtype == np.float32
        assert 0 <= mask.min() < 0.3 < 0.6 < mask.max() <= 1


def test_a_thin_stroke_holds_together(sample: Dataset) -> None:
    eight = np.ones((3, 3))
    for image in sample.test.images[:40]:
        plain, thin = (stroke_mask(image, 3.0, stroke) > 0.5 for stroke in (0, -1))
        assert thin.sum() < plain.sum()
        assert ndimage.label(thin, eight)[1] <= ndimage.label(image > 60, eight)[1]


# Randomness


def test_equal_generators_give_equal_pages(sample: Dataset) -> None:
    first, same, other = (
        make_page(sample.test, nuisance="ruled", generator=np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    assert np.array_equal(first.image, same.image)
    assert (first.digits, first.lines) == (same.digits, same.lines)
    assert first.lines != other.lines


def test_pages_have_the_usual_size_and_number_of_digits() -> None:
    pages = [page("clean", seed) for seed in range(4)]
    for made in pages:
        assert 650 <= min(made.image.shape[:2]) < max(made.image.shape[:2]) <= 1060
        assert 20 <= len(made.digits) <= 60
        assert 25 <= np.median([digit.box[3] for digit in made.digits]) <= 65


# Nuisances


def stroke_share(of: Page) -> float:
    return float(np.mean([(patch < ink_level(of)).mean() for patch in patches(of)]))


def sharpness(of: Page) -> float:
    """The steepest step between neighbouring pixels, the median over digits."""
    return float(np.median([np.abs(np.diff(patch, axis=1)).max() for patch in patches(of)]))


def height_of_digits(of: Page) -> float:
    return float(np.median([digit.box[3] for digit in of.digits]))


def row_dips(of: Page) -> float:
    """How much the rows of the left edge, where nobody writes, differ: rules make some of them darker."""
    edge = grey(of)[:, 45:55].mean(axis=1)
    return float(np.quantile(edge, 0.99) - edge.min())


def column_dips(of: Page) -> float:
    edge = grey(of)[2:12].mean(axis=0)
    return float(np.quantile(edge, 0.99) - edge.min())


def blockiness(of: Page) -> float:
    """Steps across the borders of JPEG's 8 x 8 blocks, over steps elsewhere, where nobody writes."""
    steps = np.abs(np.diff(grey(of)[:40], axis=1)).mean(axis=0)
    borders = np.arange(len(steps)) % 8 == 7
    return float((steps[borders].mean() + 0.01) / (steps[~borders].mean() + 0.01))


def lean(of: Page) -> float:
    """How steeply the lines run, in degrees: their slope through the feet of their digits."""
    slopes = []
    for line in range(len(of.lines)):
        feet = np.array([(d.box[0], d.box[1] + d.box[3]) for d in of.digits if d.line == line], dtype=float)
        if len(feet) > 5:
            slopes.append(np.polyfit(feet[:, 0], feet[:, 1], 1)[0])
    return float(np.degrees(np.arctan(np.median(slopes))))


def colourfulness(of: Page) -> float:
    """How far the channels of the darkest pixels are apart."""
    dark = grey(of) < np.quantile(grey(of), 0.02)
    return float(np.ptp(of.image[dark].mean(axis=0)))


def grain(of: Page) -> float:
    """The noise of pixels beside each other, in the page's upper left corner."""
    return float(np.diff(grey(of)[3:40, 3:40], axis=1).std() / np.sqrt(2))


def darker_share(of: Page) -> float:
    """The share of the ground that is darker than half of its bright part."""
    return float((ground(of) < 0.75 * np.quantile(ground(of), 0.9)).mean())


def inked_both_ways(of: Page) -> set[str]:
    """Which inks there are: light on a dark ground, dark on a light one."""
    inks = set()
    for left, top, width, height in (digit.box for digit in of.digits):
        around = np.median(grey(of)[top - 4 : top - 2, left : left + width])
        inside = grey(of)[top : top + height, left : left + width]
        inks.add("light" if around < 80 and inside.max() > 180 else "dark" if inside.min() < 70 else "neither")
    return inks


def share_of_touching(of: Page) -> float:
    """The blobs of ink that are missing from one a digit, as a share of the digits."""
    _, n = ndimage.label(grey(of) < ink_level(of), np.ones((3, 3)))
    return float(1 - n / len(of.digits))


def share_in_boxes(of: Page) -> float:
    """The digits that have dark lines of two thirds of their height to the left and to the right of them."""
    dark = grey(of) < 0.8 * np.median(ground(of))
    inside = []
    for left, top, width, height in (digit.box for digit in of.digits):
        rows, reach = slice(top + height // 3, top + height), 2 * height // 3
        sides = dark[rows, left - reach : left], dark[rows, left + width : left + width + reach]
        inside.append(all(side.all(axis=0).any() for side in sides))
    return float(np.mean(inside))


def ratio_of_heights(of: Page) -> float:
    """The height of the highest line over that of the lowest, each the median of its digits."""
    heights = [np.median([d.box[3] for d in of.digits if d.line == line]) for line in range(len(of.lines))]
    return float(max(heights) / min(heights))


HAS: dict[str, Callable[[Page, Page], object]] = {
    "shadow": lambda seen, clean: darker_share(seen) > 0.05 > darker_share(clean),
    "bleed-through": lambda seen, clean: ground(seen).min() < ground(clean).min() - 5,
    "squared": lambda seen, clean: min(row_dips(seen), column_dips(seen)) > 10 > column_dips(clean),
    "coloured-pen": lambda seen, clean: colourfulness(seen) > 60 > 30 > colourfulness(clean),
    "jpeg": lambda seen, clean: blockiness(seen) > 1.5 > blockiness(clean),
    "edges": lambda seen, clean: grey(seen)[:20].mean() < 90 < 200 < grey(clean)[:20].mean(),
    "thin": lambda seen, clean: stroke_share(seen) < 0.85 * stroke_share(clean),
    "small": lambda seen, _: 9 <= height_of_digits(seen) <= 15,
    "rotated": lambda seen, clean: 0.5 < abs(lean(seen)) < 4.7 and abs(lean(clean)) < 0.7,
    "panel": lambda seen, clean: inked_both_ways(seen) == {"light", "dark"} and inked_both_ways(clean) == {"dark"},
    "blur": lambda seen, clean: sharpness(seen) < 0.6 * sharpness(clean),
    "noise": lambda seen, clean: grain(seen) > 7 > 4 > grain(clean),
    "touching": lambda seen, clean: share_of_touching(seen) > 0.2 > 0 >= share_of_touching(clean),
    "boxes": lambda seen, clean: share_in_boxes(seen) > 0.3 > 0.1 > share_in_boxes(clean),
    "two-sizes": lambda seen, clean: ratio_of_heights(seen) > 1.7 > 1.4 > ratio_of_heights(clean),
}


@pytest.mark.parametrize("nuisance", sorted(HAS))
def test_a_page_agrees_with_itself_and_has_its_nuisance(nuisance: str) -> None:
    made = page(nuisance)
    assert HAS[nuisance](made, page("clean"))
    height, width, channels = made.image.shape
    assert made.image.dtype == np.uint8
    assert (channels, made.nuisance) == (3, nuisance)
    assert "".join(str(digit.label) for digit in made.digits) == "".join(made.lines).replace(" ", "")
    for number, line in enumerate(made.lines):
        on_it = [digit for digit in made.digits if digit.line == number]
        assert "".join(str(digit.label) for digit in on_it) == line.replace(" ", "")
        assert all(1 <= len(group) <= 6 for group in line.split(" "))
        middles = [digit.box[0] + digit.box[2] / 2 for digit in on_it]
        assert middles == sorted(middles)
    assert [digit.line for digit in made.digits] == sorted(digit.line for digit in made.digits)
    for digit in made.digits:
        left, top, its_width, its_height = digit.box
        assert 0 < left < left + its_width < width
        assert 0 < top < top + its_height < height


def test_punched_holes_are_dark_and_80_mm_apart() -> None:
    sheet = write_numbers(load_sample().test, WriterSettings(), (1000, 700), np.random.default_rng(0)).sheet
    holes, n = ndimage.label(punched(sheet).page < 0.5)
    assert n == 2
    upper, lower = ndimage.center_of_mass(holes > 0, holes, [1, 2])
    assert np.subtract(lower, upper) == pytest.approx((80 * 1000 / 297, 0), abs=0.5)
    assert (sheet.coverage[holes > 0] == 0).all()


# Errors


def test_an_unknown_nuisance_names_those_that_are_known(sample: Dataset) -> None:
    with pytest.raises(SettingError, match=r"'coffee'.*clean, light, shadow.*touching, boxes, two-sizes"):
        make_page(sample.test, nuisance="coffee", generator=np.random.default_rng(0))


def test_digits_that_make_no_page() -> None:
    pairs = Split(np.ones((3, 42, 28), dtype=np.uint8), np.zeros((3, 2), dtype=np.uint8))
    with pytest.raises(DataError, match=r"expected \(N, 28, 28\) and \(N,\)"):
        make_page(pairs, generator=np.random.default_rng(0))
    blank = Split(np.zeros((1, 28, 28), dtype=np.uint8), np.zeros(1, dtype=np.uint8))
    with pytest.raises(DataError, match="blank"):
        make_page(blank, generator=np.random.default_rng(0))
