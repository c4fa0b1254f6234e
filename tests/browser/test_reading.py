"""What is drawn is read while it is drawn, and shown for what it is."""

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from digitscope.data import Dataset
from tests.browser.conftest import Open
from tests.browser.drawings import DRAWINGS, Drawing, number
from tests.browser.studio import Studio, as_number, picture_of

if TYPE_CHECKING:
    from playwright.sync_api import Route

NUMBERS = ["471", "2036", "58", "190"]

LETTER = Drawing("M", 0, [[(0, 1), (0, 0), (0.5, 0.6), (1, 0), (1, 1)]])


def test_drawings_are_read(studio: Studio) -> None:
    tries = [([drawing], str(drawing.digit), f"{drawing.digit} {drawing.style}") for drawing in DRAWINGS]
    tries += [(number(text), text, text) for text in NUMBERS]
    assert len(DRAWINGS) >= 30
    assert {drawing.digit for drawing in DRAWINGS} == set(range(10))
    misread = []
    for drawings, expected, name in tries:
        text = studio.draw(drawings)
        if text != expected:
            misread.append(f"{name}: {text!r}")
        studio.page.keyboard.press("Escape")
    share = 1 - len(misread) / len(tries)
    assert share >= 0.9, f"{share:.1%} of {len(tries)} read right; misread: {', '.join(misread)}"


def test_a_line_is_read_while_the_pen_is_down(studio: Studio) -> None:
    box = studio.at("#sheet").bounding_box()
    assert box is not None
    x, middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse = studio.page.mouse
    mouse.move(x, middle - 90)
    mouse.down()
    mouse.move(x, middle + 90, steps=12)
    studio.wait_for("document.querySelector('#detail-label')?.textContent === '1'")
    mouse.move(x - 5, middle + 95)
    mouse.up()
    assert studio.read() in {"1", "?"}  # a straight stroke may be a line, too


def test_a_digit_in_full(studio: Studio) -> None:
    drawing = DRAWINGS[0]
    assert studio.draw([drawing]) == "0"
    assert studio.text_of("#detail-label") == "0"
    assert studio.text_of("#detail-verdict") == "read"
    shares = [as_number(text) for text in studio.at("#detail-bars .bar-value").all_inner_texts()]
    assert len(shares) == 10
    assert sum(shares) == pytest.approx(100, abs=1)  # nine may be "< 0.1 %"
    assert shares[0] == max(shares)
    assert shares[0] == as_number(studio.text_of("#detail-confidence"))
    reds = "canvas => [...canvas.getContext('2d').getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 0)"
    assert max(studio.at("#detail-seen canvas").evaluate(reds)) > 200
    assert "Read 0." in studio.text_of("#announcer")


def test_boxes_lie_over_the_ink(studio: Studio) -> None:
    seven = number("7")[0]
    studio.draw([seven])
    sheet, box = studio.at("#sheet").bounding_box(), studio.at(".box").bounding_box()
    assert sheet is not None
    assert box is not None
    points = [point for line in seven.on_sheet(sheet["width"], sheet["height"]) for point in line]
    half = 13 * sheet["width"] / 1000  # of the pen
    left, top = min(x for x, _ in points) - half, min(y for _, y in points) - half
    right, bottom = max(x for x, _ in points) + half, max(y for _, y in points) + half
    drawn = [left, top, right - left, bottom - top]
    shown = [box["x"] - sheet["x"], box["y"] - sheet["y"], box["width"], box["height"]]
    assert shown == pytest.approx(drawn, abs=4)
    assert "solid" in studio.at(".box:not(.unsure)").evaluate("box => getComputedStyle(box).outline")


def test_what_is_not_sure_says_so_and_why(studio: Studio) -> None:
    assert studio.draw([LETTER]) == "?"
    box = studio.at(".box.unsure").first
    assert "dashed" in box.evaluate("box => getComputedStyle(box).outline")
    tag = box.inner_text()
    assert tag.startswith("not sure: ")
    assert tag.removeprefix("not sure: ") in {"unlike any digit", "may be no digit", *_could_be()}
    assert studio.text_of("#detail-verdict").startswith("not sure: ")
    assert "Not sure of " in studio.text_of("#announcer")


def _could_be() -> set[str]:
    return {f"could be {first} or {second}" for first in range(10) for second in range(10)}


