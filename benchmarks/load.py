"""Measure `digitscope serve` under load: requests a second, latency, errors, memory.

    python -m benchmarks.load [--seconds 30] [--connections 32] [--stalling N] [--json]

Client and server share the machine's cores. Each row is one kind of request. Keep-alive connections send it again
and again without a pause. `--stalling N` adds N clients that send half a request and wait, and N clients that
repeatedly leave in the middle of one. Memory is the resident set of the server and its processes, after one second
of requests and at the end.
"""

import argparse
import asyncio
import io
import json
import os
import statistics
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from digitscope.data import load_sample

HEADER = ("request", "requests/s", "p50 ms", "p99 ms", "errors", "memory at start, MB", "at end, MB")

WARM_UP_SECONDS = 1.0

PATIENCE_SECONDS = 0.2
"""Seconds after which a client leaves that does not wait for its answer."""


@dataclass
class Tally:
    """The requests so far: latencies in seconds, and the number of answers other than 200."""

    seconds: list[float] = field(default_factory=list)
    errors: int = 0


@dataclass(frozen=True)
class Row:
    """The results of one kind of request."""

    name: str
    per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    start_mb: float
    end_mb: float


def canvas_png() -> bytes:
    """Return a sheet of 280x280 pixels with one digit, as the page's canvas sends it."""
    sheet = np.full((280, 280), 255, np.uint8)
    digit = np.asarray(Image.fromarray(load_sample().test.images[0]).resize((168, 168), Image.Resampling.BICUBIC))
    sheet[56:224, 56:224] = 255 - digit
    file = io.BytesIO()
    Image.fromarray(sheet).convert("RGBA").save(file, "PNG")
    return file.getvalue()


def requests() -> dict[str, bytes]:
    """Return the requests that are measured, as they go over the wire."""
    digit = load_sample().test.images[0].tobytes()
    return {
        "/api/predict, one digit": request("/api/predict", digit, "application/octet-stream"),
        "/api/read, canvas of 280x280": request("/api/read", canvas_png(), "image/png"),
    }


def request(path: str, body: bytes, kind: str) -> bytes:
    """Return a request's bytes."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def answered(reader: asyncio.StreamReader) -> bool:
    """Read one answer to its end, and return whether its status is 200."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return head.startswith(b"HTTP/1.1 200")


async def ask(port: int, sent: bytes, until: float, tally: Tally) -> None:
    """Send a request again and again over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (start := time.perf_counter()) < until:
        writer.write(sent)
        try:
            is_right = await answered(reader)
        except (OSError, EOFError):
            is_right = False
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        tally.seconds.append(time.perf_counter() - start)
        tally.errors += not is_right
    writer.close()


async def stall(port: int, sent: bytes, until: float) -> None:
    """Send half a request, wait for what the server does about it, and begin again."""
    while time.perf_counter() < until:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent[: len(sent) // 2])
        try:
            async with asyncio.timeout(max(0.0, until - time.perf_counter())):
                await reader.read()
        except (OSError, TimeoutError):
            pass
        writer.close()


async def leave(port: int, sent: bytes, until: float) -> None:
    """Send a request, or part of one, leave before the answer is read, and begin again."""
    while time.perf_counter() < until:
        for part in (sent, sent[: len(sent) // 2], sent[:20]):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(part)
            await asyncio.sleep(PATIENCE_SECONDS)
            writer.transport.abort()


@asynccontextmanager
async def server() -> AsyncIterator[tuple[int, int]]:
    """Run `digitscope serve`, and yield its process id and port."""
    call = [sys.executable, "-m", "digitscope", "serve", "--port", "0"]
    process = await asyncio.create_subprocess_exec(*call, stdout=PIPE, stderr=DEVNULL)
    url = await process.stdout.readline() if process.stdout else b""
    try:
        yield process.pid, int(url.rpartition(b":")[2])
    finally:
        process.terminate()
        await process.wait()


def resident_mb(process: int) -> float:
    """Return the resident set of a process and of those that it has started."""
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    started = " ".join(file.read_text() for file in Path(f"/proc/{process}/task").glob("*/children")).split()
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6 + sum(resident_mb(int(child)) for child in started)


async def measure(name: str, sent: bytes, *, connections: int, stalling: int, seconds: float) -> Row:
    """Send one kind of request to a server of its own."""
    async with server() as (process, port):
        warm_up = time.perf_counter() + WARM_UP_SECONDS
        await asyncio.gather(*(ask(port, sent, warm_up, Tally()) for _ in range(connections)))
        start_mb, start, tally = resident_mb(process), time.perf_counter(), Tally()
        until = start + seconds
        await asyncio.gather(
            *(ask(port, sent, until, tally) for _ in range(connections)),
            *(stall(port, sent, until) for _ in range(stalling)),
            *(leave(port, sent, until) for _ in range(stalling)),
        )
        percentiles = statistics.quantiles(tally.seconds, n=100)
        return Row(
            name,
            len(tally.seconds) / (time.perf_counter() - start),
            1000 * percentiles[49],
            1000 * percentiles[98],
            tally.errors,
            start_mb,
            resident_mb(process),
        )


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    cells = [
        (
            row.name,
            f"{row.per_second:,.0f}",
            f"{row.p50_ms:.1f}",
            f"{row.p99_ms:.1f}",
            str(row.errors),
            f"{row.start_mb:.0f}",
            f"{row.end_mb:.0f}",
        )
        for row in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in (HEADER, ["---"] * len(HEADER), *cells))


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--stalling", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    settings = {name: getattr(options, name) for name in ("connections", "stalling", "seconds")}
    rows = [asyncio.run(measure(name, sent, **settings)) for name, sent in requests().items()]
    print(json.dumps([asdict(row) for row in rows]) if options.json else table(rows))


if __name__ == "__main__":
    main()
