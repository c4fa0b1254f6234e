"""The fields of a form are drawn, named and saved; nothing is lost when the server is killed meanwhile."""

import csv
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from digitscope.cli import main
from digitscope.data import Dataset
from tests.browser.conftest import Open
from tests.browser.service import Service
from tests.browser.studio import Studio
from tests.browser.test_craft import PHONE
from tests.forms.pages import HEIGHT, PLACES, WIDTH, write_five_scans, write_pages
from tests.serve.helpers import served_by_a_thread

pytest.importorskip("cv2", reason="needs OpenCV, of the extra packages of forms")
pytest.importorskip("fastapi", reason="needs FastAPI, of the extra packages of serve")

from digitscope.forms import load_form
from digitscope.forms.editing import FormFile
from digitscope.serve import create_form_edit_app

DESCRIPTION = """
reference = "empty.png"
size = [210, 297]

[fields.first]
box = [20, 60, 50, 9]

[fields.second]
box = [20, 80, 50, 9]
"""


@contextmanager
def killed_at_the_end(*words: object) -> Iterator[Service]:
    service = Service(*words)
    try:
        yield service
    finally:
        service.kill()


@pytest.fixture
def edited(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A description with two fields, and the address of the page that edits it."""
    path = write_pages(tmp_path) / "form.toml"
    path.write_text(DESCRIPTION)
    with served_by_a_thread(create_form_edit_app(FormFile(path))) as address:
        yield path, address


def fields_in(path: Path) -> dict[str, Any]:
    fields: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8")).get("fields", {})
    return fields


def drag(studio: Studio, *places: tuple[float, float]) -> None:
    """Drag with the mouse from place to place, in millimetres of the form."""
    sheet = studio.at("#sheet").bounding_box()
    assert sheet is not None
    points = [(sheet["x"] + x * sheet["width"] / 210, sheet["y"] + y * sheet["height"] / 297) for x, y in places]
    studio.page.mouse.move(*points[0])
    studio.page.mouse.down()
    for point in points[1:]:
        studio.page.mouse.move(*point, steps=4)
    studio.page.mouse.up()


def opened(open_studio: Open, address: str, **context: Any) -> Studio:
    studio = open_studio(address, **context)
    studio.wait_for("document.querySelector('#state').textContent")
    return studio


def says(studio: Studio, start: str) -> None:
    studio.wait_for(f"document.querySelector('#status').textContent.startsWith({start!r})")


def has_focus(studio: Studio) -> str:
    name: str = studio.page.evaluate(
        "document.activeElement.id || document.activeElement.getAttribute('aria-label') || ''"
    )
    return name


def draw_and_name(studio: Studio, name: str) -> None:
    left, top = PLACES[name]
    drag(studio, (left, top), (left + WIDTH, top + HEIGHT))
    assert has_focus(studio) == "name"
    studio.page.keyboard.type(name)


def test_from_an_empty_form_to_a_table_with_a_killed_server(
    open_studio: Open, tmp_path: Path, sample: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three fields are drawn, five scans read, four doubtful values reviewed, and the table is the truth."""
    truth = write_five_scans(tmp_path, sample.test)
    form, values, table = (tmp_path / name for name in ("form.toml", "values.db", "values.csv"))
    assert main(["form", "new", str(tmp_path / "empty.png"), "--to", str(form)]) == 0
    assert "next: digitscope form edit" in capsys.readouterr().out
    with killed_at_the_end("form", "edit", form) as service:
        studio = opened(open_studio, service.address)
        studio.expected += ["net::ERR_"]
        keys = studio.page.keyboard
        draw_and_name(studio, "account")
        for key in ("Tab", "ArrowDown", "Tab"):  # to a fixed number of digits, 8 at first
            keys.press(key)
        assert (has_focus(studio), studio.at("#digits").input_value()) == ("digits", "8")
        studio.at("#check").press_sequentially("luhn")
        draw_and_name(studio, "born")
        keys.press("Tab")
        studio.at("#holds").select_option("pattern")  # DD.MM.YYYY at first
        service.kill()
        draw_and_name(studio, "year")
        studio.at("label:has(#required)").click()
        keys.press("Control+s")
        says(studio, "Not saved yet. The server does not answer.")
        assert fields_in(form) == {}
        service.start()
        says(studio, "Saved form.toml.")
    account, born, year = load_form(form).fields
    assert (account.digits, account.check, born.pattern, year.required) == (8, "luhn", "DD.MM.YYYY", True)
    for field, place in zip((account, born, year), PLACES.values(), strict=True):
        assert field.box == pytest.approx((*place, WIDTH, HEIGHT), abs=0.5)
    assert main(["form", "read", str(form), str(tmp_path / "scans"), "--out", str(values)]) == 0
    with killed_at_the_end("form", "review", values) as service:
        review(open_studio(f"{service.address}/?by=Ann"), truth)
    assert main(["form", "export", str(values), "--out", str(table)]) == 0
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {Path(row["file"]).name: {name: row[name] for name in PLACES} for row in rows} == truth


def review(studio: Studio, truth: dict[str, dict[str, str]]) -> None:
    """Type the true values by the keyboard."""
    studio.expected += ["net::ERR_", "status of 422"]
    for number in range(4):
        studio.wait_for(
            f"document.querySelector('#progress-line').textContent === '{number} of 4 done'"
            " && document.querySelector('#work[aria-busy=false]')"
        )
        scan = Path(studio.text_of("#place").partition(",")[0]).name
        studio.page.keyboard.type(truth[scan][studio.text_of("#field-name")])
        studio.page.keyboard.press("Enter")
    studio.wait_for("document.querySelector('#rest').checkVisibility()")


def test_the_keyboard_alone_makes_moves_resizes_names_and_deletes(
    edited: tuple[Path, str], open_studio: Open
) -> None:
    path, address = edited
    studio = opened(open_studio, address)
    keys = studio.page.keyboard
    studio.at("#save").focus()
    keys.press("Tab")
    assert has_focus(studio) == "first"
    for key in ("ArrowRight", "ArrowRight", "Control+ArrowDown", "Shift+ArrowRight", "Shift+ArrowUp"):
        keys.press(key)
    keys.press("n")  # below it, and as large
    assert has_focus(studio) == "field1"
    keys.press("Enter")
    keys.press("Control+a")
    keys.type("total 1")
    for key in ("Tab", "Tab", "Tab", "9", "9", ".", "5", "Enter"):  # the largest number
        keys.press(key)
    assert has_focus(studio) == "total 1"
    keys.press("Tab")
    assert has_focus(studio) == "second"
    keys.press("Delete")
    assert has_focus(studio) == "total 1"
    keys.press("Control+s")
    says(studio, "Saved form.toml.")
    assert fields_in(path) == {
        "first": {"box": [22, 60.1, 51, 8]},
        "total 1": {"box": [22, 72.1, 51, 8], "max": 99.5},
    }
    keys.press("Control+z")
    assert studio.at(".field").count() == 3
    keys.press("Control+Shift+z")
    assert studio.at(".field").count() == 2
    for _ in range(10):
        keys.press("Control+z")
    assert studio.text_of("#state") == "Not saved yet"
    assert studio.page.evaluate("[...document.querySelectorAll('.field')].map((each) => each.textContent)") == [
        "first",
        "second",
    ]
    selector = "button, input, select, img, summary, [role=group]"
    unnamed = f"""[...document.querySelectorAll('{selector}')]
        .filter((each) => !each.textContent.trim() && !each.labels?.length)
        .filter((each) => !each.getAttribute('aria-label') && !each.hasAttribute('alt'))
        .map((each) => each.outerHTML)"""
    assert studio.page.evaluate(unnamed) == []


def test_what_is_wrong_is_said_beside_the_field_and_not_saved(edited: tuple[Path, str], open_studio: Open) -> None:
    path, address = edited
    studio = opened(open_studio, address)
    studio.expected += ["status of 422"]
    studio.at(".field").first.click()
    studio.at("#name").fill("second")
    fault = "document.querySelector('#fault').textContent"
    studio.wait_for(f"{fault} === \"The field 'second' has the name of another field: expected another name.\"")
    assert studio.at(".field.wrong").count() == 2
    studio.at("#name").fill("first")
    studio.at("#min").fill("a few")
    studio.wait_for(f"{fault} === \"The field 'first' has min 'a few': expected a number.\"")
    studio.page.keyboard.press("Control+s")
    says(studio, "The field 'first' has min 'a few': expected a number.")
    assert path.read_text() == DESCRIPTION
    studio.at("#min").fill("5")
    studio.wait_for(f"!{fault}")


def test_a_part_of_a_sum_is_renamed_and_removed(edited: tuple[Path, str], open_studio: Open) -> None:
    path, address = edited
    path.write_text(f"{DESCRIPTION}sum_of = ['first']\n")
    studio = opened(open_studio, address)
    keys = studio.page.keyboard
    studio.at(".field").first.click()
    keys.press("Enter")
    keys.type("second hand")  # on the way, it has the name of the sum
    keys.press("Control+s")
    says(studio, "Saved form.toml.")
    assert fields_in(path)["second"]["sum_of"] == ["second hand"]
    keys.press("Enter")
    keys.press("Delete")
    fault = "The field 'second' is a sum of 'second hand': expected another field with a number."
    studio.wait_for(f'document.querySelector("#fault").textContent === "{fault}"')
    studio.at("summary").click()
    studio.page.get_by_label("second hand").click()
    studio.wait_for("!document.querySelector('#fault').textContent")


def test_a_file_that_has_changed_meanwhile_is_not_overwritten(edited: tuple[Path, str], open_studio: Open) -> None:
    path, address = edited
    studio = opened(open_studio, address)
    studio.expected += ["status of 409"]
    drag(studio, (25, 64), (45, 74))  # moves the first field
    theirs = DESCRIPTION.replace("second", "third")
    path.write_text(theirs)
    studio.at("#save").click()
    studio.wait_for("document.querySelector('#conflict').checkVisibility()")
    assert path.read_text() == theirs
    studio.at("#load-theirs").click()
    studio.wait_for("document.querySelectorAll('.field')[1]?.textContent === 'third'")
    studio.page.keyboard.press("Control+z")
    assert studio.at(".field").last.text_content() == "second"
    studio.page.keyboard.press("Control+s")
    says(studio, "Saved form.toml.")
    assert fields_in(path) == {"first": {"box": [40, 70, 50, 9]}, "second": {"box": [20, 80, 50, 9]}}
    path.write_text(theirs)
    drag(studio, (90, 79), (100, 83))  # its corner
    studio.at("#save").click()
    studio.at("#save-mine").click()
    says(studio, "Saved form.toml.")
    assert fields_in(path)["first"]["box"] == pytest.approx([40, 70, 60, 13], abs=1)


@pytest.mark.parametrize("width", [320, 390, 820, 1440])
def test_no_width_has_to_be_scrolled_sideways(edited: tuple[Path, str], open_studio: Open, width: int) -> None:
    studio = opened(open_studio, edited[1], viewport={"width": width, "height": 800})
    for field in studio.at(".field").all():
        field.click()
        assert studio.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert studio.at("#panel").is_visible()
    cut = """[...document.querySelectorAll('main button:not(.field), main label')]
        .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1)
        .map((each) => each.outerHTML)"""
    assert studio.page.evaluate(cut) == []


def test_changes_that_were_not_saved_are_offered_again(edited: tuple[Path, str], open_studio: Open) -> None:
    path, address = edited
    studio = opened(open_studio, address)
    studio.expected += ["status of 409"]
    studio.at(".field").first.click()
    studio.at("#name").fill("a new name")
    studio.page.reload()
    says(studio, "Your unsaved changes are back.")
    assert (studio.at(".field").first.text_content(), studio.text_of("#state")) == ("a new name", "Not saved yet")
    path.write_text(DESCRIPTION.replace("second", "third"))  # which the changes were not made upon
    studio.page.reload()
    says(studio, "Your unsaved changes are back.")
    studio.page.keyboard.press("Control+s")
    studio.wait_for("document.querySelector('#conflict').checkVisibility()")
    studio.page.keyboard.press("Control+z")
    assert studio.text_of("#state") == "Saved"
    studio.page.reload()
    studio.wait_for("document.querySelectorAll('.field')[1]?.textContent === 'third'")
    assert studio.text_of("#status") == ""


def test_a_finger_draws(edited: tuple[Path, str], open_studio: Open) -> None:
    studio = opened(open_studio, edited[1], **PHONE)
    sheet = studio.at("#sheet").bounding_box()
    assert sheet is not None
    touch = studio.page.context.new_cdp_session(studio.page)
    points = [{"x": sheet["x"] + x, "y": sheet["y"] + y} for x, y in ((40, 300), (90, 310), (140, 320))]
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[:1]})
    for point in points[1:]:
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    studio.wait_for("document.querySelectorAll('.field').length === 3")
    assert studio.at(".field[aria-pressed=true]").get_attribute("aria-label") == "field1"


def test_every_name_in_the_page_is_used() -> None:
    import digitscope.serve

    page = Path(digitscope.serve.__file__).parent / "page"
    html, css = ((page / f"form-edit.{kind}").read_text(encoding="utf-8") for kind in ("html", "css"))
    css_names = re.sub(r"\{[^{}]*\}", "", css)
    scripts = "".join(path.read_text(encoding="utf-8") for path in (page / "js").glob("*.js"))
    ids = set(re.findall(r'\sid="([^"]+)"', html))
    pointed_at = {name for each in re.findall(r'(?:for|list|aria-\w+)="([^"]+)"', html) for name in each.split()}
    assert [
        name
        for name in ids - pointed_at
        if not re.search(rf'"{name}"|\b{name}:', scripts) and f"#{name}" not in css_names
    ] == []
    assert set(re.findall(r"#([a-z][\w-]*)", css_names)) <= ids
    styled = set(re.findall(r"\.([a-z][\w-]*)", css_names))
    assert [name for name in styled if not re.search(rf"\b{name}\b", html + scripts)] == []