def test_clear_ends_what_is_being_written_too(studio: Studio) -> None:
    studio.at("#sheet").focus()
    studio.page.keyboard.type("12345")
    studio.page.keyboard.press("Escape")
    studio.page.keyboard.type("7")
    assert studio.read() == "7"


def test_undo_takes_back_stroke_by_stroke_and_even_clear(studio: Studio) -> None:
    assert studio.draw(number("1")) == "1"
    assert studio.draw([Drawing("beside", 7, number("7")[0].lines, middle=(0.66, 0.5), height=0.32)]) == "17"
    studio.page.keyboard.press("Control+z")
    assert studio.read() == "1"
    studio.at("#clear").click()
    assert studio.read() == ""
    assert studio.at(".box").count() == 0
    studio.at("#undo").click()
    assert studio.read() == "1"
    studio.page.keyboard.press("Delete")
    assert studio.read() == ""


def test_a_tap_on_a_box_selects_and_leaves_no_dot(studio: Studio) -> None:
    assert studio.draw(number("471")) == "471"
    assert studio.text_of("#detail-label") == "1"
    studio.at(".box").first.evaluate("box => box.scrollIntoView()")
    box = studio.at(".box").first.bounding_box()
    assert box is not None
    studio.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert studio.read() == "471"
    assert studio.text_of("#detail-label") == "4"
    studio.at("#cards button").nth(1).click()
    assert studio.text_of("#detail-label") == "7"
    assert studio.at(".box.selected").inner_text() == "7"


def test_two_digits_over_each_other(studio: Studio) -> None:
    upper = Drawing("upper", 7, number("7")[0].lines, middle=(0.5, 0.34), height=0.5)
    lower = Drawing("lower", 0, number("0")[0].lines, middle=(0.5, 0.62), height=0.5)
    studio.draw([upper, lower])
    studio.at("label.switch").click()
    assert studio.read() == "70"
    high, low = (studio.at(".tag").nth(i).bounding_box() for i in range(2))
    assert high is not None
    assert low is not None
    assert high["y"] + high["height"] < low["y"]
    assert studio.at("#cards canvas").first.get_attribute("height") == "42"


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_is_dropped_or_pasted(studio: Studio, sample: Dataset, kind: str) -> None:
    number, expected = picture_of(sample, "3817")
    assert studio.give(kind, number) == "3817"
    assert studio.at("#picture").is_visible()
    picture, boxes = studio.at("#picture").bounding_box(), studio.at(".box").all()
    assert picture is not None
    middles = [box["x"] + box["width"] / 2 for each in boxes if (box := each.bounding_box())]
    assert [(x - picture["x"]) / picture["width"] for x in middles] == pytest.approx(expected, abs=0.01)


def test_a_picture_is_chosen_looked_at_and_put_away(studio: Studio, sample: Dataset) -> None:
    file = {"name": "form.png", "mimeType": "image/png", "buffer": picture_of(sample, "94")[0]}
    studio.at("#file").set_input_files(file)  # type: ignore[arg-type]
    studio.at(".box").first.wait_for()
    assert studio.read() == "94"
    box = studio.at(".box").nth(1).bounding_box()
    assert box is not None
    studio.page.mouse.click(box["x"] + 5, box["y"] + 5)
    assert studio.text_of("#detail-label") == "4"
    studio.page.keyboard.press("Escape")
    assert studio.read() == ""
    assert studio.at("#picture").is_hidden()
    assert studio.draw(number("5")) == "5"


def test_keys_and_paste_work_after_a_control_was_used(open_studio: Open, sample: Dataset) -> None:
    control = "#pair"
    studio = open_studio(permissions=["clipboard-read", "clipboard-write"])
    copy = """async bytes => navigator.clipboard.write(
        [new ClipboardItem({ 'image/png': new Blob([new Uint8Array(bytes)], { type: 'image/png' }) })])"""
    studio.page.evaluate(copy, list(picture_of(sample, "94")[0]))
    studio.at(control).focus()
    studio.page.keyboard.press("Control+V")
    studio.at(".box").first.wait_for()
    assert studio.read() == "94"
    studio.at(control).focus()
    studio.page.keyboard.press("Escape")
    assert studio.read() == ""
    studio.draw(number("47"))
    studio.at(control).focus()
    studio.page.keyboard.press("Control+Z")
    assert studio.read() == "4"


