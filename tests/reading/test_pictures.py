"""Whatever people call a picture: the same pixels out of every format, or one DataError; never a warning."""

import io
import struct
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, features

from digitscope.errors import DataError
from digitscope.reading import Picture, open_pictures
from digitscope.reading.pictures import WORKING_PIXELS

UInt8 = NDArray[np.uint8]

LOSSLESS = ["PNG", "TIFF", "BMP", "GIF", "PPM", "WEBP"]
LOSSY = ["JPEG", "MPO", *(["AVIF"] if features.check("avif") else [])]


def grey_picture() -> UInt8:
    """A picture without symmetry: 30 wide, 20 high, a dark block at the left above, a lighter one at the right."""
    pixels = np.full((20, 30), 255, np.uint8)
    pixels[2:8, 3:9] = 0
    pixels[4:14, 20:28] = 128
    return pixels


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def valid(form: str) -> bytes:
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    if form in LOSSY:
        options = {"quality": 95}
    if form == "MPO":
        options |= {"save_all": True, "append_images": [Image.new("RGB", (30, 20), "red")]}
    return saved(Image.fromarray(grey_picture()).convert("RGB"), form, **options)


def only(source: Any) -> Picture:
    (picture,) = open_pictures(source)
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.ndim == 3
    assert picture.pixels.shape[2] == 3
    return picture


def grey(source: Any) -> UInt8:
    pixels = only(source).pixels
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0]


# Formats


def test_every_format() -> None:
    for form in LOSSLESS:
        assert np.array_equal(grey(valid(form)), grey_picture()), form
    for form in LOSSY:
        pixels = only(valid(form)).pixels.astype(int)
        assert np.abs(pixels - grey_picture()[..., None]).mean() < 4, form  # MPO has a red second picture


def test_every_kind_of_source(tmp_path: Path) -> None:
    content = valid("PNG")
    path = tmp_path / "picture.without.ending"
    path.write_bytes(content)
    with path.open("rb") as file:
        sources = [str(path), path, content, bytearray(content), memoryview(content), io.BytesIO(content), file]
        sources += [Image.open(io.BytesIO(content)), grey_picture()]
        for source in sources:
            picture = only(source)
            assert np.array_equal(picture.pixels[..., 0], grey_picture())
            assert (picture.size, picture.reduction) == ((30, 20), 1)


def test_the_first_frame_of_an_animation() -> None:
    first, second = Image.fromarray(grey_picture()), Image.new("L", (30, 20), 60)
    for form in ("GIF", "PNG"):
        content = saved(first, form, save_all=True, append_images=[second])
        assert np.array_equal(grey(content), grey_picture())


def test_every_page_of_a_tiff_file() -> None:
    compression = "tiff_lzw"
    pages = [Image.fromarray(np.roll(grey_picture(), 3 * n, axis=1)) for n in range(4)]
    content = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:], compression=compression)
    found = [picture.pixels[..., 0] for picture in open_pictures(content)]
    assert len(found) == 4
    assert all(np.array_equal(pixels, np.asarray(page)) for pixels, page in zip(found, pages, strict=True))


def test_fax_pages_of_black_and_white() -> None:
    page = Image.fromarray(grey_picture() > 200)
    content = saved(page, "TIFF", save_all=True, append_images=[page], compression="group4")
    for picture in open_pictures(content):
        assert np.array_equal(picture.pixels[..., 0], np.where(grey_picture() > 200, 255, 0))


def test_a_tiff_file_of_too_many_pages() -> None:
    page = Image.new("L", (5, 5))
    three = saved(page, "TIFF", save_all=True, append_images=[page] * 2)
    four = saved(page, "TIFF", save_all=True, append_images=[page] * 3)
    assert len(list(open_pictures(three, most_pages=3))) == 3
    with pytest.raises(DataError, match="more than 3 pages"):
        next(open_pictures(four, most_pages=3))  # before the first one is decoded


def test_a_tiff_file_whose_pages_go_round_in_a_circle() -> None:
    content = bytearray(saved(Image.fromarray(grey_picture()), "TIFF"))
    (directory,) = struct.unpack_from("<I", content, 4)
    (n_entries,) = struct.unpack_from("<H", content, directory)
    struct.pack_into("<I", content, directory + 2 + 12 * n_entries, directory)
    assert len(list(open_pictures(bytes(content)))) == 1


def test_cmyk_as_printers_have_it() -> None:
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[:8, :, 3] = 255  # black ink above, bare paper below
    pixels = only(saved(Image.fromarray(inks, "CMYK"), "JPEG", quality=95)).pixels
    assert pixels[:6].max() < 20
    assert pixels[10:].min() > 235


# Orientation: what stands at the left above in the scene, by the table of EXIF 2.3, tag 0x0112

