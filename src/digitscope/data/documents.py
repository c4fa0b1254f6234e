"""Documents with handwritten numbers: forms, tables, sums, notes and text, with the truth about them.

`scenes` makes pictures of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from digitscope.data.document_layouts import (
    alone,
    combs,
    drill,
    few_numbers,
    form,
    lines_of_numbers,
    scattered,
    sums,
    table,
    text,
)
from digitscope.data.drafts import Document, Draft
from digitscope.data.hands import Material
from digitscope.data.rules import add_clutter

SIDES, SIZES_A_SIDE = (352, 704), 24
"""Pixels: the shortest and the longest sides of documents; sides in between are 24 digits long."""


def make_document(material: Material, generator: np.random.Generator, kind: str | None = None) -> Document:
    """Return a document; its kind, a name in `KINDS`, is drawn if None. Equal generators give equal documents."""
    names = list(KINDS)
    kind = kind or str(generator.choice(names, p=[KINDS[name].share for name in names]))
    size = float(np.exp(generator.uniform(*np.log(KINDS[kind].sizes))))
    shape = (int(np.clip(SIZES_A_SIDE * size, *SIDES)),) * 2
    if KINDS[kind].fits:
        height, width = (size * generator.uniform(1.05, 4.5, 2)).astype(int) + 4
        shape = (max(24, min(height, 1200)), max(24, min(width, 1200)))
    draft = Draft(material, size, shape, generator)
    KINDS[kind].lay_out(draft)
    add_clutter(draft.brush, draft.shape, draft.size, KINDS[kind].clutter, generator)
    return draft.finished()


@dataclass(frozen=True)
class Kind:
    """A kind of document.

    Attributes:
        what: one line for people.
        lay_out: writes on a draft.
        share: of all documents that are made.
        sizes: pixels, the lowest and the highest digits.
        clutter: factor on the share of documents with lines, rings and the like; 0 for none.
        fits: whether the document is only as large as its writing.
    """

    what: str
    lay_out: Callable[[Draft], None]
    share: float
    sizes: tuple[float, float] = (14, 90)
    clutter: float = 1.0
    fits: bool = False


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "numbers": Kind("lines of numbers, with words between some", lines_of_numbers, 0.16),
        "few": Kind("a few numbers on empty paper", few_numbers, 0.09, (20, 140), 0.6),
        "form": Kind("printed labels with fields that are filled in", form, 0.15, (14, 70)),
        "combs": Kind("rows of cells with digits", combs, 0.07, (14, 70), 0.3),
        "table": Kind("tables of written and printed numbers, and of letters", table, 0.15, (14, 60), 0.3),
        "sums": Kind("sums and equations with signs", sums, 0.13, (16, 110)),
        "text": Kind("print and handwritten words", text, 0.09, (14, 70)),
        "scattered": Kind("digits among letters, signs and words", scattered, 0.08, (16, 110), 1.5),
        "drill": Kind("rows that repeat one character", drill, 0.05, (16, 80)),
        "alone": Kind("a digit or two that fill a picture", alone, 0.03, (16, 400), 0.15, fits=True),
    }
)