def test_a_line_over_a_picture_drags_nothing(studio: Studio, sample: Dataset) -> None:
    studio.give("drop", picture_of(sample, "94")[0])
    assert studio.draw(number("1")) == "94"
    assert studio.text_of("#complaint") == ""
    assert studio.at("#stage.drop").count() == 0


def test_a_picture_that_browsers_cannot_show_is_read(studio: Studio, sample: Dataset) -> None:
    stream = io.BytesIO()
    Image.open(io.BytesIO(picture_of(sample, "60")[0])).save(stream, "TIFF")
    assert studio.give("drop", stream.getvalue(), "number.tif", "image/tiff") == "60"
    assert studio.text_of(".unshown-line").split("\n")[-1] == "It is read all the same."
    assert studio.at(".box").first.is_hidden()  # it would lie over the text
    assert studio.at("#detail-place").is_hidden()


def test_the_pages_of_a_file_are_named(studio: Studio, sample: Dataset) -> None:
    first, *others = [Image.open(io.BytesIO(picture_of(sample, digits)[0])) for digits in ("60", "7", "38")]
    stream = io.BytesIO()
    first.save(stream, "TIFF", save_all=True, append_images=others)
    assert studio.give("drop", stream.getvalue(), "form.tif", "image/tiff") == "60\n7\n38"
    assert studio.text_of(".unshown-line").split("\n")[-1] == "All its 3 pages are read."
    assert studio.text_of("#meta").startswith("5 digits on 3 pages")
    cards = [text.split("\n")[0] for text in studio.at("#cards li").all_inner_texts()]
    assert cards == ["Page 1", "6", "0", "Page 2", "7", "Page 3", "3", "8"]
    studio.at("#cards button").nth(3).click()
    assert (studio.text_of("#detail-label"), studio.text_of("#detail-page")) == ("3", "page 3 of 3")
    assert studio.at("#cards button").nth(3).get_attribute("aria-pressed") == "true"


def test_a_pdf_file_is_read(studio: Studio, sample: Dataset) -> None:
    mime = ""
    pytest.importorskip("pypdfium2")
    first, second = (Image.open(io.BytesIO(picture_of(sample, digits)[0])) for digits in ("60", "38"))
    stream = io.BytesIO()
    first.save(stream, "PDF", save_all=True, append_images=[second])
    assert studio.give("drop", stream.getvalue(), "form.pdf", mime) == "60\n38"
    assert studio.text_of(".unshown-line").split("\n")[-1] == "All its 2 pages are read."


def test_cards_that_are_left_out_are_told(studio: Studio) -> None:
    def many(route: "Route") -> None:
        answer = route.fetch()
        reading = answer.json()
        route.fulfill(response=answer, json={**reading, "digits": reading["digits"] * 312})

    studio.page.route("**/api/read*", many)
    studio.draw(number("7"))
    assert studio.text_of("#meta").startswith("312 digits · cards of the first 200 · ")
    assert studio.at("#cards button").count() == 200
    studio.page.unroute("**/api/read*")
    assert studio.draw([]) == "7"


def test_a_full_sheet_says_so(studio: Studio) -> None:
    full = "The sheet is full. Backspace takes back what was written last, Escape clears."
    sheet = studio.at("#sheet")
    sheet.press_sequentially("1" * 40)
    studio.wait_for("document.querySelector('#complaint').textContent")
    studio.read()
    assert studio.text_of("#complaint") == full
    assert studio.at("#retry").is_hidden()
    before = studio.at(".box").count()
    sheet.press("Backspace")
    studio.wait_for(f"document.querySelectorAll('.box').length === {before - 1}")
    studio.wait_for("!document.querySelector('#complaint').textContent")
    sheet.press("1")
    studio.wait_for(f"document.querySelectorAll('.box').length === {before}")
    sheet.press("1")
    studio.wait_for("document.querySelector('#complaint').textContent")
    sheet.press("Escape")
    studio.read()
    assert studio.text_of("#complaint") == ""


@pytest.mark.parametrize(
    ("kind", "name", "mime"),
    [("drop", "drawing.svg", "image/svg+xml"), ("paste", "notes.txt", "text/plain"), ("drop", "data", "")],
)
def test_what_is_no_picture_is_refused_before_it_is_sent(studio: Studio, kind: str, name: str, mime: str) -> None:
    assert studio.draw(number("7")) == "7"
    sent = len(studio.requests)
    studio.give(kind, b"not a picture", name, mime)
    assert studio.text_of("#complaint").startswith(f"{name} is no picture: expected PNG, JPEG")
    assert studio.at("#retry").is_hidden()
    assert studio.at("#picture").is_hidden()
    assert studio.text_of("#text") == "7"
    assert len(studio.requests) == sent


