"""Doubtful values are reviewed with the keyboard alone, and what the page calls saved is there after a kill."""

import csv
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from digitscope.cli import main
from tests.browser.conftest import Open
from tests.browser.service import Service
from tests.browser.studio import Studio

pytest.importorskip("cv2", reason="needs OpenCV, of the extra packages of forms")

from digitscope.forms.store import Store
from tests.forms.test_store import FORM, SUM, filled, refused, unlike_its_sum


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """The service; tests ask for it before a page, which then closes first and asks nobody in vain."""
    with Store(tmp_path / "values.db", FORM) as store:
        store.add("one.png", [filled()])
        store.add("two.png", [filled("00000000")])
    service = Service("form", "review", tmp_path / "values.db")
    yield service
    service.kill()


@pytest.fixture
def sums(tmp_path: Path) -> Iterator[Service]:
    """The service of a file with a sum that does not hold, and with a refused page."""
    with Store(tmp_path / "sums.db", SUM) as store:
        store.add("one.png", [unlike_its_sum(), refused()])
    service = Service("form", "review", tmp_path / "sums.db")
    yield service
    service.kill()


def at_field(studio: Studio, name: str, place: str) -> None:
    studio.wait_for(
        f"document.querySelector('#field-name').textContent === '{name}'"
        f" && document.querySelector('#place').textContent === '{place}, page 1'"
        " && document.querySelector('#work[aria-busy=false]')"
    )
    assert studio.page.evaluate("document.activeElement.id") == "entry"
    assert studio.page.evaluate("document.activeElement.matches(':focus-visible')")


def test_four_values_by_keyboard_with_an_undo_and_a_killed_server(
    service: Service, open_studio: Open, tmp_path: Path
) -> None:
    studio = open_studio(f"{service.address}/?by=Ann")
    studio.expected += ["status of 422", "status of 404", "ERR_CONNECTION_REFUSED"]
    keys = studio.page.keyboard
    at_field(studio, "account", "one.png")
    studio.wait_for("document.querySelector('#crop').naturalWidth === 120")
    keys.press("ArrowDown")
    assert studio.at("#entry").input_value() == "12345666"
    keys.press("ArrowUp")
    keys.press("Enter")  # the best value
    at_field(studio, "born", "one.png")
    assert studio.text_of("#progress-line").lower() == "1 of 4 done"
    assert studio.text_of("#status") == "Saved account."
    keys.type("31021990")
    studio.wait_for("document.querySelector('#entry[aria-invalid=true]')")  # before Enter
    keys.press("Enter")
    studio.wait_for("document.querySelector('#fault').textContent.endsWith('Press Enter again to keep it.')")
    for _ in range(4):
        keys.press("Backspace")
    keys.type("1989")
    keys.press("Home")
    keys.press("Delete")
    keys.type("2")
    studio.wait_for("document.querySelector('#as-kept').textContent === 'is kept as 21.02.1989'")
    keys.press("Enter")
    at_field(studio, "account", "two.png")
    keys.press("Control+z")
    at_field(studio, "born", "one.png")
    assert studio.text_of("#progress-line").lower() == "1 of 4 done"
    service.kill()
    keys.type("21021988")
    keys.press("Enter")
    studio.wait_for("document.querySelector('#status.trouble')")
    assert studio.text_of("#status").startswith("Not saved yet. The server does not answer.")
    assert studio.at("#entry").input_value() == "21021988"
    service.start()
    at_field(studio, "account", "two.png")
    keys.type("1234567")  # a digit is missing, and kept so
    keys.press("Enter")
    studio.wait_for("document.querySelector('#fault').textContent.endsWith('Press Enter again to keep it.')")
    keys.press("Enter")
    at_field(studio, "born", "two.png")
    keys.press("PageDown")  # there is no other one
    at_field(studio, "born", "two.png")
    keys.type("01012000")
    keys.press("Enter")
    studio.wait_for("document.querySelector('#rest').checkVisibility()")
    assert studio.text_of("#progress-line").lower() == "4 of 4 done"
    service.kill()
    assert main(["form", "export", str(tmp_path / "values.db"), "--out", str(tmp_path / "values.csv")]) == 0
    with (tmp_path / "values.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["account"], row["born"], row["corrected"]) for row in rows] == [
        ("12345674", "21.02.1988", "born"),
        ("1234567", "01.01.2000", "account; born"),
    ]


