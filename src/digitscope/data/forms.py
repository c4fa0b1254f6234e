"""The printed parts of forms: tables, boxes and combs for numbers."""

from itertools import pairwise

import numpy as np

from digitscope.data.paper import Field, Float32, Sheet, printed


def with_fields(picture: Float32, sheet: Sheet, generator: np.random.Generator) -> Float32:
    """Return the picture with the sheet's fields printed: all as tables, all as single boxes, or all as combs.

    The lines are black, grey or blue. Their width is 1 pixel to a fourteenth of a digit. A comb has no upper line;
    the teeth between its cells have 0.3 to 1 times its height.
    """
    kind, tooth = generator.choice(["table", "boxes", "comb"]), generator.uniform(0.3, 1)
    width = generator.uniform(1, max(1.5, sheet.size / 14))
    colour = np.array([0.2, 0.3, 0.7]) if generator.random() < 0.2 else np.full(3, generator.uniform(0, 0.5))
    y, x = np.ogrid[: sheet.shape[0], : sheet.shape[1]]
    mask = np.zeros(sheet.shape, np.float32)
    for field in sheet.fields:
        for left, top, right, bottom in _printed_lines(field, kind, tooth):
            away = np.maximum(np.maximum(left - x, x - right), np.maximum(top - y, y - bottom))
            np.maximum(mask, np.clip(width / 2 + 0.5 - away, 0, 1), out=mask)
    return printed(picture, mask, colour, 1.0)


def _printed_lines(field: Field, kind: str, tooth: float) -> list[tuple[float, float, float, float]]:
    """Return a field's lines: left, top, right and bottom."""
    left, top, right, bottom, cells = field
    edges = np.linspace(left, right, cells + 1)
    if kind == "comb":
        teeth = [top, *[bottom - tooth * (bottom - top)] * (cells - 1), top]
        return [(left, bottom, right, bottom), *((x, y, x, bottom) for x, y in zip(edges, teeth, strict=True))]
    apart = 0.05 * (edges[1] - edges[0]) if kind == "boxes" else 0.0
    boxes = [(first + apart, second - apart) for first, second in pairwise(edges)]
    across = [(*ends, y) for ends in boxes for y in (top, bottom)]
    return [
        *((first, y, second, y) for first, second, y in across),
        *((x, top, x, bottom) for ends in boxes for x in ends),
    ]
