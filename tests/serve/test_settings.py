import dataclasses
import math
from typing import Any

import pytest

from digitscope.cores import usable_cores
from digitscope.errors import SettingError
from digitscope.serve import Access, Limits
from tests.serve.helpers import TOKEN


def test_the_defaults_are_a_process_a_core_and_what_cannot_be_changed() -> None:
    assert Limits().processes == min(usable_cores(), 4)
    assert Limits(body_seconds=1, body_bytes=10, held_bytes=10).body_seconds == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        Limits().images = 1  # type: ignore[misc]


@pytest.mark.parametrize(("name", "value"), [("images", 0), ("body_seconds", math.nan)])
def test_what_is_no_limit_is_refused_by_name(name: str, value: object) -> None:
    changes: dict[str, Any] = {name: value}
    with pytest.raises(SettingError, match=f"{name} is .*: expected"):
        Limits(**changes)


def test_all_bodies_together_have_room_for_one() -> None:
    with pytest.raises(SettingError, match="held_bytes is 9: expected room for one body"):
        Limits(body_bytes=10, held_bytes=9)


def test_what_is_no_token_is_refused_and_not_shown() -> None:
    token = "fifteen-letters"  # noqa: S105 - nobody's
    with pytest.raises(SettingError, match="expected at least 16 letters") as caught:
        Access(token)
    assert token not in str(caught.value)
    assert TOKEN not in repr(Access(TOKEN))


def test_what_is_no_bare_host_is_refused() -> None:
    host = "x:8443"
    assert Access(hosts=("my_box", "10.0.0.7", "xn--bcher-kva.example")).hosts[0] == "my_box"
    with pytest.raises(SettingError, match="is no bare name: expected one such as"):
        Access(hosts=("digits.example", host))