def test_a_part_of_a_sum_and_a_refused_page_by_keyboard(sums: Service, open_studio: Open, tmp_path: Path) -> None:
    studio = open_studio(f"{sums.address}/?by=Ann")
    keys = studio.page.keyboard
    at_field(studio, "total", "one.png")
    assert studio.text_of("#reason") == "Is not the sum of fee, gift."
    assert studio.text_of("#adds-up") == "The parts add up to 72.50, not to 12.50."
    values = "[...document.querySelectorAll('#addends button')].map((each) => each.textContent).join()"
    assert studio.page.evaluate(values) == "fee72.50,giftempty,total12.50"
    keys.press("Tab")
    keys.press("Tab")  # over Save, to the first part
    assert studio.page.evaluate("document.activeElement.textContent") == "fee72.50"
    keys.press("Enter")
    at_field(studio, "fee", "one.png")
    assert studio.text_of("#reason") == ""
    keys.type("1250")
    keys.press("Enter")
    at_field(studio, "total", "one.png")
    assert studio.text_of("#adds-up") == "The parts add up to 12.50."
    keys.press("Enter")
    studio.wait_for("document.querySelector('#work.page[aria-busy=false]')")
    studio.wait_for("document.querySelector('#crop').naturalHeight === 400")
    assert studio.text_of("#place") == "one.png, page 2"
    assert studio.text_of("#reason") == "Page 2 does not show the form."
    assert [studio.at(part).is_visible() for part in ("#entry", "#suggestions", "#sum", "#expected")] == [
        False
    ] * 4
    assert studio.page.evaluate("document.activeElement.textContent") == "Seen"
    keys.press("ArrowUp")  # no value to take
    keys.press("Enter")
    studio.wait_for("document.querySelector('#rest').checkVisibility()")
    assert studio.text_of("#status") == "Marked the page as seen."
    keys.press("Control+z")
    studio.wait_for("document.querySelector('#work.page[aria-busy=false]')")
    assert studio.text_of("#status") == "Took back what you saved for the page."
    assert main(["form", "export", str(tmp_path / "sums.db"), "--out", str(tmp_path / "sums.csv")]) == 0
    with (tmp_path / "sums.csv").open(newline="") as opened:
        first, page = csv.DictReader(opened)
    assert (first["fee"], first["total"], first["corrected"], first["check"]) == ("12.50", "12.50", "fee", "")
    assert (page["total"], page["check"]) == ("", "page 2 does not show the form")


def test_two_people_and_twenty_fields_a_minute(service: Service, open_studio: Open) -> None:
    ann, bo = (open_studio(f"{service.address}/?by={name}") for name in ("Ann", "Bo"))
    at_field(ann, "account", "one.png")
    at_field(bo, "born", "one.png")
    began = time.monotonic()
    ann.page.keyboard.press("Enter")
    at_field(ann, "account", "two.png")
    assert time.monotonic() - began < 3
    bo.page.keyboard.type("01021990")
    bo.page.keyboard.press("Enter")
    at_field(bo, "born", "two.png")
    bo.page.keyboard.press("Control+z")
    at_field(bo, "born", "one.png")


@pytest.mark.parametrize("width", [320, 390])
def test_a_sum_on_a_phone(sums: Service, open_studio: Open, width: int) -> None:
    studio = open_studio(f"{sums.address}/?by=Ann", viewport={"width": width, "height": 700})
    at_field(studio, "total", "one.png")
    assert studio.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    studio.at("#addends button").first.click()
    at_field(studio, "fee", "one.png")


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone(service: Service, open_studio: Open, width: int) -> None:
    studio = open_studio(f"{service.address}/?by=Ann", viewport={"width": width, "height": 700})
    at_field(studio, "account", "one.png")
    assert studio.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    save, crop = studio.at("#value button").bounding_box(), studio.at("#crop").bounding_box()
    assert save is not None
    assert crop is not None
    assert crop["y"] < save["y"] < 700 - 40
    studio.at("#best").click()
    studio.at("#value button").click()
    studio.wait_for("document.querySelector('#status').textContent === 'Saved account.'")
