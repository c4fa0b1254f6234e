"""The events of a training as Server-Sent Events (the HTML standard, section 9.2)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any

from starlette.responses import StreamingResponse

from digitscope.serve.training import Event, Training

HEARTBEAT = 10.0
"""Seconds after which a comment is sent if nothing happens: who passes a stream on takes a silent one for dead."""

STREAM_HEADERS: Mapping[str, str] = MappingProxyType({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
"""No copy is kept, and nginx passes on what comes as it comes."""

EXAMPLE = {
    "id": "1",
    "event": "epoch",
    "data": '{"epoch": 1, "epochs": 20, "seconds": 0.05, "train_loss": 0.62, "train_accuracy": 0.8, '
    '"validation_loss": 0.3, "validation_accuracy": 0.91, '
    '"weights": {"units": [0, 1], "height": 28, "width": 28, "values": "..."}, "drawing": null}',
}

EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "an event `epoch` after every epoch, and `end` at last, whose reason is `done`, `stopped`, "
        "`diverged` (the loss is not finite), `time` (it took too long) or `failed`",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "required": ["id", "event", "data"],
                    "properties": {
                        "id": {"type": "string", "description": "the event's number, from 1"},
                        "event": {"type": "string", "enum": ["epoch", "end"]},
                        "data": {"type": "string", "contentMediaType": "application/json"},
                    },
                },
                "example": EXAMPLE,
            }
        },
    }
}
"""How OpenAPI describes the answer, event by event."""


def event_stream(training: Training, after: int) -> StreamingResponse:
    """Return the answer that brings the events of `training` behind number `after` as they happen."""
    frames = _frames(training, after)
    return StreamingResponse(frames, media_type="text/event-stream", headers=dict(STREAM_HEADERS))


async def _frames(training: Training, after: int) -> AsyncIterator[str]:
    """Yield events until the training ends; a comment if none has come for a while."""
    clock = asyncio.get_running_loop().time
    sent = clock()
    async for event in training.events(after):
        if event is not None or clock() - sent >= HEARTBEAT:
            sent = clock()
            yield _frame(event)


def _frame(event: Event | None) -> str:
    return ":\n\n" if event is None else f"id: {event.number}\nevent: {event.name}\ndata: {event.data}\n\n"
