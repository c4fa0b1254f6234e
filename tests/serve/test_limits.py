import dataclasses
import math
from typing import Any

import pytest

from digitscope.cores import usable_cores
from digitscope.errors import SettingError
from digitscope.serve import Access, Limits


def test_the_defaults_are_a_process_a_core_and_what_cannot_be_changed() -> None:
    assert Limits().processes == min(usable_cores(), 4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Limits().images = 1  # type: ignore[misc]


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Limits)])
@pytest.mark.parametrize("value", [0, -1, "3", None, True, math.nan, math.inf])
def test_what_is_no_limit_is_refused_by_name(name: str, value: object) -> None:
    changes: dict[str, Any] = {name: value}
    with pytest.raises(SettingError, match=f"{name} is .*: expected"):
        Limits(**changes)


def test_seconds_may_be_whole_and_counts_may_not_be_broken() -> None:
    assert Limits(body_seconds=1).body_seconds == 1
    with pytest.raises(SettingError, match=r"images is 2\.5"):
        Limits(images=2.5)  # type: ignore[arg-type]


def test_all_bodies_together_have_room_for_one() -> None:
    assert Limits(body_bytes=10, held_bytes=10).held_bytes == 10
    with pytest.raises(SettingError, match="held_bytes is 9: expected room for one body"):
        Limits(body_bytes=10, held_bytes=9)


@pytest.mark.parametrize(
    "token", ["", "short", "fifteen-letters", "with a space in it", "with\na line in it", "ü" * 16]
)
def test_what_is_no_token_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(SettingError, match="expected at least 16 letters") as caught:
        Access(token)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["https://x", "x:8443", "x/", "", "*", ".example", "a b", "b\u00fccher.example", "::1"]
)
def test_what_is_no_bare_host_is_refused(host: str) -> None:
    with pytest.raises(SettingError) as caught:
        Access(hosts=("digits.example", host))
    assert str(caught.value) == (
        f"the allowed host {host!r} is no bare name: expected one such as digits.example.org, "
        "without https://, port or path"
    )


@pytest.mark.parametrize("host", ["x", "digits.example.org", "my_box", "10.0.0.7", "xn--bcher-kva.example"])
def test_bare_hosts_are_taken(host: str) -> None:
    assert Access(hosts=(host,)).hosts == (host,)


def test_a_token_does_not_show_where_the_access_is_printed() -> None:
    assert "0123456789abcdef" not in repr(Access("0123456789abcdef"))
