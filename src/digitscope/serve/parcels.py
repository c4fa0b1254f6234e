"""Parcels between two processes: a line of JSON, and as many bytes after it as `bytes` in it says."""

import json
from typing import IO, Any


def send(stream: IO[bytes], content: bytes, **head: Any) -> None:
    """Write one parcel.

    Raises:
        OSError: nobody reads any more.
    """
    stream.write(json.dumps({**head, "bytes": len(content)}).encode() + b"\n")
    stream.write(content)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Return the head and the content of the next parcel.

    Raises:
        EOFError: the other process has ended.
    """
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    head = json.loads(line)
    content = stream.read(head["bytes"])
    if len(content) < head["bytes"]:
        raise EOFError
    return head, content