def test_a_long_name_is_cut(studio: Studio) -> None:
    studio.give("drop", b"", f"{'long' * 50}.txt", "text/plain")
    assert len(studio.text_of("#complaint")) < 180
    assert studio.page.evaluate("document.documentElement.scrollWidth") == 1440


def test_a_damaged_picture_is_put_away_with_one_line(studio: Studio) -> None:
    studio.expected.append("status of 422")
    studio.give("drop", b"no picture at all")
    assert studio.text_of("#complaint").startswith("The picture: ")
    assert studio.at("#retry").is_hidden()
    assert studio.at(".unshown-line").is_hidden()
    assert studio.at("#stage.inviting").count() == 1
    assert studio.draw(number("5")) == "5"
    assert studio.text_of("#complaint") == ""


def test_a_type_that_browsers_do_not_know_is_told_by_the_name(studio: Studio, sample: Dataset) -> None:
    assert studio.give("drop", picture_of(sample, "60")[0], "form.TIFF", "") == "60"


@pytest.mark.parametrize(("status", "can_help"), [(503, True), (413, False)])
def test_trying_again_is_offered_where_it_can_help(studio: Studio, status: int, can_help: bool) -> None:
    studio.expected.append(f"status of {status}")
    answer = {"status": status, "content_type": "application/problem+json", "body": '{"detail": "it is so"}'}
    studio.page.route("**/api/read*", lambda route: route.fulfill(**answer))
    studio.draw(number("7"))
    assert studio.text_of("#complaint") == "It is so."
    assert studio.at("#retry").is_visible() == can_help
    studio.page.unroute("**/api/read*")
    if can_help:
        studio.at("#retry").click()
        assert studio.read() == "7"


def test_shares_are_never_rounded_to_all_or_nothing(studio: Studio) -> None:
    shares = [0, 0.0002, 0.0005, 0.5, 0.99949, 0.9995, 0.9997, 0.99999, 1]
    shown = [studio.imported("numbers", "percent", share).replace("\N{NO-BREAK SPACE}", " ") for share in shares]
    assert shown == ["0 %", "< 0.1 %", "0.1 %", "50.0 %", "99.9 %", "> 99.9 %", "> 99.9 %", "> 99.9 %", "100 %"]
    assert [studio.imported("numbers", "short", value) for value in (0, 0.0002, 0.008, 0.243, 12.34)] == [
        "0.000",
        "<\N{NO-BREAK SPACE}0.001",
        "0.008",
        "0.24",
        "12.3",
    ]
    assert studio.imported("numbers", "likelihood", 1) == "> 99.9 %".replace(" ", "\N{NO-BREAK SPACE}")
    assert studio.imported("numbers", "likelihood", 0) == "< 0.1 %".replace(" ", "\N{NO-BREAK SPACE}")


def test_a_server_that_does_not_answer(studio: Studio) -> None:
    studio.expected.append("net::ERR_FAILED")
    studio.page.route("**/api/read*", lambda route: route.abort())
    assert studio.draw(number("7")) == ""
    assert studio.text_of("#complaint").startswith("The server does not answer.")
    studio.page.unroute("**/api/read*")
    studio.at("#retry").click()
    assert studio.read() == "7"
    assert studio.text_of("#complaint") == ""


def test_the_text_is_copied(open_studio: Open) -> None:
    studio = open_studio(permissions=["clipboard-read", "clipboard-write"])
    studio.draw(number("471"))
    studio.at("#copy").click()
    assert studio.page.evaluate("navigator.clipboard.readText()") == "471"


def test_the_camera_gives_a_picture(open_studio: Open) -> None:
    studio = open_studio(permissions=["camera"])
    studio.at("#camera").click()
    studio.wait_for("document.querySelector('#camera-video').videoWidth > 0")
    studio.page.get_by_role("button", name="Read this").click()
    studio.at("#picture[src]").wait_for()
    studio.read()
    assert studio.text_of("#complaint") == ""


def test_a_camera_that_is_refused_is_told_kindly(studio: Studio) -> None:
    studio.at("#camera").click()
    studio.wait_for("document.querySelector('#complaint').textContent")
    assert studio.text_of("#complaint").startswith("The camera was not allowed.")
