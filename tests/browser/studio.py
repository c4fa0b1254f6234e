"""The page as its user handles it."""

import io
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from digitscope.data import Dataset
from tests.browser.drawings import Drawing

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PATIENCE = 60.0
"""Seconds."""

DROP = """([bytes, name, type, kind]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], name, { type }));
    const target = kind === 'paste' ? document.body : document.querySelector('#stage');
    const settings = { bubbles: true, cancelable: true };
    target.dispatchEvent(kind === 'paste'
        ? new ClipboardEvent('paste', { ...settings, clipboardData: data })
        : new DragEvent('drop', { ...settings, dataTransfer: data }));
}"""


@dataclass
class Studio:
    """One open page.

    Attributes:
        complaints: what the console and the page said that was no good.
        expected: parts of complaints that the test is about.
        requests: the address of every request.
    """

    page: "Page"
    server: str
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def at(self, selector: str) -> "Locator":
        return self.page.locator(selector)

    def text_of(self, selector: str) -> str:
        return self.at(selector).inner_text()

    def draw(self, drawings: Iterable[Drawing]) -> str:
        """Draw with the pointer, and return what is read."""
        box = self.at("#sheet").bounding_box()
        assert box is not None
        for drawing in drawings:
            for line in drawing.on_sheet(box["width"], box["height"]):
                self._follow([(box["x"] + x, box["y"] + y) for x, y in line])
        return self.read()

    def _follow(self, points: Sequence[tuple[float, float]]) -> None:
        mouse = self.page.mouse
        mouse.move(*points[0])
        mouse.down()
        for point in points[1:]:
            mouse.move(*point)
        mouse.up()

    def wait_for(self, condition: str) -> None:
        """Wait until an expression is true; Playwright's own way is stopped by the page's content policy."""
        deadline = time.monotonic() + PATIENCE
        while not self.page.evaluate(f"Boolean({condition})"):
            assert time.monotonic() < deadline, f"not true after {PATIENCE} s: {condition}"
            self.page.wait_for_timeout(20)

    def read(self) -> str:
        """Return the text once all that is there has been read."""
        self.wait_for("document.querySelector('#readout[aria-busy=false]')")
        return self.at("#text").text_content() or ""

    def give(self, kind: str, picture: bytes, name: str = "number.png", mime: str = "image/png") -> str:
        """Drop or paste a file, and return what is read."""
        self.page.evaluate(DROP, [list(picture), name, mime, kind])
        return self.read()

    def open_tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def imported(self, module: str, function: str, *values: Any) -> Any:
        """Return what a function of one of the page's modules gives."""
        call = "async ([path, name, values]) => (await import(path))[name](...values)"
        return self.page.evaluate(call, [f"/static/js/{module}.js", function, list(values)])


def as_number(text: str) -> float:
    """Return the number in a text such as "98.2 %" or "> 99.9 %"."""
    return float(text.strip("<>%\N{NO-BREAK SPACE}"))


def picture_of(sample: Dataset, digits: str) -> tuple[bytes, list[float]]:
    """Return a PNG of real digits beside each other, dark on light, and where their middles are, of its width."""
    split, gap = sample.test, 12
    row, middles = np.zeros((28, gap), np.uint8), []
    for digit in digits:
        image = split.images[np.flatnonzero(split.labels == int(digit))[3]]
        columns = np.flatnonzero(image.max(axis=0))
        ink = image[:, columns[0] : columns[-1] + 1]
        middles.append(row.shape[1] + ink.shape[1] / 2)
        row = np.hstack([row, ink, np.zeros((28, gap // 2), np.uint8)])
    row = np.pad(row, ((gap, gap), (0, gap // 2)))
    height, width = row.shape
    stream = io.BytesIO()
    Image.fromarray(255 - row).resize((4 * width, 4 * height), Image.Resampling.BICUBIC).save(stream, "PNG")
    return stream.getvalue(), [middle / width for middle in middles]
