"""Copies of pictures with what was read drawn on them, each named after its picture."""

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from digitscope.cli.picture_paths import STANDARD_INPUT
from digitscope.drawing.annotation import annotate
from digitscope.errors import SettingError
from digitscope.files import make_folder, replacing
from digitscope.inference.pictures import Source, open_pictures
from digitscope.inference.reading import Reading

PHOTO_ENDINGS = (".jpg", ".jpeg", ".webp", ".heic", ".heif", ".avif")
"""Pictures of formats that lose something: their copies are JPEG, since PNG would be many times larger."""

JPEG_QUALITY = 90


class AnnotatedCopies:
    """A folder of copies that mirrors the folders of the pictures, from the deepest that they share.

    `a/form.jpg` and `b/form.jpg` become `a/form.jpg.jpg` and `b/form.jpg.jpg`: the whole name stays, since a
    `form.png` may stand beside.
    """

    def __init__(self, folder: Path, paths: Sequence[str]) -> None:
        """Make the folder.

        Raises:
            SettingError: a copy would go where the pictures are, to be read as one of them the next time.
            OSError: the folder cannot be made.
        """
        sources = {_folder_of(path) for path in paths if path != STANDARD_INPUT}
        self._folder = folder
        self._shared = _n_shared([source.parts for source in sources])
        for source in sources:
            if self._place(source).resolve() in sources:
                raise SettingError(f"--annotate {folder}: pictures are read from there: name another folder")
        make_folder(folder)

    def write(self, path: str, source: Source, reading: Reading) -> None:
        """Write a copy of each page of the picture at `path`, which is `source`.

        Raises:
            DataError: the picture cannot be read any more.
            OSError: a copy cannot be written.
        """
        several = len(reading.sizes) > 1
        for page, picture in enumerate(open_pictures(source)):
            with replacing(self._target(path, page + 1 if several else None)) as temporary:
                annotate(picture.pixels, reading, page).save(temporary, quality=JPEG_QUALITY)

    def _target(self, path: str, page: int | None) -> Path:
        if path == STANDARD_INPUT:
            folder, name = self._folder, "stdin"
        else:
            folder, name = self._place(_folder_of(path)), Path(path).name
        ending = ".jpg" if name.lower().endswith(PHOTO_ENDINGS) else ".png"
        return folder / f"{name}{'' if page is None else f'.page{page}'}{ending}"

    def _place(self, source: Path) -> Path:
        """Return where the copies of the pictures in the folder `source` go."""
        below = (part.replace(":", "").strip("\\/") for part in source.parts[self._shared :])  # a drive may be one
        return self._folder.joinpath(*filter(None, below))


def _n_shared(parts: Sequence[tuple[str, ...]]) -> int:
    """Return how many of the first parts are the same in all."""
    return sum(1 for _ in takewhile(lambda same: len(set(same)) == 1, zip(*parts, strict=False)))


def _folder_of(path: str) -> Path:
    return Path(path).parent.resolve()
