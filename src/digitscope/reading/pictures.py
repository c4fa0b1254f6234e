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
from digitscope.reading.to_uint8 import TOO_LARGE, UInt8, image_of, is_too_large, opaque, to_uint8
from digitscope.suppress_warnings import suppress_warnings

Source = str | Path | bytes | bytearray | memoryview | IO[bytes] | Image.Image | NDArray[Any]

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "HEIF", "AVIF")
"""The decoders that a file may choose from: those of Pillow for what cameras, scanners and screens write."""

HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
"""Bytes 8 to 12 of a HEIC file: ISO/IEC 23008-12, annex B."""

MOST_PAGES = 500

WORKING_PIXELS = 4_000_000
"""Pictures with more are reduced by a whole factor: an A4 page at 200 dpi has 3.9 million."""

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