STORED = {
    1: lambda scene: scene,
    2: lambda scene: scene[:, ::-1],  # row 0 is the top, column 0 the right
    3: lambda scene: scene[::-1, ::-1],  # bottom, right
    4: lambda scene: scene[::-1],  # bottom, left
    5: lambda scene: scene.T,  # left, top
    6: lambda scene: np.rot90(scene),  # right, top
    7: lambda scene: scene.T[::-1, ::-1],  # right, bottom
    8: lambda scene: np.rot90(scene, -1),  # left, bottom
}


@pytest.mark.parametrize(("form", "orientation"), [("TIFF", 3), ("JPEG", 6), ("WEBP", 8), ("JPEG", 5)])
def test_photos_stand_upright(form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"quality": 98} if form == "JPEG" else {"lossless": True} if form == "WEBP" else {}
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](grey_picture())))
    picture = only(saved(stored, form, exif=exif, **options))
    assert picture.size == (30, 20)
    assert np.abs(picture.pixels[..., 0].astype(int) - grey_picture()).mean() < 3


def test_large_photos_are_reduced_and_say_so() -> None:
    orientation = 6
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = Image.new("RGB", (4000, 3000), "white")
    photo.paste("black", (800, 600, 1200, 900))
    for form in ("JPEG", "PNG"):
        picture = only(saved(photo, form, exif=exif))
        assert picture.size == (3000, 4000)
        height, width = picture.pixels.shape[:2]
        assert width * height <= WORKING_PIXELS
        assert (width * picture.reduction, height * picture.reduction) == pytest.approx(picture.size, rel=0.002)
        left, top, right, bottom = 2100, 800, 2400, 1200
        rows, columns = np.nonzero(picture.pixels[..., 0] < 128)
        found = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) * picture.reduction
        assert found == pytest.approx([left, top, right, bottom], abs=4)


def test_damaged_exif_data_do_not_matter() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0\1\0\0\0"
    picture = only(saved(Image.fromarray(grey_picture()), "JPEG", exif=exif, quality=98))
    assert np.abs(picture.pixels[..., 0].astype(int) - grey_picture()).mean() < 3


def test_the_pil_image_of_a_caller_stays_as_it_is() -> None:
    image = Image.open(io.BytesIO(saved(Image.new("L", (4000, 3000), 255), "JPEG")))
    assert only(image).reduction == 2
    assert image.size == (4000, 3000)


# Transparency and depth


def drawn(ink: int, alpha_of_ground: int = 0) -> UInt8:
    """Ink of one brightness on a transparent ground that would be invisible without it: RGBA, 20 x 30."""
    pixels = np.full((20, 30, 4), ink, np.uint8)
    pixels[..., 3] = alpha_of_ground
    pixels[5:15, 10:13, 3] = 255
    return pixels


def test_ink_stands_out_from_what_was_transparent() -> None:
    ink, paper = 200, 0
    expected = np.full((20, 30), paper)
    expected[5:15, 10:13] = ink
    rgba = drawn(ink)
    assert np.array_equal(grey(rgba), expected)
    for form in ("PNG", "TIFF"):
        assert np.array_equal(grey(saved(Image.fromarray(rgba), form)), expected)
    assert np.array_equal(grey(saved(Image.fromarray(rgba).convert("LA"), "PNG")), expected)


def test_a_palette_with_a_transparent_colour() -> None:
    indices = np.zeros((20, 30), np.uint8)
    indices[5:15, 10:13] = 1
    image = Image.fromarray(indices, "P")
    image.putpalette([0, 0, 0, 10, 10, 10])  # both nearly black: only transparency tells ground from ink
    expected = np.where(indices == 1, 10, 255)
    for form in ("PNG", "GIF"):
        assert np.array_equal(grey(saved(image, form, transparency=0)), expected)
    assert np.array_equal(grey(saved(image, "PNG", transparency=bytes([0, 255]))), expected)


def test_a_grey_png_with_a_transparent_shade() -> None:
    pixels = np.zeros((20, 30), np.uint8)
    pixels[5:15, 10:13] = 1
    assert np.array_equal(grey(saved(Image.fromarray(pixels), "PNG", transparency=0)), np.where(pixels, 1, 255))


def test_a_page_with_transparent_corners_stays_a_page() -> None:
    window = np.zeros((40, 40, 4), np.uint8)
    window[8:32, 8:32] = 255
    window[12:28, 18:20, :3] = 0
    pixels = grey(window)
    assert pixels[0, 0] == pixels[10, 10] == 255
    assert pixels[20, 18] == 0
    blank = np.full((40, 40, 4), 255, np.uint8)
    blank[0, 0, 3] = 0
    assert (grey(blank) == 255).all()
    assert (grey(np.zeros((5, 5, 4), np.uint8)) == 255).all()


