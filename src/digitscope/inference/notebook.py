"""A reading as a notebook shows it: one piece of HTML, no script, nothing loaded from elsewhere."""

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from PIL import Image

from digitscope.inference.annotation import ACCEPTED, NOT_ACCEPTED

if TYPE_CHECKING:
    from digitscope.inference.reading import Digit, Reading

MOST_ROWS = 200
"""Digits that the table shows: a notebook keeps all of its output."""

ZOOM = 2
"""Pixels of the screen to one that the network saw."""

CELL = "padding:3px 10px;text-align:left;vertical-align:middle;border-top:1px solid rgba(128,128,128,.35)"


def reading_as_html(reading: "Reading") -> str:
    """Return the text in large type, and a table of the digits with what the network saw of each.

    Colours and fonts of the page stay, so that dark and light notebooks are both legible.
    """
    text = escape(reading.text) or "nothing read"
    large = f"<pre style='font-size:1.7em;line-height:1.35;margin:.2em 0;background:none'>{text}</pre>"
    table = _table(reading.digits[:MOST_ROWS], several_pages=len(reading.sizes) > 1) if reading.digits else ""
    left_out = len(reading.digits) - MOST_ROWS
    more = f"<div>and {left_out:,} more</div>" if left_out > 0 else ""
    return f"<div>{large}<div style='max-height:30em;overflow:auto'>{table}{more}</div></div>"


def _table(digits: Sequence["Digit"], *, several_pages: bool) -> str:
    header = [*(["page"] if several_pages else []), "line", "seen", "digit", "confidence", "remark"]
    rows = [_row(digit, several_pages=several_pages) for digit in digits]
    titles = "".join(f"<th style='{CELL};border-top:none'>{title}</th>" for title in header)
    return f"<table style='border-collapse:collapse'><tr>{titles}</tr>{''.join(rows)}</table>"


def _row(digit: "Digit", *, several_pages: bool) -> str:
    label = str(digit.label) if digit.accepted else f"? <small>({digit.label})</small>"
    cells = [
        *([str(digit.page + 1)] if several_pages else []),
        str(digit.line + 1),
        _seen(digit),
        f"<b style='font-size:1.3em'>{label}</b>",
        _bar(digit),
        escape(_remark(digit)),
    ]
    return "<tr>" + "".join(f"<td style='{CELL}'>{cell}</td>" for cell in cells) + "</tr>"


def _seen(digit: "Digit") -> str:
    stream = io.BytesIO()
    Image.fromarray(255 - digit.image).save(stream, "PNG")  # dark ink on white, as it was written
    height, width = (ZOOM * side for side in digit.image.shape)
    return (
        f"<img src='data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}' width='{width}' "
        f"height='{height}' alt='what the network saw' style='image-rendering:pixelated;margin:0'>"
    )


def _bar(digit: "Digit") -> str:
    colour = "#{:02x}{:02x}{:02x}".format(*(ACCEPTED if digit.accepted else NOT_ACCEPTED))
    percent = f"{100 * digit.confidence:.1f}"
    return (
        f"<div style='display:inline-block;width:80px;height:9px;background:rgba(128,128,128,.25)'>"
        f"<div style='width:{percent}%;height:9px;background:{colour}'></div></div> {percent} %"
    )


def _remark(digit: "Digit") -> str:
    others = f"or {', '.join(digit.alternatives)}" if digit.alternatives else ""
    return "; ".join(filter(None, [digit.reason, others]))
