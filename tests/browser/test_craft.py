"""The page on a phone, in the dark, by keyboard, and by the rules of the house."""

import re
from pathlib import Path

import numpy as np
import pytest

import digitscope.serve
from tests.browser.conftest import Open
from tests.browser.drawings import number
from tests.browser.studio import Studio

PAGE = Path(digitscope.serve.__file__).parent / "page"

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 3}

WHERE_TEXT_STANDS = {
    "body text": ("body", "body"),
    "what is secondary": (".name p", "body"),
    "the footer's link": (".page-footer a", "body"),
    "an invitation on the sheet": (".invitation span", "--sheet"),
    "what was read": ("#text", ".readout"),
    "what is beside the reading": (".meta", ".readout"),
    "a remark": ("#remarks", ".readout"),
    "a hint below": (".cards", ".cards"),
    "a button": ("#clear", "#clear"),
    "the main button": ("#start", "#start"),
    "a tab": ("#inside-tab", "body"),
    "the diagnosis": ("#diagnosis", "#diagnosis"),
    "a complaint": (".complaint-row", "body"),
    "a caption": ("figcaption", "body"),
    "a label of a control": (".controls label", ".controls"),
}

CONTRAST = """([text, ground]) => {
    const canvas = new OffscreenCanvas(1, 1), context = canvas.getContext('2d', { willReadFrequently: true });
    const light = (colour) => {
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((byte) => {
            const share = byte / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const probe = document.querySelector('#stage');
    if (ground.startsWith('--')) probe.style.backgroundColor = `var(${ground})`;
    const colour = getComputedStyle(document.querySelector(text)).color;
    const behind = ground.startsWith('--') ? probe : document.querySelector(ground);
    const under = getComputedStyle(behind).backgroundColor;
    const [darker, lighter] = [light(colour), light(under)].sort((a, b) => a - b);
    return (lighter + 0.05) / (darker + 0.05);
}"""
"""The contrast ratio of WCAG 2.2, of opaque colours as they are painted."""

HERE = "(focused) => [focused.id || focused.textContent, focused.matches(':focus-visible')]"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(open_studio: Open, scheme: str) -> None:
    studio = open_studio(color_scheme=scheme)
    assert studio.at("html").get_attribute("data-theme") == scheme
    ratios = {name: studio.page.evaluate(CONTRAST, list(pair)) for name, pair in WHERE_TEXT_STANDS.items()}
    assert {name: round(ratio, 2) for name, ratio in ratios.items() if ratio < 4.5} == {}


def test_the_theme_is_the_users_and_kept_in_the_address_alone(open_studio: Open) -> None:
    studio = open_studio(color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = studio.page.evaluate(paper)
    studio.at("#theme").click()
    assert studio.at("#theme").get_attribute("aria-pressed") == "true"
    assert studio.page.evaluate(paper) != light
    assert studio.page.url.endswith("?theme=dark")
    assert studio.draw(number("4")) == "4"
    studio.page.reload()
    assert studio.at("html").get_attribute("data-theme") == "dark"
    assert studio.page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]


def test_a_phone(open_studio: Open) -> None:
    studio = open_studio(**PHONE)
    sheet = studio.at("#sheet").bounding_box()
    assert sheet is not None
    client = studio.page.context.new_cdp_session(studio.page)
    for line in number("5", 0.6)[0].on_sheet(sheet["width"], sheet["height"]):
        points = [{"x": sheet["x"] + x, "y": sheet["y"] + y} for x, y in line]
        client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[:1]})
        for point in points[1:]:
            client.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert studio.read() == "5"
    for tab in ("How sure", "Look inside", "Watch it learn"):
        studio.open_tab(tab)
        assert studio.page.evaluate("document.documentElement.scrollWidth") == 390
        assert studio.page.evaluate("scrollX") == 0


def test_no_width_has_to_be_scrolled_sideways(open_studio: Open) -> None:
    width = 320
    studio = open_studio(viewport={"width": width, "height": 640})
    studio.draw(number("4711"))
    for tab in ("How sure", "Look inside", "Watch it learn"):
        studio.open_tab(tab)
        assert studio.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    studio.wait_for("!document.querySelector('#start').disabled")
    assert studio.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    cut = """[...document.querySelectorAll('main button, main label, .tabs')]
        .filter((each) => each.checkVisibility() && !each.closest('.cards'))
        .filter((each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== 'inline')
        .map((each) => each.outerHTML)"""
    assert studio.page.evaluate(cut) == []


