import asyncio
import threading
from typing import NoReturn

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from digitscope.serve import Limits
from digitscope.serve.problems import Problem
from digitscope.serve.workers import Workers


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


def test_what_a_function_returns_or_raises_is_handed_on() -> None:
    def fail() -> NoReturn:
        raise ZeroDivisionError

    workers = Workers(Limits())
    assert asyncio.run(workers.do(request(stay), lambda: 7)) == 7
    with pytest.raises(ZeroDivisionError):
        asyncio.run(workers.do(request(stay), fail))


def test_nothing_is_begun_for_a_client_that_left_or_waited_too_long() -> None:
    workers = Workers(Limits(processes=1, reading_seconds=0.2))
    may_end = threading.Event()
    begun: list[str] = []

    async def together() -> list[object]:
        workers.begin(may_end.wait)
        waiting = (
            workers.do(request(leave), lambda: begun.append("of who left"), quick=True),
            workers.do(request(stay), lambda: begun.append("of who waited"), quick=True),
        )
        return [*await asyncio.gather(*waiting, return_exceptions=True)]

    left, late = asyncio.run(together())
    may_end.set()
    assert isinstance(left, ClientDisconnect)
    assert isinstance(late, Problem)
    assert late.status_code == 503
    assert asyncio.run(workers.do(request(stay), lambda: "afterwards", quick=True)) == "afterwards"
    assert begun == []


def test_what_has_begun_is_stopped_a_little_after_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digitscope.serve.workers.PATIENCE_SECONDS", 0.1)
    workers = Workers(Limits(processes=1))
    stopped = threading.Event()
    at_stop: list[str] = []

    def work() -> str:
        assert stopped.wait(5)
        return "stopped"

    def stop(name: str) -> None:
        at_stop.append(name)
        stopped.set()

    async def together() -> None:
        assert await workers.do(request(stay), lambda: "done", stop=lambda: stop("of what was done")) == "done"
        with pytest.raises(ClientDisconnect):
            await workers.do(request(leave), work, stop=lambda: stop("of who left"))
        assert at_stop == []
        await asyncio.sleep(0.2)

    asyncio.run(together())
    assert at_stop == ["of who left"]


def test_what_fails_while_nobody_waits_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> NoReturn:
        raise OSError("no such thing")

    workers = Workers(Limits(processes=1))
    workers.begin(fail)
    asyncio.run(workers.do(request(stay), lambda: None, quick=True))
    assert caplog.messages == ["what was begun has failed"]
    assert "OSError: no such thing" in caplog.text


def test_no_more_threads_work_than_may() -> None:
    workers = Workers(Limits(processes=2))
    at_work: list[str] = []
    both = threading.Barrier(2, timeout=5)

    def work() -> int:
        at_work.append(threading.current_thread().name)
        both.wait()
        return len(set(at_work))

    async def together() -> list[int]:
        return await asyncio.gather(*(workers.do(request(stay), work) for _ in range(8)))

    assert max(asyncio.run(together())) == 2


def test_what_is_quick_is_done_beside_the_rest() -> None:
    workers = Workers(Limits(processes=1))
    names: list[str] = []
    both = threading.Barrier(2, timeout=5)

    def long() -> None:
        both.wait()

    def quick() -> None:
        names.append(threading.current_thread().name)
        if len(names) == 3:
            both.wait()

    async def together() -> None:
        tasks = [
            workers.do(request(stay), long),
            *(workers.do(request(stay), quick, quick=True) for _ in range(3)),
        ]
        await asyncio.gather(*tasks)

    asyncio.run(together())
    assert len(names) == 3
    assert len(set(names)) == 1
