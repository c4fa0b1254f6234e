"""Whole pictures: pages pasted together from real digits, and where they say that the digits are."""

import io
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.handwriting import stroke_mask
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps
from scipy import ndimage

import digitscope
from digitscope.data import Dataset, make_two_digit
from digitscope.errors import DataError, SettingError
from digitscope.reading import Reader, Reading, Recognizer, read, shipped_path

UInt8 = NDArray[np.uint8]
Box = tuple[int, int, int, int]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader.load(threads=1)


def in_one_piece(stroke: NDArray[np.float32]) -> bool:
    return all(ndimage.label(stroke > level, np.ones((3, 3)))[1] == 1 for level in (0.3, 0.5, 0.7))


def pasted(sample: Dataset, *, lines: int, columns: int, scale: float, pitch: int) -> tuple[UInt8, str, list[Box]]:
    """Return a page of black digits on white, its text, and the boxes of their ink.

    Each is of one piece and read right as MNIST has it: what is tested is the way from a page to the network.
    """
    page = np.full((pitch * lines + 60, pitch * columns + 60), 255, np.uint8)
    boxes = []
    sure = Recognizer.load("digit", threads=1).predict(sample.test.images[:60]).probabilities
    likely = np.flatnonzero(sure[np.arange(60), sample.test.labels[:60]] > 0.98)
    rows_of = [row for row in likely if in_one_piece(stroke_mask(sample.test.images[row], scale))]
    for number, (line, column) in enumerate(product(range(lines), range(columns))):
        stroke = stroke_mask(sample.test.images[rows_of[number]], scale)
        height, width = stroke.shape
        top, left = 40 + pitch * line, 40 + pitch * column
        page[top : top + height, left : left + width] = np.rint(255 * (1 - stroke))
        rows, across = (np.flatnonzero((stroke > 0.3).any(axis=axis)) for axis in (1, 0))
        boxes.append((left + int(across[0]), top + int(rows[0]), int(np.ptp(across)) + 1, int(np.ptp(rows)) + 1))
    labels = sample.test.labels[rows_of[: lines * columns]].reshape(lines, columns)
    return page, "\n".join("".join(map(str, line)) for line in labels), boxes


