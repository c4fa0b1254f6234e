"""Look inside the network for the digit that is selected."""

from tests.browser.drawings import number
from tests.browser.studio import Studio


def test_what_is_inside(studio: Studio) -> None:
    studio.open_tab("Look inside")
    assert studio.text_of("#inside-line") == "Draw a digit first."
    assert studio.draw(number("471")) == "471"
    studio.wait_for("document.querySelector('#inside-line').textContent.startsWith('Read as 1 with ')")
    assert studio.at("#neighbours canvas").count() == 8
    titles = studio.at("#layers h4").all_inner_texts()
    sides = [title.split()[-1] for title in titles]
    assert sides == [f"{side}\N{MULTIPLICATION SIGN}{side}" for side in (12, 10, 4, 4, 4)]
    assert studio.at("#layers canvas").count() == 16 + 32 + 64 + 64 + 96
    assert studio.text_of("#legend-high") == "for 1"
    assert "less likely" in studio.text_of("#occlusion-caption")
    assert "nats" not in studio.text_of("#inside-panel")
    lit = "canvas => new Set(new Uint32Array(canvas.getContext('2d').getImageData(0, 0, 28, 28).data.buffer)).size"
    assert studio.at("#occlusion canvas").evaluate(lit) > 10
    assert studio.text_of("#erase-caption")
    assert studio.text_of("#add-caption")


def test_it_asks_for_no_digit_while_it_looks_into_one(studio: Studio) -> None:
    studio.page.route("**/api/inside", lambda _: None)  # no answer
    studio.open_tab("Look inside")
    studio.draw(number("1"))
    studio.wait_for("document.querySelector('#inside-line').textContent.startsWith('Looking inside')")
    studio.page.unroute("**/api/inside")  # what waits goes on
    studio.wait_for("document.querySelector('#inside-line').textContent.startsWith('Read as 1 with ')")


def test_what_the_occlusion_map_comes_to(studio: Studio) -> None:
    captions = [studio.imported("inside", "occlusionCaption", 5, nats) for nats in (0, 0.04, 1.386)]
    assert captions == [
        "No spot decides alone: without any one of them 5 is as likely.",
        "No spot decides alone: without any one of them 5 is as likely.",
        "Without its brightest blue, 5 is 4 times less likely.",
    ]


def test_another_digit_is_looked_into_when_it_is_selected(studio: Studio) -> None:
    studio.open_tab("Look inside")
    studio.draw(number("471"))
    for place, label in enumerate("471"):
        studio.at("#cards button").nth(place).click()
        studio.wait_for(f"document.querySelector('#inside-line').textContent.startsWith('Read as {label} ')")
    labels = studio.at("#neighbours span").all_inner_texts()
    assert labels.count("1") > 4


def test_pairs_are_not_looked_into(studio: Studio) -> None:
    studio.open_tab("Look inside")
    studio.at("label.switch").click()
    studio.draw(number("8"))
    studio.wait_for("document.querySelector('#inside-line').textContent.startsWith('Two digits over')")
    assert studio.at("#inside-views").is_hidden()
