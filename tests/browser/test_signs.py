"""Signs, print and remarks, in answers made by hand: what is shown, and where."""

from typing import TYPE_CHECKING

from digitscope.data import Dataset
from digitscope.reading import Reading
from digitscope.serve import picture_reading
from tests.browser.drawings import number
from tests.browser.studio import Studio, picture_of
from tests.reading.examples import digit, reading, sign

if TYPE_CHECKING:
    from playwright.sync_api import Route

TURNED = "the picture was turned by 90 degrees to be read"


BOXES = {
    "digit": ":not(.unsure, .print, .sign)",
    "unsure": ".unsure",
    "print": ".print",
    "sign": ".sign",
}


def with_signs(*, remarks: tuple[str, ...] = (TURNED,)) -> Reading:
    """3,5? in large digits, below them a printed 9, and a sign on a second page."""
    return reading(
        digit(3, (40, 30, 60, 90)),
        digit(5, (150, 30, 60, 90)),
        digit(7, (230, 30, 60, 90), accepted=False, reason="may be no digit"),
        digit(9, (40, 200, 16, 24), printed=True, line=None),
        size=(400, 300),
        n_pages=2,
        lines=("3,5?",),
        signs=(sign(",", (112, 105, 14, 26)), sign("-", (10, 60, 20, 8), page=1)),
        rotations=(90, 0),
        remarks=remarks,
    )


def answer_with(studio: Studio, value: Reading) -> None:
    def answer(route: "Route") -> None:
        route.fulfill(content_type="application/json", body=picture_reading.as_json(value))

    studio.page.route("**/api/read*", answer)


def test_signs_and_print_are_shown_for_what_they_are(studio: Studio, sample: Dataset) -> None:
    answer_with(studio, with_signs())
    assert studio.give("drop", picture_of(sample, "35")[0]) == "3,5?"
    assert studio.text_of("#meta").startswith("3 digits, 2 signs on 2 pages, 1 not sure, 1 printed · ")
    kinds = {name: studio.at(f".box{selector}") for name, selector in BOXES.items()}
    assert {name: boxes.count() for name, boxes in kinds.items()} == {
        "digit": 2,
        "unsure": 1,
        "print": 1,
        "sign": 1,
    }
    assert kinds["sign"].inner_text() == ","
    look = "box => ['outlineColor', 'outlineWidth'].map((name) => getComputedStyle(box)[name])"
    looks = {name: boxes.last.evaluate(look) for name, boxes in kinds.items()}
    assert len({colour for colour, _ in looks.values()}) == 4
    assert looks["print"][1] < looks["digit"][1]
    place, layer = kinds["sign"].bounding_box(), studio.at("#overlay").bounding_box()
    assert place is not None
    assert layer is not None
    assert abs((place["x"] - layer["x"]) / layer["width"] - 112 / 400) < 0.01
    printed = studio.at("#cards button").last
    assert printed.get_attribute("aria-label") == "Digit 4 of 4: 9, 90.0\N{NO-BREAK SPACE}%, printed"
    printed.click()
    assert studio.text_of("#detail-verdict") == "read, printed: not in the text"


def test_remarks_stand_below_the_text_and_move_nothing(studio: Studio, sample: Dataset) -> None:
    before = studio.at("#cards").bounding_box()
    answer_with(studio, with_signs())
    studio.give("drop", picture_of(sample, "35")[0])
    assert studio.at("#remarks li").all_inner_texts() == ["The picture was turned by 90 degrees to be read."]
    text, remark = studio.at("#text").bounding_box(), studio.at("#remarks li").bounding_box()
    assert text is not None
    assert remark is not None
    assert text["y"] + text["height"] <= remark["y"]
    assert studio.at("#cards").bounding_box() == before
    assert studio.text_of("#announcer") == (
        "Read 3,5?. Not sure of 1 digit: may be no digit. The picture was turned by 90 degrees to be read."
    )
    studio.page.keyboard.press("Escape")
    assert studio.at("#remarks li").count() == 0


def test_many_remarks_leave_the_text_in_sight(studio: Studio, sample: Dataset) -> None:
    answer_with(studio, with_signs(remarks=tuple(f"page {page} was turned" for page in range(1, 21))))
    studio.give("drop", picture_of(sample, "35")[0])
    assert studio.at("#remarks li").count() == 20
    is_cut = "window => window.scrollHeight > window.clientHeight + 1"
    assert not studio.at(".text-window").evaluate(is_cut)
    assert studio.at("#remarks").evaluate(is_cut)


def test_a_drawing_is_upright_and_all_of_it_is_text(studio: Studio, sample: Dataset) -> None:
    """A neat digit may pass for print, and a 6 alone for a 9 upside down."""
    answer_with(studio, with_signs())

    def last_asked() -> str:
        return [address for address in studio.requests if "/api/read" in address][-1].partition("?")[2]

    studio.draw(number("7"))
    assert last_asked() == "mode=page&printed=true&rotation=0"
    assert studio.at("#remarks li").count() == 0  # those of a page would come and go with every stroke
    studio.at("label.switch").click()
    studio.read()
    assert last_asked() == "mode=pair"
    studio.at("label.switch").click()
    studio.give("drop", picture_of(sample, "35")[0])
    assert last_asked() == "mode=page"