def square_without_grey(digit: UInt8, side: int) -> Image.Image:
    rows, columns = (np.flatnonzero((digit > 20).any(axis=axis)) for axis in (1, 0))
    tight = Image.fromarray(digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return tight.resize((side, side), Image.Resampling.BOX).point([255 * (level > 127) for level in range(256)])


def without_spaces(reading: Reading) -> str:
    """Return the text, the best guess in place of each "?"."""
    guesses = iter(digit.label for digit in reading.digits if not digit.accepted and digit.line is not None)
    return "".join(str(next(guesses)) if each == "?" else each for each in reading.text.replace(" ", ""))


def assert_boxes(reading: Reading, boxes: list[Box], within: float) -> None:
    assert len(reading.digits) == len(boxes)
    for digit, (left, top, width, height) in zip(reading.digits, boxes, strict=True):
        edges = digit.box[0], digit.box[1], digit.box[0] + digit.box[2], digit.box[1] + digit.box[3]
        assert edges == pytest.approx((left, top, left + width, top + height), abs=within)


def saved(image: Image.Image, form: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form)
    return stream.getvalue()


def test_a_page_is_read_and_its_digits_are_where_they_are(sample: Dataset, reader: Reader) -> None:
    page, text, boxes = pasted(sample, lines=3, columns=5, scale=2, pitch=75)
    reading = reader.read(page)
    assert without_spaces(reading) == text
    assert_boxes(reading, boxes, within=2)
    assert reading.sizes == ((page.shape[1], page.shape[0]),)
    assert [digit.line for digit in reading.digits] == sorted([0, 1, 2] * 5)
    assert all(digit.accepted and digit.reason is None for digit in reading.digits)
    assert all(digit.confidence == pytest.approx(digit.probabilities.max()) for digit in reading.digits)
    assert [str(digit.probabilities.argmax()) for digit in reading.digits] == list(text.replace("\n", ""))


def test_a_page_the_other_way_round_is_read_alike(sample: Dataset, reader: Reader) -> None:
    page, text, boxes = pasted(sample, lines=2, columns=5, scale=2, pitch=75)
    reading = reader.read(255 - page)
    assert without_spaces(reading) == text
    assert_boxes(reading, boxes, within=2)


def test_boxes_of_a_photo_that_was_reduced(sample: Dataset, reader: Reader) -> None:
    """12 megapixels are read at half of the size; boxes count in the photo's own pixels."""
    part, text, boxes = pasted(sample, lines=3, columns=5, scale=8, pitch=300)
    page = np.full((3000, 4000), 255, np.uint8)
    page[1200 : 1200 + part.shape[0], 2000 : 2000 + part.shape[1]] = part
    reading = reader.read(page)
    assert without_spaces(reading) == text
    assert reading.sizes == ((4000, 3000),)
    assert_boxes(reading, [(2000 + left, 1200 + top, width, height) for left, top, width, height in boxes], 5)


def test_boxes_of_a_picture_that_was_enlarged(sample: Dataset, reader: Reader) -> None:
    """20 x 20 pixels, as MNIST's digits are before they are framed."""
    right, near = [], []
    for image, label in zip(sample.test.images[:40], sample.test.labels, strict=False):
        reading = reader.read(255 - image[4:24, 4:24])
        assert reading.sizes == ((20, 20),)
        right.append(reading.text == str(label))
        if not right[-1]:
            continue
        rows, columns = (np.flatnonzero((image[4:24, 4:24] > 100).any(axis=axis)) for axis in (1, 0))
        left, top, width, height = reading.digits[0].box
        found = np.array([left, top, left + width, top + height])
        near.append(np.abs(found - [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]).max() <= 1)
    assert np.mean(right) > 0.9
    assert np.mean(near) > 0.9


def test_mnist_s_own_images_are_read(sample: Dataset, reader: Reader) -> None:
    texts = [reader.read(image).text for image in sample.test.images[:40]]
    assert np.mean([text == str(label) for text, label in zip(texts, sample.test.labels, strict=False)]) > 0.9


def test_digits_cut_out_to_their_rims_as_old_collections_have_them(sample: Dataset, reader: Reader) -> None:
    """USPS has 16 x 16 pixels, Alpaydin and Kaynak 8 x 8; there is no margin to tell paper by."""
    side = 8
    digits, right = sample.test[:75], 0
    for image, label in zip(digits.images, digits.labels, strict=True):
        rows, columns = np.flatnonzero(image.max(axis=1) > 20), np.flatnonzero(image.max(axis=0) > 20)
        tight = Image.fromarray(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
        tight = ImageOps.pad(tight, (max(tight.size),) * 2).resize((side, side), Image.Resampling.BOX)
        right += "".join(str(digit.label) for digit in reader.read(255 - np.asarray(tight)).digits) == str(label)
    assert right >= 71


def test_digits_that_fill_a_photo_are_read(sample: Dataset, reader: Reader) -> None:
    """Their strokes alone, seen from near, look like 1s."""
    right = []
    for image, label in zip(sample.test.images[:12], sample.test.labels, strict=False):
        page = np.full((1600, 1200), 255, np.uint8)
        page[250:1370, 40:1160] = 255 - np.asarray(Image.fromarray(image).resize((1120, 1120)))
        right.append(reader.read(page).text == str(label))
    assert sum(right) >= 11


def test_a_large_drawing_with_a_thin_line_is_one_digit(reader: Reader) -> None:
    """Of straight lines, 400 pixels high, on a canvas that is much larger."""
    label, corners = 4, [(150, 0), (0, 250), (260, 250), (180, 90), (170, 400)]
    canvas = Image.new("L", (2200, 1500), 255)
    ImageDraw.Draw(canvas).line([(900 + x, 500 + y) for x, y in corners], fill=0, width=5, joint="curve")
    assert [digit.label for digit in reader.read(canvas).digits] == [label]


def test_boxes_stay_on_the_page(reader: Reader) -> None:
    """Ink up to the rim, in sizes that no whole factor divides."""
    for size in ((61, 37), (2003, 2999), (31, 23)):
        page = np.full(size, 255, np.uint8)
        page[: size[0] // 2 + 3, -size[1] // 4 :] = 0
        for digit in reader.read(page).digits:
            left, top, width, height = digit.box
            assert 0 <= left < left + width <= size[1]
            assert 0 <= top < top + height <= size[0]


def test_digits_without_grey_that_fill_a_square_of_16_pixels_are_read(sample: Dataset, reader: Reader) -> None:
    """As some old collections are."""
    chosen = slice(200, 260)
    pictures = [square_without_grey(image, 16) for image in sample.test.images[chosen]]
    right = [
        reader.read(picture).text == str(label)
        for picture, label in zip(pictures, sample.test.labels[chosen], strict=True)
    ]
    assert np.mean(right) > 0.85


def test_noise_alone_is_no_digit(reader: Reader) -> None:
    shape, deviation = (300, 400), 20
    generator = np.random.default_rng(0)
    for shade in (20, 128, 240):
        picture = np.clip(generator.normal(shade, deviation, shape), 0, 255).astype(np.uint8)
        assert [digit for digit in reader.read(picture).digits if digit.accepted] == []


def test_digits_in_noise_are_read(sample: Dataset, reader: Reader) -> None:
    generator = np.random.default_rng(0)
    noisy = [
        np.clip(generator.normal(0.8 * image, 20), 0, 255).astype(np.uint8) for image in sample.test.images[:40]
    ]
    right = [
        reader.read(image).text == str(label) for image, label in zip(noisy, sample.test.labels, strict=False)
    ]
    assert np.mean(right) > 0.9


def test_boxes_of_ink_that_is_smaller_than_a_pixel_of_the_source(reader: Reader) -> None:
    """Two pixels are enlarged 64 times, and the ink's edge is smooth then."""
    for digit in reader.read(np.array([[200], [0]], np.uint8)).digits:
        assert digit.box in {(0, 0, 1, 1), (0, 1, 1, 1), (0, 0, 1, 2)}


def test_words_and_lines(sample: Dataset, reader: Reader) -> None:
    """Two digits, a wide gap, two digits."""
    page = np.full((120, 420), 255, np.uint8)
    for image, left in zip(sample.test.images[:4], (30, 90, 250, 310), strict=True):
        stroke = stroke_mask(image, 2)
        page[30 : 30 + len(stroke), left : left + stroke.shape[1]] = np.rint(255 * (1 - stroke))
    first, second, third, fourth = sample.test.labels[:4]
    assert reader.read(page).lines == (f"{first}{second} {third}{fourth}",)


def test_pictures_that_are_known_to_show_two_digits_over_each_other(sample: Dataset, reader: Reader) -> None:
    scale = 5
    pairs = make_two_digit(sample, n_train=10, n_test=60, seed=0).test
    right = 0
    for image, labels in zip(pairs.images, pairs.labels, strict=True):
        large = Image.fromarray(255 - image).resize((28 * scale, 42 * scale), Image.Resampling.BICUBIC)
        reading = reader.read_pair(ImageOps.expand(large, 10 * scale, 255))
        assert len(reading.digits) == 2
        assert {digit.image.shape for digit in reading.digits} == {(42, 28)}
        (_, upper_top, _, _), (_, lower_top, _, _) = (digit.box for digit in reading.digits)
        assert upper_top < lower_top
        right += [digit.label for digit in reading.digits] == labels.tolist()
    assert right >= 55
    assert reader.read_pair(np.full((60, 60), 255, np.uint8)).lines == ()


def test_the_pages_of_a_tiff_file(sample: Dataset, reader: Reader) -> None:
    """Lines are numbered through, pages from 0."""
    first, text, _ = pasted(sample, lines=2, columns=3, scale=2, pitch=75)
    second, other, _ = pasted(sample, lines=1, columns=4, scale=2, pitch=75)
    stream = io.BytesIO()
    Image.fromarray(first).save(stream, "TIFF", save_all=True, append_images=[Image.fromarray(second)])
    reading = reader.read(stream.getvalue())
    assert without_spaces(reading) == f"{text}\n{other}"
    assert [digit.page for digit in reading.digits] == [0] * 6 + [1] * 4
    assert [digit.line for digit in reading.digits] == [0] * 3 + [1] * 3 + [2] * 4
    assert reading.sizes == ((first.shape[1], first.shape[0]), (second.shape[1], second.shape[0]))


def test_a_blank_picture(reader: Reader) -> None:
    size, shade = (300, 200), 127
    reading = reader.read(np.full(size, shade, np.uint8))
    assert (reading.digits, reading.lines, reading.text) == ((), (), "")
    assert reading.sizes == (size[::-1],)


def test_every_door_reads_alike(sample: Dataset, reader: Reader, tmp_path: Path) -> None:
    page, text, _ = pasted(sample, lines=1, columns=4, scale=2, pitch=75)
    content = saved(Image.fromarray(page), "PNG")
    (tmp_path / "page.png").write_bytes(content)
    for source in (tmp_path / "page.png", str(tmp_path / "page.png"), content, bytearray(content), page):
        assert without_spaces(reader.read(source)) == text
        assert without_spaces(digitscope.read(source)) == text
    assert without_spaces(reader.read(io.BytesIO(content))) == text
    assert without_spaces(read(page, model=shipped_path("digit"))) == text
    assert without_spaces(read(page, model="digit-best")) == text


def test_several_threads_may_share_a_reader(sample: Dataset, reader: Reader) -> None:
    page, text, _ = pasted(sample, lines=1, columns=4, scale=2, pitch=75)
    with ThreadPoolExecutor(4) as pool:
        assert {without_spaces(each) for each in pool.map(reader.read, [page] * 8)} == {text}


# Signs, print and direction


SIGNS = {
    "-": [[(0, 14), (14, 14)]],
    "+": [[(0, 14), (18, 14)], [(9, 5), (9, 23)]],
    "=": [[(0, 11), (14, 11)], [(0, 18), (14, 18)]],
    ":": [[(6, 8), (6, 11)], [(6, 19), (6, 22)]],
}
"""Strokes of the signs, from the upper left, in a line 28 pixels high."""


def with_signs(sample: Dataset, text: str) -> Image.Image:
    """Return a line of digits of the sample, 40 pixels high, and of signs drawn with straight strokes."""
    page = Image.new("L", (60 + 50 * len(text), 120), 255)
    brush = ImageDraw.Draw(page)
    for place, character in enumerate(text):
        left, top = 30 + 50 * place, 40
        if character in SIGNS:
            for stroke in SIGNS[character]:
                brush.line([(left + 1.4 * x, top + 1.4 * y) for x, y in stroke], fill=0, width=5)
            continue
        rows = np.flatnonzero(sample.test.labels == int(character))
        digit = stroke_mask(sample.test.images[rows[2]], 2)
        page.paste(0, (left, top), Image.fromarray(np.rint(255 * digit).astype(np.uint8)))
    return page


@pytest.mark.parametrize("text", ["4:20", "12=3"])
def test_signs_stand_in_the_text_and_in_a_list(text: str, sample: Dataset, reader: Reader) -> None:
    reading = reader.read(with_signs(sample, text))
    assert without_spaces(reading) == text
    (sign,) = reading.signs
    assert sign.label in text
    assert sign.line == 0
    left, top, width, height = sign.box
    assert 30 + 50 * text.index(sign.label) - 6 <= left < left + width <= 76 + 50 * text.index(sign.label)
    assert 30 < top < top + height < 100


def test_print_is_told_from_handwriting_and_left_out(sample: Dataset, reader: Reader) -> None:
    page, text, _ = pasted(sample, lines=1, columns=5, scale=2, pitch=75)
    form = np.full((page.shape[0] + 120, max(page.shape[1], 560)), 255, np.uint8)
    form[120:, : page.shape[1]] = page
    image = Image.fromarray(form)
    font = ImageFont.load_default(36)
    ImageDraw.Draw(image).text((40, 40), "Account number 40783 please", fill=0, font=font)
    reading = reader.read(image)
    assert without_spaces(reading) == text
    printed = [digit for digit in reading.digits if digit.printed]
    assert [digit.line for digit in printed] == [None] * len(printed)
    everything = reader.read(image, printed=True)
    assert len(everything.digits) == len(reading.digits)
    assert all(digit.line is not None for digit in everything.digits)
    assert without_spaces(everything).split("\n")[-1] == text


def test_a_page_on_its_side_is_turned_and_said_to_be(sample: Dataset, reader: Reader) -> None:
    rotation = 90
    page, text, boxes = pasted(sample, lines=4, columns=6, scale=2, pitch=75)
    lying = np.ascontiguousarray(np.rot90(page, rotation // 90))  # anticlockwise, as far as it has to go back
    reading = reader.read(lying)
    assert (reading.rotation, without_spaces(reading)) == (rotation, text)
    turned = f"was turned by {rotation} degrees to be read"
    assert reading.remarks == (f"the picture {turned}",)
    for digit, (left, top, width, height) in zip(reading.digits, boxes, strict=True):
        ink = np.zeros(page.shape, bool)
        ink[top : top + height, left : left + width] = True
        rows, columns = np.nonzero(np.rot90(ink, rotation // 90))
        edges = digit.box[0], digit.box[1], digit.box[0] + digit.box[2], digit.box[1] + digit.box[3]
        assert edges == pytest.approx((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1), abs=3)
    asked_for = reader.read(lying, rotation=rotation)
    assert (asked_for.text, asked_for.remarks) == (reading.text, ())
    assert reader.read(page, rotation=0).rotation == 0
    two = io.BytesIO()
    Image.fromarray(page).save(two, "TIFF", save_all=True, append_images=[Image.fromarray(lying)])
    assert reader.read(two.getvalue()).remarks == (f"page 2 {turned}",)


def test_regions_are_read_in_the_order_in_which_they_are_given(sample: Dataset, reader: Reader) -> None:
    page, text, _ = pasted(sample, lines=4, columns=6, scale=2, pitch=75)
    lines, (height, width) = text.split("\n"), page.shape
    half = (height + 1) // 2
    lower, nothing, upper = (0, half, width, height - half), (0, 0, 3, 3), (0, 0, width, half)
    reading = reader.read(page, regions=[lower, nothing, upper, (0, 0, width, height)])
    assert reading.regions == ("\n".join(reading.lines[:2]), "", "\n".join(reading.lines[2:]), "")
    assert without_spaces(reading).split("\n") == lines[2:] + lines[:2]
    assert [digit.line for digit in reading.digits] == [number for number in range(4) for _ in range(6)]
    turned = reader.read(np.ascontiguousarray(np.rot90(page)), regions=[(0, 0, half, width)])
    assert (turned.rotation, without_spaces(turned)) == (90, "\n".join(lines[:2]))


def test_digits_that_cannot_occur_are_not_read(sample: Dataset, reader: Reader) -> None:
    page, text, _ = pasted(sample, lines=4, columns=6, scale=2, pitch=75)
    reading = reader.read(page, digits="01234")
    assert {digit.label for digit in reading.digits if digit.accepted} == set(range(5))
    assert "".join(digit.character for digit in reading.digits if digit.accepted) == "".join(
        character for character in text if character in "01234"
    )
    assert all(digit.probabilities[5:].sum() == 0 for digit in reading.digits)
    assert np.allclose([digit.probabilities.sum() for digit in reading.digits], 1)


def test_signs_that_cannot_occur_are_digits_or_nothing(sample: Dataset, reader: Reader) -> None:
    page = with_signs(sample, "4:20")
    ImageDraw.Draw(page).line([(60 + 50 * 4 - 22, 40), (60 + 50 * 4 - 30, 96)], fill=0, width=5)
    assert {sign.label for sign in reader.read(page).signs} >= {":"}
    without = reader.read(page, signs="")
    assert without.signs == ()
    assert without_spaces(without) == "4201"


def test_the_least_chance_of_a_digit_can_be_chosen(sample: Dataset, reader: Reader) -> None:
    page, _, _ = pasted(sample, lines=4, columns=6, scale=2, pitch=75)
    chances = [digit.chance for digit in reader.read(page).digits]
    least = float(np.median(chances))
    strict = reader.read(page, min_confidence=least)
    assert [digit.accepted for digit in strict.digits] == [chance >= least for chance in chances]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rotation": 45}, "rotation is 45: expected 0, 90, 180 or 270"),
        ({"regions": [(0, 0, 0, 5)]}, "expected left, top, width and height in pixels"),
        ({"digits": "12a"}, "digits is '12a': expected those that may occur"),
        ({"signs": ".;"}, "signs is '.;': expected those of"),
    ],
)
def test_options_that_are_refused(reader: Reader, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        reader.read(np.zeros((9, 9), np.uint8), **wrong)


def test_a_page_of_words_is_not_passed_over_in_silence(reader: Reader) -> None:
    image = Image.new("L", (700, 400), 255)
    for row in range(5):
        ImageDraw.Draw(image).text((40, 40 + 60 * row), "please fill in the form", 0, ImageFont.load_default(40))
    reading = reader.read(image)
    assert reading.text == ""
    (remark,) = reading.remarks
    assert "no handwritten digit was found" in remark


def test_digits_that_have_come_through_the_paper_are_in_doubt(sample: Dataset, reader: Reader) -> None:
    """Of two lines the second has a quarter of the contrast. It is read alone, and if a shadow made it paler."""
    page, text, _ = pasted(sample, lines=2, columns=5, scale=1.5, pitch=70)
    middle = len(page) // 2
    pale, shadow = page.copy(), page.copy()
    pale[middle:] = 255 - (255 - page[middle:]) // 4
    shadow[middle:] = page[middle:] // 4
    first, second = text.splitlines()
    reading = reader.read(pale)
    assert reading.lines == (first, "?????")
    assert {digit.reason for digit in reading.digits if not digit.accepted} == {"much paler than the others"}
    (remark,) = reading.remarks
    assert remark == "the picture has digits that are much paler than the others, perhaps from the other side"
    alone = reader.read(pale, regions=[(0, middle, page.shape[1], middle)])
    assert (alone.text, alone.remarks) == (second, ())
    assert reader.read(shadow).remarks == ()


@pytest.mark.parametrize("digits", ["40", "689"])
def test_a_number_that_stands_on_its_head_is_turned(sample: Dataset, reader: Reader, digits: str) -> None:
    """Only what is a digit the right way up alone can tell: 689 upside down is 689 again."""
    rows = [int(np.flatnonzero(sample.test.labels == int(digit))[0]) for digit in digits * 2]
    page = 255 - np.hstack([np.pad(sample.test.images[row], 12) for row in rows])
    assert reader.read(page[::-1, ::-1]).rotation == (180 if "4" in digits else 0)


def test_models_that_are_refused() -> None:
    with pytest.raises(SettingError, match=r"two-digit has the task .*: expected a network that reads one digit"):
        Reader.load("two-digit")
    with pytest.raises(SettingError, match="expected digit, digit-best, two-digit"):
        Reader.load("digits")
    with pytest.raises(SettingError, match="threads is 0"):
        Reader.load(threads=0)
    with pytest.raises(DataError, match="no such file"):
        Reader.load("missing.onnx")
    with pytest.raises(SettingError, match="expected digit"):
        read(np.zeros((9, 9), np.uint8), model="digits")


def test_reading_loads_no_torch() -> None:
    program = (
        "import sys, numpy, digitscope; page = numpy.full((90, 90), 255, numpy.uint8); page[20:70, 40:46] = 0; "
        "print(len(digitscope.read(page).digits), {'torch', 'matplotlib', 'digitscope.data'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "1 set()\n"


def test_reading_leaves_nothing_behind_and_asks_nobody(tmp_path: Path) -> None:
    home, calls = tmp_path / "home", tmp_path / "calls"
    home.mkdir()
    calls.touch()
    program = (
        "import numpy, time, digitscope; page = numpy.full((90, 90), 255, numpy.uint8); page[20:70, 40:46] = 0; "
        "digitscope.read(page); time.sleep(2)"  # for threads that would ask in the meantime
    )
    tracer = shutil.which("strace")
    traced = [tracer, "-f", "-qq", "-e", "trace=socket", "-o", str(calls)] if tracer else []
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}  # above all without CI, which silences libraries
    subprocess.run([*traced, sys.executable, "-c", program], check=True, cwd=home, env=environment)
    assert [*home.rglob("*")] == []
    assert calls.read_text(encoding="utf-8") == ""
