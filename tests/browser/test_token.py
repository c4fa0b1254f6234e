"""A server that wants a token gets it from the address or from the user, and the page keeps it nowhere."""

from collections.abc import Iterator

import pytest

from tests.browser.conftest import Open, serving
from tests.browser.drawings import number

TOKEN = "a-token-of-24-characters"  # noqa: S105


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """The address of an app with a token."""
    pytest.importorskip("fastapi", reason="needs FastAPI, of the extra packages of serve")
    from digitscope.serve import Access

    with serving(Access(token=TOKEN)) as address:
        yield address


def test_the_token_in_the_address(open_studio: Open, guarded: str) -> None:
    studio = open_studio(f"{guarded}/#token={TOKEN}")
    assert TOKEN not in studio.page.url
    assert studio.draw(number("7")) == "7"
    assert studio.page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]


def test_a_token_in_the_address_is_taken_literally(open_studio: Open, guarded: str) -> None:
    studio = open_studio(f"{guarded}/#token={TOKEN}")
    found = studio.page.evaluate(
        """async () => {
          location.hash = "#token=abcd+efgh%2Bijklmnop==";
          return (await import("/static/js/token.js")).tokenOfAddress();
        }"""
    )
    assert found == "abcd+efgh+ijklmnop=="


def test_the_token_is_asked_for(open_studio: Open, guarded: str) -> None:
    studio = open_studio(guarded)
    studio.expected.append("status of 401")
    studio.at("#try-digit").click()
    studio.at("#token").fill("a-wrong-token-of-some-length")
    studio.page.keyboard.press("Enter")
    studio.wait_for("document.querySelector('#token').value === ''")
    studio.at("#token").fill(TOKEN)
    studio.page.keyboard.press("Enter")
    assert studio.read() == "7"
    studio.page.keyboard.press("Escape")
    studio.at("#try-digit").click()
    assert studio.read() == "7"


def test_without_a_token_it_says_so(open_studio: Open, guarded: str) -> None:
    studio = open_studio(guarded)
    studio.expected.append("status of 401")
    studio.at("#try-digit").click()
    studio.page.get_by_role("button", name="Without").click()
    assert studio.read() == ""
    assert "token" in studio.text_of("#complaint")
