"""Draws the README's page, `docs/images/page.jpg`: what `digitscope read --annotate` makes of a page in shadow.

Usage: python scripts/draw_page.py
"""

from pathlib import Path

import numpy as np

import digitscope
from digitscope.data.pages import make_page
from digitscope.data.sample import load_sample
from digitscope.drawing.annotation import annotate

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "page.jpg"
SEED, WIDTH, QUALITY = 4, 900, 80


def main() -> None:
    """Draw a page of the embedded sample's test digits, read it, and write the marked copy."""
    page = make_page(load_sample().test, nuisance="shadow", generator=np.random.default_rng(SEED))
    marked = annotate(page.image, digitscope.read(page.image))
    height = round(WIDTH * marked.height / marked.width)
    marked.resize((WIDTH, height)).save(PICTURE, quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
