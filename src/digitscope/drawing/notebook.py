"""A reading as a notebook shows it: one piece of HTML, no script, nothing loaded from elsewhere."""

import base64
import io
import math
from heapq import merge
from html import escape
from typing import TYPE_CHECKING, Any, cast

from PIL import Image

from digitscope.drawing.annotation import Mark, colour_of
from digitscope.reading.result import Digit

if TYPE_CHECKING:
    from digitscope.reading.result import Reading

MOST_ROWS = 200  # digits and signs that the table shows: a notebook keeps all of its output
ZOOM = 2  # pixels of the screen to one that the network saw

CELL = "padding:3px 10px;text-align:left;vertical-align:middle;border-top:1px solid rgba(128,128,128,.35)"


def reading_as_html(reading: "Reading") -> str:
    """Return the text in large type, the remarks, and a table of digits and signs with what the network saw.

    Colours and fonts of the page stay, so that dark and light notebooks are both legible.
    """
    text = escape(reading.text) or "nothing read"
    large = f"<pre style='font-size:1.7em;line-height:1.35;margin:.2em 0;background:none'>{text}</pre>"
    remarks = "".join(f"<div>{escape(remark)}</div>" for remark in reading.remarks)
    marks = _in_order(reading)
    several_pages = len(reading.sizes) > 1
    header = [*(["page"] if several_pages else []), "line", "seen", "label", "confidence", "remark"]
    titles = "".join(f"<th style='{CELL};border-top:none'>{title}</th>" for title in header)
    rows = "".join(_row(mark, several_pages=several_pages) for mark in marks[:MOST_ROWS])
    table = f"<table style='border-collapse:collapse'><tr>{titles}</tr>{rows}</table>" if marks else ""
    left_out = len(marks) - MOST_ROWS
    more = f"<div>and {left_out:,} more</div>" if left_out > 0 else ""
    return f"<div>{large}{remarks}<div style='max-height:30em;overflow:auto'>{table}{more}</div></div>"


def _in_order(reading: "Reading") -> list[Mark]:
    """Return digits and signs in reading order, with print that the text leaves out at the end of its page."""

    def place(mark: Mark) -> tuple[int, float, int]:
        left, top, width, height = mark.box
        rotation = reading.rotations[mark.page] if reading.rotations else 0
        along = {0: left, 90: -top - height, 180: -left - width, 270: top}[rotation]  # boxes are as given
        return mark.page, math.inf if mark.line is None else mark.line, along

    return list(merge(reading.digits, reading.signs, key=cast(Any, place)))


def _row(mark: Mark, *, several_pages: bool) -> str:
    if isinstance(mark, Digit):
        label = str(mark.label) if mark.accepted else f"? <small>({mark.label})</small>"
        others = f"or {', '.join(mark.alternatives)}" if mark.alternatives else ""
    else:
        label, others = escape(mark.label), ""
    kind = ("print, not in the text" if mark.line is None else "print") if mark.printed else ""
    reason = mark.reason if isinstance(mark, Digit) else None
    percent = f"{100 * mark.confidence:.1f}"
    bar = (
        f"<div style='display:inline-block;width:80px;height:9px;background:rgba(128,128,128,.25)'>"
        f"<div style='width:{percent}%;height:9px;background:{'#{:02x}{:02x}{:02x}'.format(*colour_of(mark))}'>"
        f"</div></div> {percent} %"
    )
    cells = [
        *([str(mark.page + 1)] if several_pages else []),
        "" if mark.line is None else str(mark.line + 1),
        _seen(mark) if isinstance(mark, Digit) else "",
        f"<b style='font-size:1.3em'>{label}</b>",
        bar,
        escape("; ".join(filter(None, [kind, reason, others]))),
    ]
    return "<tr>" + "".join(f"<td style='{CELL}'>{cell}</td>" for cell in cells) + "</tr>"


def _seen(digit: Digit) -> str:
    stream = io.BytesIO()
    Image.fromarray(255 - digit.image).save(stream, "PNG")  # dark ink on white, as it was written
    height, width = (ZOOM * side for side in digit.image.shape)
    return (
        f"<img src='data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}' width='{width}' "
        f"height='{height}' alt='what the network saw' style='image-rendering:pixelated;margin:0'>"
    )
