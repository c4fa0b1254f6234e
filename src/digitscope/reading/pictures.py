"""Pictures as people have them, as arrays: upright, opaque, 8 bits, of a size that can be worked on.

Nothing is decoded before the size that the file claims was looked at.
"""

import io
import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import (  # the decoders register themselves; Image.init would load those of forty formats
    AvifImagePlugin,  # noqa: F401
    ExifTags,
    Image,
    ImageSequence,
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from digitscope.errors import DataError, first_line
from digitscope.suppress_warnings import suppress_warnings

UInt8 = NDArray[np.uint8]
Source = str | Path | bytes | bytearray | memoryview | IO[bytes] | Image.Image | NDArray[Any]

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "HEIF", "AVIF")
"""The decoders that a file may choose from: those of Pillow for what cameras, scanners and screens write."""

HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
"""Bytes 8 to 12 of a HEIC file: ISO/IEC 23008-12, annex B."""

MOST_PAGES = 500

WORKING_PIXELS = 4_000_000
"""Pictures with more are reduced by a whole factor: an A4 page at 200 dpi has 3.9 million."""

MOST_PIXELS = 89_478_485
"""Of a page: above this many Pillow, too, warns of a decompression bomb."""

MOST_SIDE = 65_535
"""Pixels of a row or a column, as in JPEG: Pillow takes a dozen bytes for every row beside its pixels."""

TOO_LARGE = (
    f"too many pixels: expected at most {MOST_PIXELS:,} a page and {MOST_SIDE:,} along a side; make it smaller"
)

ROWS_AT_ONCE = 256
"""That are scaled at once: in float64 the whole of a large scan would take eight times its memory."""

PDFIUM = threading.Lock()
"""One thread at a time may use the library that draws PDF files."""

TURNS: Mapping[int, Image.Transpose] = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)
"""The operation that brings a picture upright, by EXIF orientation; from 5 on, width and height swap."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One page, to be read.

    Attributes:
        image: upright and opaque, of mode L, RGB or RGBA.
        reduction: pixels of the source, along each axis, that went into one of these.
        size: width and height of the source, upright.
    """

    image: Image.Image
    reduction: float
    size: tuple[int, int]

    @property
    def pixels(self) -> UInt8:
        """Its colours, uint8 (H, W, 3)."""
        return np.asarray(self.image.convert("RGB"))

    @cached_property
    def gray(self) -> UInt8:
        """Its brightness, uint8 (H, W), as of ITU-R BT.601."""
        return np.asarray(self.image.convert("L"))


def open_pictures(source: Source, *, most_pages: int = MOST_PAGES) -> Iterator[Picture]:
    """Yield the pages of `source`, one after the other: all of a TIFF or PDF file, one of anything else.

    Args:
        source: a path, the bytes of a file, an open binary file, a PIL image, or an array (H, W) or (H, W, 1 or 3
            or 4). Arrays are bool, integer or float. White is the largest number of 1, 4, 8, 10, 12, 14 or 16
            bits, the first that fits all values. For uint8 it is 255, unless all values are 0 or 1.
        most_pages: that a TIFF or PDF file may have.

    Raises:
        DataError: nothing that can be read: no such file, not a picture, damaged, too large, or an array of
            another kind.
    """
    if isinstance(source, np.ndarray):
        yield _working_picture(image_of(source))
        return
    if isinstance(source, Image.Image):
        with _as_data_error("the PIL image"), suppress_warnings:
            picture = _working_picture(source)
        yield picture
        return
    stream, name = _stream(source)
    with stream, _as_data_error(name):
        is_pdf = stream.read(5) == b"%PDF-"
        stream.seek(0)
        yield from (_pdf_pages if is_pdf else _pages)(stream, most_pages)


def _stream(source: Any) -> tuple[IO[bytes], str]:
    """Return `source` as an open file, and how errors call it."""
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source), "these bytes"
    if isinstance(source, str | Path):
        try:
            return Path(source).open("rb"), str(source)
        except (OSError, ValueError) as error:
            raise DataError(f"{source}: cannot be opened ({_reason(error)})") from None
    if hasattr(source, "read"):
        name = str(getattr(source, "name", "the file object"))
        return io.BytesIO(_content(source, name)), name
    raise DataError(
        f"a {type(source).__name__} is no picture: expected a path, bytes, a binary file, a PIL image or an array"
    )


