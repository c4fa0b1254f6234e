"""PDF files, written by Pillow, are read like pictures of their pages."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageDraw

import digitscope
from digitscope.errors import DataError
from digitscope.reading import open_pictures


def page(x: int) -> Image.Image:
    """An A4 page at 200 dpi with a drawn 7."""
    image = Image.new("L", (1654, 2339), 255)
    stroke = [(x, 315), (x + 60, 315), (x + 20, 408)]
    ImageDraw.Draw(image).line(stroke, fill=30, width=7, joint="curve")
    return image


def pdf(*pages: Image.Image) -> bytes:
    stored = io.BytesIO()
    pages[0].save(stored, "PDF", save_all=True, append_images=pages[1:], resolution=200)
    return stored.getvalue()


def test_each_page_is_a_picture() -> None:
    content = pdf(page(400), page(900))
    first, second = open_pictures(content)
    scale = first.size[0] / 1654
    assert first.size[0] * first.size[1] == pytest.approx(4_000_000, rel=0.002)
    assert first.size == first.image.size
    for picture, x in ((first, 400), (second, 900)):
        rows, columns = np.nonzero(picture.gray < 128)
        assert [rows.min(), columns.min()] == pytest.approx([scale * 312, scale * (x - 3)], abs=4)
    reading = digitscope.read(content)
    assert reading.text == "7\n7"
    assert [digit.page for digit in reading.digits] == [0, 1]


def test_large_pages_are_drawn_no_larger() -> None:
    (picture,) = open_pictures(pdf(page(400).resize((6616, 9356))))
    assert 3_900_000 < picture.image.width * picture.image.height < 4_100_000


def test_threads_take_turns() -> None:
    content = pdf(page(400), page(900), page(100))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: len(list(open_pictures(content))), range(8))) == [3] * 8


LOCKED = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"3 0 obj<</Filter/Standard/V 1/R 2/O<" + b"41" * 32 + b">/U<" + b"42" * 32 + b">/P -4>>endobj\n"
    b"trailer<</Root 1 0 R/Encrypt 3 0 R/ID[<00><00>]>>\n%%EOF\n"
)


NARROW = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 14400 0.000001]>>endobj\ntrailer<</Root 1 0 R>>\n"
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (NARROW, "these bytes: a page of 14400 x 1e-06 points is too narrow to draw"),
        (b"%PDF-1.7\n" + bytes(99), "these bytes: a PDF file that is damaged"),
        (pdf(page(400))[:3000], "these bytes: a PDF file that is damaged"),
        (LOCKED, "these bytes: a PDF file that is locked with a password: save it without"),
        (pdf(page(1), page(2), page(3)), "these bytes: more than 2 pages: divide it"),
    ],
)
def test_what_cannot_be_read_is_one_line(content: bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        list(open_pictures(content, most_pages=2))
    assert str(caught.value) == message
