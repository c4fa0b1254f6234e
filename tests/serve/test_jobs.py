"""Jobs end when they should: with a result, when nobody waits for them any more, or when the time is up."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from digitscope.serve import Limits, jobs
from digitscope.serve.jobs import Jobs
from digitscope.serve.problems import Problem


def request(receive: Receive) -> Request:
    return Request({"type": "http"}, receive)


async def stay() -> Message:
    """Stay until the answer is there."""
    await asyncio.Event().wait()
    raise AssertionError


async def leave() -> Message:
    """Leave soon."""
    await asyncio.sleep(0.05)
    return {"type": "http.disconnect"}


def sleeping(begun: list[str], name: str, seconds: float = 60) -> Callable[[], Coroutine[Any, Any, str]]:
    async def work() -> str:
        begun.append(name)
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            begun.append(f"{name} cancelled")
            raise
        return name

    return work


def test_what_work_returns_or_raises_is_handed_on() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    assert asyncio.run(Jobs(Limits()).do(request(stay), sleeping([], "done", 0))) == "done"
    with pytest.raises(ZeroDivisionError):
        asyncio.run(Jobs(Limits()).do(request(stay), fail))


def test_nothing_is_begun_for_a_client_that_left_or_waited_too_long() -> None:
    begun: list[str] = []

    async def together() -> list[object]:
        some = Jobs(Limits(processes=1, reading_seconds=0.2))
        running = asyncio.ensure_future(some.do(request(stay), sleeping(begun, "first", 0.15)))
        await asyncio.sleep(0)
        waiting = [some.do(request(each), sleeping(begun, "later")) for each in (leave, stay)]
        quick = some.do(request(stay), sleeping(begun, "quick", 0.01), quick=True)
        return [*await asyncio.gather(running, quick, *waiting, return_exceptions=True)]

    first, quick, left, late = asyncio.run(together())
    assert (first, quick) == ("first", "quick")
    assert isinstance(left, ClientDisconnect)
    assert isinstance(late, Problem)
    assert late.status_code == 503
    assert begun[:2] == ["first", "quick"]
    assert begun.count("later") <= 1  # that of the client who stayed


def test_what_has_begun_is_cancelled_a_little_after_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PATIENCE_SECONDS", 0.1)
    begun: list[str] = []

    async def together() -> str:
        some = Jobs(Limits(processes=1))
        with pytest.raises(ClientDisconnect):
            await some.do(request(leave), sleeping(begun, "long"))
        assert begun == ["long"]
        return await some.do(request(stay), sleeping(begun, "next", 0))

    assert asyncio.run(together()) == "next"
    assert begun == ["long", "long cancelled", "next"]