def test_a_phone_on_its_side_is_scrolled_beside_the_sheet(open_studio: Open) -> None:
    studio = open_studio(**{**PHONE, "viewport": {"width": 844, "height": 390}})
    stage = studio.at("#stage").bounding_box()
    assert stage is not None
    assert stage["y"] + stage["height"] < 390 - 40  # the tools are in sight too
    assert stage["width"] < 844 / 2
    client = studio.page.context.new_cdp_session(studio.page)
    for x, scrolls in ((stage["x"] + stage["width"] / 2, False), (700, True)):
        client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": 280}]})
        for y in range(260, 90, -20):
            client.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y}]})
            studio.page.wait_for_timeout(20)
        client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        assert (studio.page.evaluate("scrollY") > 100) == scrolls


def test_what_is_selected_shows_in_the_systems_own_colours(open_studio: Open) -> None:
    studio = open_studio(forced_colors="active")
    highlight = studio.page.evaluate(
        """() => {
            const probe = document.body.appendChild(document.createElement('i'));
            probe.style.cssText = 'forced-color-adjust: none; color: Highlight';
            return getComputedStyle(probe).color;
        }"""
    )
    studio.draw(number("47"))
    studio.at("label.switch").click()
    studio.at("label.switch").click()
    studio.read()

    def styles(selector: str, name: str) -> list[str]:
        found: list[str] = studio.page.evaluate(
            "([all, name]) => [...document.querySelectorAll(all)].map((each) => getComputedStyle(each)[name])",
            [selector, name],
        )
        return found

    chosen = {
        ".box.selected": "outlineColor",
        ".card[aria-pressed=true]": "outlineColor",
        ".tabs [aria-selected=true]": "borderBottomColor",
        "#detail-bars .top .bar": "backgroundColor",
    }
    others = {
        ".box:not(.selected)": "outlineColor",
        ".card[aria-pressed=false]": "outlineColor",
        ".tabs [aria-selected=false]": "borderBottomColor",
        "#detail-bars li:not(.top) .bar": "backgroundColor",
        ".track": "backgroundColor",
    }
    assert {selector: styles(selector, name) for selector, name in chosen.items()} == {
        selector: [highlight] for selector in chosen
    }
    for selector, name in others.items():
        assert highlight not in styles(selector, name), selector
    studio.at("label.switch").click()
    assert styles(".track", "backgroundColor") == [highlight]


def test_everything_is_reached_by_tab_and_seen_there(studio: Studio) -> None:
    focusable = "button:not(:disabled), input:not([type=file]), select, a[href], canvas[tabindex], [role=tabpanel]"
    visible = f"""[...document.querySelectorAll('{focusable}')]
        .filter((each) => each.tabIndex >= 0 && each.checkVisibility())
        .map((each) => each.id || each.textContent)"""
    studio.draw(number("7"))
    studio.open_tab("Watch it learn")
    studio.wait_for("!document.querySelector('#start').disabled")
    expected = studio.page.evaluate(visible)
    studio.at(".skip").focus()
    reached = [studio.text_of(".skip")]
    for _ in expected[1:]:
        studio.page.keyboard.press("Tab")
        name, is_visible = studio.page.evaluate(f"({HERE})(document.activeElement)")
        reached.append(name)
        assert is_visible, name
    assert [name for name in expected if name not in reached] == []


def assert_read(text: str, drawn: str) -> None:
    """The examples are as regular as print, so half of them may be unsure."""
    assert len(text) == len(drawn)
    assert all(found in (true, "?") for found, true in zip(text, drawn, strict=True))
    assert text.count("?") <= len(drawn) / 2


