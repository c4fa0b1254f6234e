import base64
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.resources import files
from itertools import product
from pathlib import Path

import pytest

from digitscope.errors import SettingError
from digitscope.plots import (
    Code,
    FigureBlock,
    Paragraph,
    Section,
    Stat,
    Stats,
    Table,
    contact_sheet,
    learning_curves,
    render_report,
    save_figure,
    write_report,
)
from tests.plots.examples import digits, history

HOSTILE = "<script>alert(1)</script> & \"quotes\" 'single'"
VOID = {"meta", "img"}
KINDS = [".svg", ".pdf"]  # a report has PNG


class Page(HTMLParser):
    """What a browser would find: the tags with their attributes, the text, and whether all tags close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def everything(text: str) -> Section:
    figure = learning_curves({"fast": history(2)})
    return Section(
        text,
        (
            Paragraph(text),
            Code(text),
            Stats((Stat(text, text, text),)),
            Table((text, "n"), ((text, 1234567),), caption=text),
            FigureBlock(figure, text, text),
        ),
    )


def test_every_text_is_escaped_and_every_tag_closes() -> None:
    html = render_report(HOSTILE, [everything(HOSTILE)], lead=HOSTILE)
    page = Page(html)
    assert page.open == []
    assert "<script" not in html
    assert page.text.count(HOSTILE) == 13  # two titles, lead, heading, and nine in the blocks
    assert page.attributes("img")[0]["alt"] == HOSTILE


def test_the_page_asks_for_nothing_and_runs_nothing() -> None:
    html = render_report("Report", [everything("text")])
    assert not re.search(r"(https?:)?//|@import|\burl\(|<script|<link|<iframe|\bon\w+=", _without_pictures(html))
    page = Page(html)
    assert all((image["src"] or "").startswith("data:image/png;base64,") for image in page.attributes("img"))
    policy = page.attributes("meta")[1]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert (policy["content"] or "").split("; ")[:3] == [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
    ]


def test_a_figure_is_a_png_of_twice_the_size_it_is_shown_at() -> None:
    figure = contact_sheet(digits(3))
    (image,) = Page(render_report("R", [Section("S", (FigureBlock(figure, "Three digits."),))])).attributes("img")
    content = base64.b64decode((image["src"] or "").partition(",")[2], validate=True)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(content[16:20]) == 2 * int(image["width"] or 0) == 1600
    assert int.from_bytes(content[20:24]) == pytest.approx(2 * int(image["height"] or 0), abs=2)
    assert image["alt"] == "Three digits."


def test_columns_of_numbers_are_aligned_right() -> None:
    rows = (
        ("fc", 10000, "96.0 ± 0.1 %", "1.2 s", "-0.5"),
        ("3 layers deep", 9, "\N{EN DASH}", "900 ms", "n/a"),
    )
    html = render_report("R", [Section("S", (Table(("run", "n", "accuracy", "time", "note"), rows),))])
    head = Page(html).attributes("th")[:5]
    assert [cell.get("class") for cell in head] == [None, "number", "number", "number", None]
    assert "10,000" in html


def test_a_table_without_rows_is_a_header() -> None:
    assert "<th" in render_report("R", [Section("S", (Table(("a", "b"), ()),))])


def test_a_row_of_another_length() -> None:
    with pytest.raises(SettingError, match="row 2 of a table has 1 cells: expected 2"):
        Table(("a", "b"), (("x", 1), ("y",)))


def test_equal_reports_are_equal_bytes(tmp_path: Path) -> None:
    section = everything("text")
    write_report(tmp_path / "one.html", "R", [section])
    write_report(tmp_path / "two.html", "R", [section])
    write_report(tmp_path / "three.html", "R", [everything("text")])
    contents = {path.read_bytes() for path in tmp_path.iterdir()}
    assert len(contents) == 1


def test_text_has_the_contrast_that_wcag_aa_asks_for() -> None:
    css = files("digitscope.plots").joinpath("report.css").read_text(encoding="utf-8")
    modes = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    assert len(modes) == 3  # light, dark and in print
    for mode, name, ground in product(modes, ("ink", "muted", "accent"), ("paper", "card", "shade")):
        colours = dict(re.findall(r"--(\w+): (#\w{6});", mode))
        darker, lighter = sorted((_luminance(colours[name]), _luminance(colours[ground])))
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5


@pytest.mark.parametrize("suffix", KINDS)
def test_a_figure_gives_the_same_bytes_each_time(tmp_path: Path, suffix: str) -> None:
    figure = learning_curves({"fast": history(3)})
    one, two, three = (tmp_path / f"{name}{suffix}" for name in ("one", "two", "three"))
    save_figure(figure, one)
    save_figure(figure, two)
    save_figure(learning_curves({"fast": history(3)}), three)
    assert one.read_bytes() == two.read_bytes() == three.read_bytes()
    assert b"atplotlib v" not in one.read_bytes()


def test_a_figure_in_an_unknown_format_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "curves.gif"
    path.write_text("as it was")
    with pytest.raises(SettingError, match=r"'gif': expected one of png, svg, pdf"):
        save_figure(learning_curves({"fast": history(1)}), path)
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("curves.gif", "as it was")]


def test_a_drawing_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    figure = learning_curves({"fast": history(1)})
    figure.axes[0].set_title("$\\unknown$")  # matplotlib finds this out while it draws
    path = tmp_path / "curves.png"
    path.write_text("as it was")
    with pytest.raises(ValueError, match="unknown"):
        save_figure(figure, path)
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("curves.png", "as it was")]


def test_importing_plots_loads_neither_torch_nor_matplotlib() -> None:
    code = "import sys, digitscope.plots; print({'torch', 'matplotlib', 'jinja2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def _without_pictures(html: str) -> str:
    return re.sub(r"data:image/png;base64,[\w+/=]+", "", html)


def _luminance(colour: str) -> float:
    """Return the relative luminance of "#rrggbb" as WCAG 2.2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