def test_sixteen_bits_are_scaled_and_not_cut() -> None:
    ramp = np.linspace(0, 65535, 600).reshape(20, 30).astype(np.uint16)
    expected = np.round(ramp / 257)
    for form in ("PNG", "TIFF"):
        assert np.abs(grey(saved(Image.fromarray(ramp), form)).astype(int) - expected).max() <= 1
    big_endian = saved(Image.frombytes("I;16B", (30, 20), ramp.astype(">u2").tobytes()), "TIFF")
    assert big_endian[:2] == b"MM"
    assert np.abs(grey(big_endian).astype(int) - expected).max() <= 1


def test_a_tiff_file_of_floats() -> None:
    ramp = np.linspace(0, 1, 600, dtype=np.float32).reshape(20, 30)
    assert np.abs(grey(saved(Image.fromarray(ramp), "TIFF")) - 255 * ramp).max() <= 0.51


@pytest.mark.parametrize("mode", ["La", "PA"])
def test_pil_images_of_every_mode(mode: str) -> None:
    source = Image.new("RGB", (12, 9), "white")
    source.paste("black", (3, 2, 7, 5))
    image = (source.convert("L").convert("LA") if mode == "La" else source.convert("P")).convert(mode)
    pixels = only(image).pixels
    assert pixels.shape == (9, 12, 3)
    assert pixels[0, 0].min() > 250
    assert pixels[3, 4].max() < 5


def test_stranger_modes_are_opened_too() -> None:
    for mode in ("HSV", "LAB", "I", "F", "I;16", "I;16B"):
        assert only(Image.new(mode, (12, 9))).pixels.shape == (9, 12, 3)


# Arrays

RAMP = np.linspace(0, 1, 600).reshape(20, 30)


def test_arrays_of_whole_numbers() -> None:
    for dtype in ("uint8", "int64", ">u2"):
        assert np.array_equal(grey(np.round(255 * RAMP).astype(dtype)), np.round(255 * RAMP))


def test_white_is_the_largest_number_of_the_bits_in_use() -> None:
    bits = 10
    shades = np.round((2**bits - 1) * RAMP).astype(np.uint16)
    assert np.abs(grey(shades) - 255 * RAMP).max() <= 0.6
    assert np.array_equal(grey(Image.fromarray(shades)), grey(shades))


def test_arrays_of_floats() -> None:
    dtype, white = ">f8", 255
    assert np.abs(grey((white * RAMP).astype(dtype)) - 255 * RAMP).max() <= 0.7


def test_arrays_of_0_and_1() -> None:
    for dtype in ("uint8", "float32", "bool"):
        assert np.array_equal(grey((RAMP > 0.5).astype(dtype)), np.where(RAMP > 0.5, 255, 0))


def test_arrays_have_the_scale_that_their_values_show() -> None:
    white = 16
    assert np.abs(grey(white * RAMP) - 255 * RAMP).max() <= 255 / 14


def test_a_dark_picture_of_8_bits_stays_dark() -> None:
    assert np.array_equal(grey(np.round(16 * RAMP).astype(np.uint8)), np.round(16 * RAMP))


def test_other_arrays() -> None:
    assert np.abs(grey(np.round(65535 * RAMP).astype(np.uint16)) - 255 * RAMP).max() <= 0.51
    colours = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert np.array_equal(only(colours).pixels, colours)
    assert np.array_equal(grey(grey_picture()[..., None]), grey_picture())
    wide = np.repeat(np.repeat(grey_picture(), 2, axis=0), 2, axis=1)
    assert np.array_equal(grey(wide[::2, ::2]), grey_picture())
    assert np.array_equal(grey(np.asfortranarray(grey_picture())), grey_picture())
    assert np.array_equal(grey(grey_picture()[::-1]), grey_picture()[::-1])


@pytest.mark.parametrize(
    ("array", "part"),
    [
        (np.zeros((5, 5, 2)), "(5, 5, 2)"),
        (np.zeros((5, 5), complex), "complex128"),
        (np.linspace(-1, 1, 25).reshape(5, 5), "from 0, as array - array.min() gives"),
        (np.full((5, 5), np.nan), "finite"),
    ],
)
def test_arrays_that_are_no_pictures(array: NDArray[Any], part: str) -> None:
    with pytest.raises(DataError) as caught:
        list(open_pictures(array))
    assert part in str(caught.value)


# What is no picture