def test_a_number_without_a_pointer(studio: Studio) -> None:
    studio.at("#sheet").press_sequentially("3690")
    studio.wait_for("document.querySelectorAll('.box').length === 4")
    assert_read(studio.read(), "3690")
    studio.page.keyboard.press("Backspace")
    assert_read(studio.read(), "369")
    studio.at("#try-digit").focus()
    studio.page.keyboard.press("Enter")
    assert studio.read() == "7"
    studio.at("#reading-tab").focus()
    studio.page.keyboard.press("ArrowRight")
    assert studio.at("#inside-panel").is_visible()
    assert studio.page.evaluate("document.activeElement.id") == "inside-tab"
    studio.page.keyboard.press("End")
    assert studio.at("#learning-panel").is_visible()


def test_every_example_is_read(studio: Studio) -> None:
    studio.at("#sheet").press_sequentially("0123456789")
    studio.wait_for("document.querySelectorAll('.box').length === 10")
    assert_read(studio.read(), "012345\n6789")


def test_an_example_that_is_seen_being_drawn(open_studio: Open) -> None:
    studio = open_studio(reduced_motion="no-preference")
    studio.at("#try-digit").click()
    assert "inviting" not in (studio.at("#stage").get_attribute("class") or "")
    studio.at(".box").wait_for()
    assert studio.read() == "7"


def test_an_example_lies_within_the_sheet(studio: Studio) -> None:
    number = "888"
    strokes = studio.imported("examples", "exampleOf", number, 26)
    places = np.array([point for stroke in strokes for point in stroke["points"]])
    assert (places.min(axis=0) > [13, 13]).all()
    assert (places.max(axis=0) < [987, 737]).all()


def test_nothing_moves_when_results_arrive(studio: Studio) -> None:
    places = """[...document.querySelectorAll('#stage, .tools, .readout, .cards, .tabs, .panel, #detail-bars')]
        .map((each) => { const { x, y, width } = each.getBoundingClientRect(); return [x, y, width]; })"""
    before = studio.page.evaluate(places)
    studio.draw(number("4711"))
    assert studio.page.evaluate(places) == before


def test_the_page_is_marked_up_for_screen_readers(studio: Studio) -> None:
    page = studio.page
    assert page.get_by_role("heading", level=1).count() == 1
    for landmark in ("banner", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1
    selector = "button, input:not([hidden]), select, canvas[tabindex], [role=img], img"
    unnamed = f"""[...document.querySelectorAll('{selector}')]
        .filter((each) => !each.textContent.trim() && !each.labels?.length)
        .filter((each) => !each.getAttribute('aria-label') && !each.hasAttribute('alt'))
        .map((each) => each.outerHTML)"""
    assert page.evaluate(unnamed) == []


def test_every_name_in_the_page_is_used() -> None:
    html, css = ((PAGE / name).read_text(encoding="utf-8") for name in ("index.html", "style.css"))
    scripts = "".join(path.read_text(encoding="utf-8") for path in (PAGE / "js").glob("*.js"))
    built = {f"{kind}-{part}" for kind in ("erase", "add") for part in ("picture", "caption")}
    built |= {f"{name}-value" for name in ("hidden", "learning_rate", "batch_size", "examples", "epochs")}
    pointed_at = {name for each in re.findall(r'(?:for|href|aria-\w+)="#?([^"]+)"', html) for name in each.split()}
    ids = set(re.findall(r'\sid="([^"]+)"', html))
    assert [
        name for name in ids - built - pointed_at if f'"{name}"' not in scripts and f"#{name}" not in css
    ] == []
    classes = {name for each in re.findall(r'class="([^"]+)"', html) for name in each.split()}
    styled = set(re.findall(r"\.([a-z][\w-]*)", re.sub(r"\{[^{}]*\}", "", css)))
    assert classes - styled == set()
    assert [name for name in styled if not re.search(rf"\b{name}\b", html + scripts)] == []
    assert set(re.findall(r"#([a-z][\w-]*)", re.sub(r"\{[^{}]*\}", "", css))) <= ids


def test_the_page_is_light_and_has_nothing_inline(studio: Studio) -> None:
    studio.open_tab("Watch it learn")
    loaded = {address for address in studio.requests if "/api/" not in address}
    sizes = {address: len(studio.page.request.get(address).body()) for address in loaded}
    assert len(sizes) > 15
    assert sum(sizes.values()) < 125_000
    html = studio.page.request.get(studio.server).text()
    assert re.findall(r"\sstyle=|<style|\son\w+=|<script(?![^>]*\ssrc=)", html) == []
