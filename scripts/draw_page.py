"""Draws the pictures that the guides read, and what is made of them, into `docs/images`.

Usage: DIGITSCOPE_DATA=DIR python -m scripts.draw_page

`form.jpg` and `table.jpg` are made pages: print in this machine's fonts, test digits of MNIST, and the pens of
held-back writers. `page.jpg` is what `digitscope read --annotate` makes of the form. It alone changes when a
network that ships does.
"""

from io import BytesIO
from pathlib import Path

import numpy as np
from benchmarks.busy_pages import make_busy_page
from PIL import Image

import digitscope
from digitscope.data import load_mnist
from digitscope.data.hands import Material
from digitscope.drawing.annotation import annotate
from digitscope.files import write_bytes

IMAGES = Path(__file__).parent.parent / "docs" / "images"
PAGES = {"form": 13, "table": 6}
"""The nuisances of `benchmarks.busy_pages` that are drawn, and their seeds."""

QUALITY, WIDTH, SHOWN_QUALITY = 55, 900, 80
"""The quality of the pages as JPEG, and the width and the quality of the marked copy."""


def main() -> None:
    """Write all three pictures."""
    material = Material.of(load_mnist().test, held_back=True)
    for nuisance, seed in PAGES.items():
        page = make_busy_page(material, nuisance=nuisance, generator=np.random.default_rng(seed))
        write(Image.fromarray(page.image), f"{nuisance}.jpg", QUALITY)
    form = np.asarray(Image.open(IMAGES / "form.jpg").convert("RGB"))
    marked = annotate(form, digitscope.read(form))
    write(marked.resize((WIDTH, round(WIDTH * marked.height / marked.width))), "page.jpg", SHOWN_QUALITY)


def write(picture: Image.Image, name: str, quality: int) -> None:
    """Write a picture as JPEG."""
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=quality, optimize=True)
    write_bytes(IMAGES / name, buffer.getvalue())


if __name__ == "__main__":
    main()
