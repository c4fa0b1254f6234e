import base64
import io
import json
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from digitscope.reading import Reading
from tests.reading.examples import digit, reading, sign

UNSURE = digit(3, (40, 10, 20, 30), confidence=0.45, accepted=False, reason="could be 3 or 8", line=1)
TWO_LINES = reading(digit(0), digit(4), digit(2), digit(1, line=1), UNSURE, digit(6, line=1))


class Html(HTMLParser):
    """The text and the attributes of a piece of HTML whose tags are checked for their balance."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def pictures(self) -> list[np.ndarray]:
        sources = [value for name, value in self.attributes if name == "src"]
        assert all(source.startswith("data:image/png;base64,") for source in sources)
        return [np.asarray(Image.open(io.BytesIO(base64.b64decode(source[22:])))) for source in sources]


def html_of(value: Reading) -> Html:
    return Html(value._repr_html_())


def test_it_prints_briefly() -> None:
    assert repr(TWO_LINES) == r"Reading('042\n1?6', 6 digits)"
    assert repr(reading(digit(7))) == "Reading('7', 1 digit)"
    assert repr(reading()) == "Reading('', 0 digits)"
    long = repr(reading(*[digit(1)] * 5000))
    assert long == f"Reading('{'1' * 60}…', 5000 digits)"
    assert "array" not in repr(digit(1))
    assert len(repr(digit(1))) < 200


def test_the_text_has_question_marks_for_what_was_not_accepted() -> None:
    assert TWO_LINES.text == "042\n1?6"
    assert reading().text == ""


def test_json_is_plain() -> None:
    told = json.loads(json.dumps(TWO_LINES.to_json()))
    assert list(told) == ["text", "lines", "digits", "signs", "rotation", "remarks", "sizes", "regions", "table"]
    assert told["text"].split("\n") == told["lines"] == ["042", "1?6"]
    assert told["sizes"] == [[200, 100]]
    fourth = told["digits"][4]
    assert (fourth["label"], fourth["confidence"], fourth["accepted"]) == (3, 0.45, False)
    assert (fourth["reason"], fourth["box"], fourth["line"], fourth["page"]) == (
        UNSURE.reason,
        [40, 10, 20, 30],
        1,
        0,
    )
    assert np.allclose(fourth["probabilities"], UNSURE.probabilities, rtol=0, atol=1e-6)
    assert "image" not in fourth


def test_json_has_signs_print_and_how_the_page_was_turned() -> None:
    value = reading(
        digit(3),
        digit(9, printed=True, line=None),
        signs=(sign("-", confidence=0.12345678),),
        rotations=(270, 0),
        remarks=("Page 1 is turned.",),
    )
    told = json.loads(json.dumps(value.to_json()))
    assert (told["rotation"], told["remarks"]) == (270, ["Page 1 is turned."])
    assert [(each["printed"], each["line"]) for each in told["digits"]] == [(False, 0), (True, None)]
    minus = {"label": "-", "confidence": 0.123457, "box": [32, 34, 4, 6], "line": 0, "page": 0, "printed": False}
    assert told["signs"] == [minus]
    assert reading().rotation == 0


# In a notebook


def test_a_notebook_shows_text_and_a_row_for_every_digit() -> None:
    html = html_of(TWO_LINES)
    assert html.words[0] == "042\n1?6"
    assert html.tags.count("tr") == 1 + 6
    assert "page" not in html.words
    assert len(html.pictures) == 6
    for picture, each in zip(html.pictures, TWO_LINES.digits, strict=True):
        assert np.array_equal(picture, 255 - each.image)
    assert "could be 3 or 8" in html.words
    assert ["90.0 %" in word for word in html.words].count(True) == 5
    bars = [value for name, value in html.attributes if name == "style" and value.startswith("width:")]
    assert [bar.split(";")[0] for bar in bars] == ["width:90.0%"] * 4 + ["width:45.0%", "width:90.0%"]
    assert len({bar.rpartition("background:")[2] for bar in bars}) == 2


def rows_of(html: str) -> list[str]:
    """The words of each row of the table, but for the header."""
    return [" ".join(Html(row.partition("</tr>")[0]).words) for row in html.split("<tr>")[2:]]


def test_a_notebook_shows_signs_where_they_stand_and_print_last() -> None:
    """Boxes are in the picture as given: 3,5 is written downwards."""
    three, comma, five = ((10, at, 8, 8) for at in (10, 30, 50))
    value = reading(
        digit(3, three),
        digit(5, five),
        digit(9, (0, 0, 5, 5), printed=True, line=None),
        lines=("3,5",),
        signs=(sign(",", comma), sign("/", (2, 2, 3, 3), printed=True)),
        rotations=(270,),
        remarks=("Turned.", "Ink < pencil."),
    )
    html = value._repr_html_()
    assert html_of(value).words[:3] == ["3,5", "Turned.", "Ink < pencil."]
    assert len(html_of(value).pictures) == 3
    rows = rows_of(html)
    assert sorted(rows[:4]) == sorted(["1 3  90.0 %", "1 ,  80.0 %", "1 5  90.0 %", "1 /  80.0 % print"])
    assert [row.split()[1] for row in rows if "print" not in row] == ["3", ",", "5"]
    assert rows[4].split(maxsplit=1) == ["9", " 90.0 % print, not in the text".lstrip()]


def test_a_notebook_asks_nobody_and_runs_nothing() -> None:
    html = html_of(TWO_LINES)
    assert set(html.tags) <= {"div", "pre", "table", "tr", "th", "td", "img", "b", "small"}
    assert {name for name, _ in html.attributes} <= {"style", "src", "width", "height", "alt"}
    assert not any("url(" in value or "http" in value for _, value in html.attributes)


def test_everything_is_escaped() -> None:
    evil = "<script>alert('&')</script>"
    html = html_of(
        Reading((digit(1, accepted=False, reason=evil, alternatives=(evil, "<b>")),), (evil,), ((20, 20),))
    )
    assert "script" not in html.tags
    assert html.words[0] == evil
    assert f"{evil}; or {evil}, <b>" in html.words


def test_pages_pairs_and_nothing() -> None:
    tall = np.zeros((42, 28), np.uint8)
    html = html_of(reading(digit(1, image=tall), digit(2, page=1, line=1), n_pages=2))
    assert "page" in html.words
    assert html.pictures[0].shape == (42, 28)
    assert ("height", "84") in html.attributes
    assert html_of(reading()).words == ["nothing read"]


def test_a_long_table_ends() -> None:
    html = html_of(reading(*[digit(1)] * 1300))
    assert len(html.pictures) == 200
    assert html.words[-1] == "and 1,100 more"