def png_of_size(width: int, height: int) -> bytes:
    """A PNG file, written by hand, that claims a size and has next to no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(99)))
        + chunk(b"IEND", b"")
    )


def test_a_claimed_size_is_refused_before_anything_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("it was decoded"))
    for width, height in ((10_000, 9_000), (20_000, 20_000)):
        with pytest.raises(
            DataError, match=r"^these bytes: .*too many pixels: expected at most 89,478,485 a page"
        ):
            list(open_pictures(png_of_size(width, height)))


HEADER_OF_HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "not a picture that can be read, or damaged: expected PNG"),
    ],
)
def test_files_that_are_no_pictures(tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "some.png"
    path.write_bytes(content)
    with path.open("rb") as file:
        for source, name in ((path, str(path)), (content, "these bytes"), (file, str(path))):
            with pytest.raises(DataError) as caught:
                list(open_pictures(source))
            assert str(caught.value).startswith(f"{name}: {part}")


def test_heic_without_its_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    with pytest.raises(DataError, match=r"HEIC picture.*pip install 'digitscope\[heif\]'"):
        list(open_pictures(HEADER_OF_HEIC + bytes(99)))


def test_truncated_files() -> None:
    form = "TIFF"
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    content = saved(Image.fromarray(noise), form)
    with pytest.raises(DataError, match=r"^these bytes: "):
        list(open_pictures(content[: len(content) // 2]))


def test_sources_that_cannot_be_opened(tmp_path: Path) -> None:
    closed = io.BytesIO()
    closed.close()
    text = tmp_path / "text"
    text.write_bytes(b"\xff\xfe\xfd")
    with text.open(encoding="utf-8") as no_text:
        for source, part in (
            (tmp_path / "missing.png", "missing.png: cannot be opened (No such file or directory)"),
            (tmp_path, "cannot be opened (Is a directory)"),
            ("x" * 5000, "cannot be opened (File name too long)"),
            ("a\0b", "cannot be opened (embedded null byte)"),
            (closed, "cannot be read (I/O operation on closed file"),
            (io.StringIO("abc"), "gives str where bytes were expected"),
            (no_text, "cannot be read ("),
            (None, "a NoneType is no picture"),
            (7, "a int is no picture"),
            (Image.new("L", (0, 5)), "0 x 5 has no pixels"),
        ):
            with pytest.raises(DataError) as caught:
                list(open_pictures(source))  # type: ignore[arg-type]
            assert part in str(caught.value)
            assert "\n" not in str(caught.value)


# Random damage

MAGIC = [
    b"\x89PNG\r\n\x1a\n",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"\xff\xd8\xff\xe0",
    b"\xff\xd8\xff\xe1\0\x40Exif\0\0",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\0\x08\0\0\0",
    b"MM\0*\0\0\0\x08",
    b"II+\0\x08\0\0\0",
    b"RIFF\xff\0\0\0WEBPVP8 ",
    b"RIFF\xff\0\0\0WEBPVP8L",
    b"RIFF\xff\0\0\0WEBPVP8X",
    b"P1\n",
    b"P4\n9 9\n",
    b"P6\n5 5\n255\n",
    b"Pf\n5 5\n-1.0\n",
    b"\0\0\0\x1cftypavif",
    HEADER_OF_HEIC,
]
FORMS = [*LOSSLESS, *LOSSY]
DAMAGE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def assert_pictures_or_an_error(content: bytes) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        message = "these bytes: "
        try:
            sizes = [picture.pixels.size for picture in open_pictures(content)]
        except DataError as error:
            message, sizes = str(error), [1]
    assert message.startswith("these bytes: ")
    assert "\n" not in message
    assert all(sizes)
    assert [str(warning.message) for warning in caught] == []


@DAMAGE
@given(st.sampled_from(MAGIC), st.binary(max_size=300))
def test_random_bytes_behind_every_magic_number(magic: bytes, rest: bytes) -> None:
    assert_pictures_or_an_error(magic + rest)


@DAMAGE
@given(st.sampled_from(FORMS), st.floats(0, 1))
def test_valid_files_cut_anywhere(form: str, share: float) -> None:
    content = valid(form)
    assert_pictures_or_an_error(content[: int(share * len(content))])


@DAMAGE
@given(
    st.sampled_from(FORMS),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
    st.booleans(),
)
def test_valid_files_with_bytes_changed(form: str, changes: list[tuple[float, int]], near_the_start: bool) -> None:
    content = bytearray(valid(form))
    length = min(100, len(content)) if near_the_start else len(content)
    for place, value in changes:
        content[int(place * length)] = value
    assert_pictures_or_an_error(bytes(content))


# Warnings


def test_filters_of_the_caller_come_back_after_threads() -> None:
    content = valid("JPEG")
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: only(content), range(40)))
    assert list(warnings.filters) == before


def test_what_the_caller_does_between_pages_may_warn() -> None:
    page = Image.new("L", (5, 5))
    pages = open_pictures(saved(page, "TIFF", save_all=True, append_images=[page]))
    next(pages)
    with pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", UserWarning, stacklevel=1)
    assert len(list(pages)) == 1
