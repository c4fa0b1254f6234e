"""Draws the README's page, `docs/images/page.jpg`: what `digitscope read --annotate` makes of a form.

Usage: DIGITSCOPE_DATA=DIR python -m scripts.draw_page
"""

from pathlib import Path

import numpy as np
from benchmarks.busy_pages import make_busy_page

import digitscope
from digitscope.data import load_mnist
from digitscope.data.hands import Material
from digitscope.drawing.annotation import annotate

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "page.jpg"
SEED, WIDTH, QUALITY = 5, 900, 80


def main() -> None:
    """Draw a form with test digits and the pens of held-back writers, read it, and write the marked copy."""
    material = Material.of(load_mnist().test, held_back=True)
    page = make_busy_page(material, nuisance="form", generator=np.random.default_rng(SEED))
    marked = annotate(page.image, digitscope.read(page.image))
    height = round(WIDTH * marked.height / marked.width)
    marked.resize((WIDTH, height)).save(PICTURE, quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
