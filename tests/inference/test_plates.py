"""Parts of a picture with a ground of their own."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from digitscope.data import Dataset
from digitscope.data.handwriting import stroke_mask
from digitscope.inference import Reader
from digitscope.inference.plates import Region, regions_of

UInt8 = NDArray[np.uint8]

PAPER, INK = 235, 30
PLACE = (200, 120, 440, 280)
"""Left, top, right and bottom of a plate in a picture of 800 x 600."""


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader.load(threads=1)


def picture(ground: int = PAPER) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("L", (800, 600), ground)
    return image, ImageDraw.Draw(image)


def plates_of(image: Image.Image) -> list[Region]:
    whole, *plates = regions_of(np.asarray(image))
    assert (whole.left, whole.top, whole.gray.shape) == (0, 0, (image.height, image.width))
    return plates


def test_a_plate_is_cut_out_and_painted_over() -> None:
    image, draw = picture()
    draw.rectangle(PLACE, fill=INK)
    draw.line((260, 160, 380, 240), fill=PAPER, width=9)
    whole, plate = regions_of(np.asarray(image))
    assert (whole.gray == PAPER).all()
    box = plate.left, plate.top, plate.left + plate.gray.shape[1], plate.top + plate.gray.shape[0]
    assert np.abs(np.subtract(box, PLACE)).max() <= 5
    inside = np.asarray(image)[box[1] : box[3], box[0] : box[2]]
    assert np.array_equal(plate.gray, inside)
    assert np.asarray(image)[120, 200] == INK  # the picture itself is left as it was


def test_beyond_a_turned_plate_is_more_of_it() -> None:
    image, draw = picture()
    draw.polygon([(200, 150), (500, 90), (540, 290), (240, 350)], fill=INK)
    draw.rectangle((330, 200, 400, 230), fill=PAPER)
    (plate,) = plates_of(image)
    assert plate.gray[[0, 0, -1, -1], [0, -1, 0, -1]].tolist() == [INK] * 4
    assert 0.02 < (plate.gray == PAPER).mean() < 0.05


def test_light_plates_on_dark_and_dark_ones_on_light_between_them() -> None:
    image, draw = picture(128)
    for number, left in enumerate(range(40, 800, 130)):
        shades = (PAPER, INK) if number % 2 else (INK, PAPER)
        draw.rectangle((left, 200, left + 100, 300), fill=shades[0])
        draw.line((left + 20, 280, left + 80, 220), fill=shades[1], width=6)
    assert sorted(plate.left // 130 for plate in plates_of(image)) == [0, 1, 2, 3, 4, 5]


def test_a_field_on_a_plate_is_a_plate() -> None:
    image, draw = picture()
    draw.rectangle((100, 100, 600, 400), fill=INK)
    draw.rectangle((200, 250, 400, 350), fill=PAPER)
    draw.rectangle((280, 290, 320, 300), fill=INK)
    draw.line((150, 150, 550, 200), fill=PAPER, width=8)
    outer, inner = plates_of(image)
    assert abs(outer.left - 100) <= 5
    assert abs(inner.left - 200) <= 10
    assert abs(inner.top - 250) <= 10


def test_a_plate_on_a_plate_is_found_once_whatever_its_shade() -> None:
    """It differs from the ground as well."""
    image, draw = picture(128)
    draw.rectangle((100, 100, 600, 400), fill=250)
    draw.line((150, 150, 550, 180), fill=20, width=8)
    draw.rectangle((200, 220, 400, 350), fill=20)
    draw.line((230, 250, 370, 320), fill=250, width=8)
    assert [plate.left // 100 for plate in plates_of(image)] == [1, 2]


def drawn(shape: str) -> Image.Image:
    image, draw = picture()
    if shape == "a rectangle without writing":
        draw.rectangle(PLACE, fill=INK)
    elif shape == "a frame around writing":
        draw.rectangle(PLACE, outline=INK, width=8)
        draw.line((260, 160, 380, 240), fill=INK, width=9)
    elif shape == "a frame that writing touches":
        draw.rectangle((200, 120, 300, 240), outline=INK, width=9)
        draw.line((200, 180, 300, 180), fill=INK, width=22)
    elif shape == "a bold 0":
        draw.ellipse((200, 100, 400, 400), fill=INK)
        draw.ellipse((270, 180, 330, 320), fill=PAPER)
    elif shape == "a bold 8":
        draw.rounded_rectangle((200, 120, 300, 240), radius=40, fill=INK)
        draw.ellipse((235, 140, 265, 165), fill=PAPER)
        draw.ellipse((230, 190, 270, 215), fill=PAPER)
    elif shape == "most of the picture":
        draw.rectangle((10, 10, 780, 590), fill=INK)
        draw.line((260, 160, 380, 240), fill=PAPER, width=9)
    elif shape == "a part with more light":
        across = np.linspace(60, 250, 800)[None].repeat(600, axis=0)
        across[300:310, 620:760] = INK
        return Image.fromarray(across.astype(np.uint8))
    return image


@pytest.mark.parametrize(
    "shape",
    [
        "nothing",
        "a rectangle without writing",
        "a frame around writing",
        "a frame that writing touches",
        "a bold 0",
        "a bold 8",
        "most of the picture",
        "a part with more light",
    ],
)
def test_what_is_no_plate(shape: str) -> None:
    gray = np.asarray(drawn(shape))
    (whole,) = regions_of(gray)
    assert whole.gray is gray


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (128, 128), (3, 70_000)])
def test_pictures_of_any_shape(shape: tuple[int, int]) -> None:
    assert len(regions_of(np.zeros(shape, np.uint8))) == 1


@pytest.mark.parametrize(("ground", "plate", "ink"), [(235, 40, 240), (50, 235, 30), (128, 250, 20)])
def test_what_is_written_on_plates_is_read_where_it_is(
    sample: Dataset, reader: Reader, ground: int, plate: int, ink: int
) -> None:
    """A line on the ground in between, so that the order is seen."""
    page = np.full((900, 1200), ground, np.uint8)
    rows = [0, 1, 2, 3, 4, 5, 6, 7, 8]
    places = []
    for line in range(3):
        top = 100 + 260 * line
        if line != 1:
            page[top - 40 : top + 120, 260:640] = plate
        paper, pen = (ground, 255 - ground // 128 * 255) if line == 1 else (plate, ink)
        for column in range(3):
            stroke = stroke_mask(sample.test.images[rows[3 * line + column]], 4)
            height, width = stroke.shape
            left = 300 + 110 * column
            page[top : top + height, left : left + width] = np.rint(paper + stroke * (pen - paper))
            places.append((left, top, width, height))
    reading = reader.read(page)
    labels = [str(label) for label in sample.test.labels[rows]]
    assert [line.replace(" ", "") for line in reading.lines] == ["".join(labels[i : i + 3]) for i in (0, 3, 6)]
    found = np.array([digit.box for digit in reading.digits])
    assert np.abs(found - places).max() <= 10
    assert all(digit.accepted for digit in reading.digits)