def _content(file: Any, name: str) -> bytes:
    try:
        content = file.read()
    except (OSError, ValueError) as error:  # a text file that is no text, or a closed one, is a ValueError
        raise DataError(f"{name}: cannot be read ({_reason(error)})") from None
    if not isinstance(content, bytes | bytearray | memoryview):
        raise DataError(
            f"{name}: gives {type(content).__name__} where bytes were expected: open it with mode 'rb'"
        )
    return bytes(content)


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or first_line(error)


@contextmanager
def _as_data_error(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one line about the file called `name`."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f"{name}: {TOO_LARGE}") from None
    except MemoryError:
        raise DataError(f"{name}: not enough memory to decode it: make it smaller") from None
    except Exception as error:  # noqa: BLE001 - decoders raise nearly anything on damaged files
        raise DataError(f"{name}: damaged, or of a kind that cannot be decoded ({first_line(error)})") from None


def _pages(stream: IO[bytes], most: int) -> Iterator[Picture]:
    with suppress_warnings:
        image = _opened(stream)
    with image:
        pages = iter([image])
        if image.format == "TIFF":
            with suppress_warnings, suppress(EOFError):
                image.seek(most)  # which decodes nothing
                raise DataError(f"more than {most} pages: divide it")
            pages = iter(ImageSequence.Iterator(image))
        while True:
            with suppress_warnings:  # not over the yield: what the caller does between two pages may warn
                page = next(pages, None)
                if page is None:
                    return
                picture = _working_picture(page, draft=True)
            yield picture


def _pdf_pages(stream: IO[bytes], most: int) -> Iterator[Picture]:
    """Yield the pages of a PDF file as pictures of `WORKING_PIXELS`: an A4 page at 203 dpi."""
    try:
        pdfium = import_module("pypdfium2")
    except ImportError:
        raise DataError("a PDF file, which needs a decoder: pip install 'digitscope[pdf]'") from None
    with PDFIUM:
        try:
            document = pdfium.PdfDocument(stream.read())
        except pdfium.PdfiumError as error:
            locked = "locked with a password: save it without" if "password" in str(error).lower() else "damaged"
            raise DataError(f"a PDF file that is {locked}") from None
    with closing(document):
        if len(document) > most:
            raise DataError(f"more than {most} pages: divide it")
        for page in document:
            with PDFIUM:
                width, height = page.get_size()
                if not 0 < width * height < math.inf:
                    raise DataError(f"a page of {width:g} x {height:g} points: expected one with an area")
                scale = math.sqrt(WORKING_PIXELS / (width * height))
                if is_too_large(math.ceil(width * scale), math.ceil(height * scale)):
                    raise DataError(f"a page of {width:g} x {height:g} points is too narrow to draw")
                image = page.render(scale=scale).to_pil()
                page.close()
            yield Picture(image.convert("RGB"), 1.0, image.size)


def _opened(stream: IO[bytes]) -> Image.Image:
    """Return the image in `stream`, not decoded yet."""
    head = stream.read(12)
    stream.seek(0)
    if _is_heif(head):
        with suppress(ImportError):  # Pillow opens HEIC, which telephones write, with the extra `heif`
            import_module("pi_heif").register_heif_opener()
    Image.preinit()
    try:
        return Image.open(stream, formats=[name for name in FORMATS if name in Image.OPEN])
    except UnidentifiedImageError:
        raise DataError(_why_unidentified(head)) from None


def _is_heif(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:] in HEIF_BRANDS


def _why_unidentified(head: bytes) -> str:
    """Return what a file is, if it is no picture, by its first 12 bytes."""
    if _is_heif(head) and "HEIF" not in Image.OPEN:
        return "a HEIC picture, which needs a decoder: pip install 'digitscope[heif]'"
    return (
        "not a picture that can be read, or damaged: expected PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF, HEIC or PDF"
    )


def _working_picture(image: Image.Image, *, draft: bool = False) -> Picture:
    """Return a page that is upright, without alpha, in 8 bits, and reduced if it is large.

    `draft` lets a JPEG decoder reduce it, which changes `image`.
    """
    width, height = image.size
    if is_too_large(width, height):
        raise DataError(f"a picture of {width} x {height} has {TOO_LARGE}")
    if width * height == 0:
        raise DataError(f"a picture of {width} x {height} has no pixels")
    factor = _factor(image.size)
    if draft and image.format in {"JPEG", "MPO"} and factor > 1:
        image.draft("RGB", (width // factor, height // factor))  # decodes a half, a quarter or an eighth of it
    drafted = width / image.size[0]
    image.load()  # before the orientation is looked at: Pillow itself turns TIFF pages then
    upright, turned = _upright(image)
    size = upright.size if drafted == 1 else (height, width) if turned else (width, height)
    rest = _factor(upright.size)
    return Picture(opaque(to_uint8(upright, rest)), drafted * rest, size)


def _factor(size: tuple[int, int]) -> int:
    return max(1, math.ceil(math.sqrt(size[0] * size[1] / WORKING_PIXELS)))


def _upright(image: Image.Image) -> tuple[Image.Image, bool]:
    """Return the image as the camera saw it, and whether that exchanged width and height."""
    try:
        orientation = int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - damaged EXIF data raise nearly anything, and the pixels may be sound
        orientation = 1
    if orientation not in TURNS:
        return image, False
    return image.transpose(TURNS[orientation]), orientation >= 5


def is_too_large(width: int, height: int) -> bool:
    """Tell whether a picture has more pixels than are read."""
    return width * height > MOST_PIXELS or max(width, height) > MOST_SIDE


def to_uint8(image: Image.Image, factor: int) -> Image.Image:
    """Return an image of mode L, RGB or RGBA, reduced by `factor`; 16 and 32 bits are scaled, not clipped."""
    if image.mode in {"I", "F", "LA"}:  # of which a copy in full size would be as large again
        image, factor = _reduced(image, factor), 1
    if image.mode.startswith("I") or image.mode == "F":
        return _reduced(image_of(np.asarray(image)), factor)
    return _reduced(_in_colours(image), factor)


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    return image.reduce(factor) if factor > 1 else image


def _in_colours(image: Image.Image) -> Image.Image:
    """Return an image of 8 bits in mode L, RGB or RGBA."""
    if image.mode == "La":
        image = image.convert("LA")  # the only mode that Pillow converts it to
    if image.mode == "RGBA":
        return image  # which `convert` would copy
    if image.mode in {"RGBa", "LA", "PA"} or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("L" if image.mode in {"1", "L"} else "RGB")


def opaque(image: Image.Image) -> Image.Image:
    """Return an image of mode L, RGB or RGBA in which what was transparent is paper."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
        paper = _paper(np.asarray(image.convert("L")), np.asarray(image.getchannel("A")) > 127)
        image = Image.alpha_composite(Image.new("RGBA", image.size, paper), image)
    return image


def _paper(grey: UInt8, drawn: NDArray[np.bool_]) -> str:
    """Return the colour of the paper below what is drawn, both (H, W).

    Ink alone lies on the opposite of its own colour; what brings its paper with it lies on more of that.
    """
    if not drawn.any():
        return "white"
    light = float((grey[drawn] > 127).mean())
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    frame = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    of_two_colours = 0.005 < light < 0.995
    brings_paper = (of_two_colours and frame.mean() > 0.5) or drawn.mean() > 0.9
    return "white" if (light > 0.5) == brings_paper else "black"


def image_of(array: NDArray[Any]) -> Image.Image:
    """Return a PIL image of mode L, RGB or RGBA.

    Raises:
        DataError: the array is of another shape or dtype, is empty, or holds numbers that are not finite.
    """
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[2] not in {3, 4}) or array.size == 0:
        raise DataError(
            f"an array of shape {array.shape} is no picture: expected (H, W), (H, W, 3) or (H, W, 4), not empty"
        )
    if is_too_large(array.shape[1], array.shape[0]):
        raise DataError(f"an array of shape {array.shape} has {TOO_LARGE}")
    return Image.fromarray(np.ascontiguousarray(_bytes_of(array)))


def _bytes_of(array: NDArray[Any]) -> UInt8:
    """Return `array` scaled to uint8."""
    if array.dtype.kind not in "buif":
        raise DataError(f"an array of {array.dtype} is no picture: expected bool, integers or floats")
    smallest, largest = float(array.min()), float(array.max())
    if array.dtype == np.uint8 and largest > 1:
        return array
    if not (smallest >= 0 and largest < float("inf")):  # a NaN anywhere makes both NaN
        raise DataError(
            f"an array with numbers from {smallest:g} to {largest:g} is no picture: expected finite ones from 0, "
            "as array - array.min() gives"
        )
    scale = 255 / _white(largest)
    scaled = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        scaled[rows] = np.round(array[rows].astype(np.float64) * scale)
    return scaled


def _white(largest: float) -> float:
    """Return the number that stands for white: masks have 1 bit, small scans 4, cameras and scanners 8 to 16."""
    bits = next((bits for bits in (1, 4, 8, 10, 12, 14, 16) if largest <= 2**bits), 0)
    return max(largest, 2.0**bits - 1)
