"""`/api/trainings`: networks that learn while people watch.

Each learns in a worker process, is followed by any number of clients, and is forgotten at last. Data and the
scratch package are imported at the first request, so that the server starts sooner.
"""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from digitscope.errors import DataError
from digitscope.serve import schemas
from digitscope.serve.bodies import DIGIT_BODY, digit_in_base64, digit_of, json_only
from digitscope.serve.examples import EPOCH_EVENT, NEW_TRAINING
from digitscope.serve.problems import Problem, problem_responses
from digitscope.workers import Workers

if TYPE_CHECKING:
    from digitscope.serve.live_training import Lesson, UInt8  # which only the processes that learn have to load

NICENESS = 5  # niceness of the processes that learn, so that readings have priority

FOLLOW, DRAW, STOP = "follow_training", "change_drawing", "stop_training"

LOCATION: dict[int | str, dict[str, Any]] = {
    201: {
        "headers": {"Location": {"description": "of the training", "schema": {"type": "string"}}},
        "links": {
            name: {"operationId": name, "parameters": {"training_id": "$response.body#/id"}}
            for name in (FOLLOW, DRAW, STOP)
        },
    }
}
"""How OpenAPI describes where a training is found, and what can be done with it."""

EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "an event `epoch` after every epoch, and `end` at last, whose reason is `done`, `stopped`, "
        "`diverged` (the loss is not finite), `time` (it took too long) or `failed`",
        "content": {
            "text/event-stream": {
                "itemSchema": {
                    "type": "object",
                    "required": ["id", "event", "data"],
                    "properties": {
                        "id": {"type": "string", "description": "the event's number, from 1"},
                        "event": {"type": "string", "enum": ["epoch", "end"]},
                        "data": {"type": "string", "contentMediaType": "application/json"},
                    },
                },
                "example": dict(EPOCH_EVENT),
            }
        },
    }
}
"""How OpenAPI describes the answer, event by event."""


class Training:
    """One network that learns; see `Trainings` for the arguments.

    Attributes:
        id: how it is asked for.
        drawing: uint8 (28, 28), what is read after every epoch from now on; or None.
        ending: `reason` and `detail` of its end; None while it learns.
        task: is done when everything is told.
    """

    def __init__(
        self,
        workers: Workers,
        lesson: "Lesson",
        drawing: "UInt8 | None",
        *,
        most_seconds: float,
        most_silence: float,
    ) -> None:
        from digitscope.serve.live_training import learn

        self.id = secrets.token_hex(8)
        self.ending: dict[str, str] | None = None
        self._events: list[ServerSentEvent] = []
        self._news = asyncio.Event()
        self._followers = 0
        self.drawing = drawing
        self._most_seconds, self._most_silence = most_seconds, most_silence
        self._loop = asyncio.get_running_loop()
        self._data: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._learning = workers.submit(learn, lesson, timeout=most_seconds, on_message=self._receive)
        self._silence = self._loop.call_later(most_silence, self._stop_unheard)
        self.task = self._loop.create_task(self._wait())

    @property
    def is_over(self) -> bool:
        """Whether everything is told."""
        return bool(self._events) and self._events[-1].event == "end"

    async def data(self) -> dict[str, Any] | None:
        """Return what it learns from, `name`, `train` and `validation`; None if it ended before it had them."""
        either: list[asyncio.Future[Any]] = [self._data, self.task]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return self._data.result() if self._data.done() else None

    async def events(self, after: int = 0) -> AsyncIterator[ServerSentEvent]:
        """Yield the events from number `after` + 1 to the end."""
        self._followers += 1
        self._silence.cancel()
        try:
            while True:
                news = self._news
                for event in self._events[after:]:
                    yield event
                after = max(after, len(self._events))
                if self.is_over:
                    return
                await news.wait()
        finally:
            self._followers -= 1
            if self._followers == 0 and not self.is_over:
                self._silence = self._loop.call_later(self._most_silence, self._stop_unheard)

    def stop(self, reason: str, detail: str) -> None:
        """End it now; why is told unless it has ended already. The process has nothing that it could lose."""
        self.ending = self.ending or {"reason": reason, "detail": detail}
        self._learning.cancel()

    def _stop_unheard(self) -> None:
        self.stop("stopped", f"nobody has watched for {self._most_silence:g} seconds")

    def _receive(self, message: tuple[str, Any]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._hear, *message)

    def _hear(self, name: str, content: Any) -> None:
        if self.is_over:  # a cancelled worker goes on until it is killed
            return
        if name == "data":
            self._data.set_result(content)
        elif name == "ready":  # at most one answer is in the pipe, so that sending never blocks the loop
            with suppress(OSError):  # it has ended
                self._learning.send(self.drawing)
        else:
            self._events.append(ServerSentEvent(id=str(len(self._events) + 1), event=name, raw_data=content))
            self._news.set()
            self._news = asyncio.Event()

    async def _wait(self) -> None:
        learning = asyncio.wrap_future(self._learning)
        await asyncio.wait({learning})
        self._silence.cancel()
        if self.ending is None:
            try:
                self.ending = learning.result()
            except TimeoutError:
                self.ending = {"reason": "time", "detail": f"{self._most_seconds:g} seconds are over"}
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - its followers are told
                self.ending = {"reason": "failed", "detail": f"the process that learns has ended ({error})"}
        self._hear("end", json.dumps(self.ending))


class Trainings:
    """The trainings of a server, of which at most `most` run at once.

    One may take `most_seconds`, goes on for `most_silence` seconds with nobody following it, and is forgotten
    `kept` seconds after its end.
    """

    def __init__(
        self, *, most: int = 2, most_seconds: float = 300, most_silence: float = 30, kept: float = 60
    ) -> None:
        self._most, self._kept = most, kept
        self._limits = {"most_seconds": most_seconds, "most_silence": most_silence}
        self._trainings: dict[str, Training] = {}
        self._workers = Workers(most, *((os.nice, NICENESS) if sys.platform != "win32" else ()))

    def __getitem__(self, name: str) -> Training:
        """Return the training whose id is `name`.

        Raises:
            KeyError: there is none, or it is forgotten.
        """
        return self._trainings[name]

    def start(self, lesson: "Lesson", drawing: "UInt8 | None" = None) -> Training | None:
        """Start a training, and return it; None if there are as many as may be."""
        if sum(not training.is_over for training in self._trainings.values()) >= self._most:
            return None
        training = Training(self._workers, lesson, drawing, **self._limits)
        self._trainings[training.id] = training
        forget = asyncio.get_running_loop().call_later
        training.task.add_done_callback(lambda _: forget(self._kept, self._trainings.pop, training.id, None))
        return training

    async def remove(self, training: Training) -> None:
        """Stop a training, wait until its followers are told, and forget it."""
        training.stop("stopped", "stopped as you asked")
        await asyncio.wait([training.task])
        self._trainings.pop(training.id, None)

    async def close(self) -> None:
        """Stop all, and return when no process is left."""
        for training in self._trainings.values():
            training.stop("stopped", "the server stops")
        await asyncio.gather(*(training.task for training in self._trainings.values()))
        await asyncio.to_thread(self._workers.close)


New = Annotated[
    schemas.NewTraining,
    Body(openapi_examples={"quick": {"summary": "done in a second", "value": dict(NEW_TRAINING)}}),
]

routes = APIRouter(prefix="/api/trainings", tags=["watch it learn"])
"""The routes that start, follow and stop the trainings of the app: its `state.trainings`."""


async def _trainings(request: Request) -> Trainings:
    trainings: Trainings = request.app.state.trainings
    return trainings


Here = Annotated[Trainings, Depends(_trainings)]


async def _known(training_id: str, trainings: Here) -> Training:
    try:
        return trainings[training_id]
    except KeyError:
        detail = f"no training {training_id[:80]!r}: unknown or expired; start another"
        raise Problem(404, detail) from None


Known = Annotated[Training, Depends(_known)]


@routes.head("/options", include_in_schema=False)
@routes.get("/options", operation_id="training_options")
def options() -> schemas.TrainingOptions:
    """Return the accepted settings of a training, and the available data."""
    from digitscope.scratch import ACTIVATIONS

    data = [schemas.DataHere(name="sample", title="sample of 4,000 digits")]
    if _mnist_folder() is not None:
        data.append(schemas.DataHere(name="mnist", title="full MNIST, 54,000 digits"))
    return schemas.TrainingOptions(
        activations=list(ACTIVATIONS), data=data, ranges=schemas.ranges(), defaults=schemas.NewTraining()
    )


@routes.post(
    "",
    operation_id="start_training",
    status_code=201,
    responses=problem_responses(400, 408, 409, 413, 415, 422, 429, 503) | LOCATION,
    dependencies=[Depends(json_only)],
)
async def start(new: New, response: Response, trainings: Here) -> schemas.StartedTraining:
    """Start a training in its own process; the answer comes when its data is loaded."""
    from digitscope.serve.live_training import Lesson

    folder = await asyncio.to_thread(_mnist_folder) if new.data == "mnist" else None
    if new.data == "mnist" and folder is None:
        raise Problem(409, "full MNIST is not here: choose the sample, or get it by `digitscope data fetch`")
    lesson = Lesson(new.settings(), new.seed, folder, new.examples)
    training = trainings.start(lesson, None if new.drawing is None else digit_in_base64(new.drawing))
    if training is None:
        detail = "as many trainings run already as may: stop one, or wait until one has ended"
        raise Problem(429, detail, Retry_After="10")
    data = await training.data()
    if data is None:
        reason = "" if training.ending is None else training.ending["detail"]
        raise Problem(503, f"the training has not begun: {reason}")
    response.headers["Location"] = f"/api/trainings/{training.id}"
    return schemas.StartedTraining(id=training.id, data=schemas.TrainingData(**data))


@routes.head("/{training_id}/events", include_in_schema=False, dependencies=[Depends(_known)])
async def events_head() -> Response:
    """Tell whether there is something to follow."""
    return Response(media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


@routes.get(
    "/{training_id}/events",
    operation_id=FOLLOW,
    response_class=EventSourceResponse,
    responses=problem_responses(404, 422) | EVENT_STREAM,
)
async def events(
    training: Known, last_event_id: Annotated[int, Header(ge=0, description="go on after this event")] = 0
) -> AsyncIterator[ServerSentEvent]:
    """Follow a training from its beginning to its end; one that nobody follows is stopped."""
    async for event in training.events(last_event_id):
        yield event


@routes.put(
    "/{training_id}/drawing",
    operation_id=DRAW,
    status_code=204,
    responses=problem_responses(404, 408, 413, 415, 422, 503),
    openapi_extra=dict(DIGIT_BODY),
)
async def draw(training: Known, request: Request) -> None:
    """Have another digit read after every epoch from now on."""
    training.drawing = await digit_of(request)


@routes.delete("/{training_id}", operation_id=STOP, status_code=204, responses=problem_responses(404, 503))
async def stop(training: Known, trainings: Here) -> None:
    """Stop a training, end its event streams, and remove it."""
    await trainings.remove(training)


def _mnist_folder() -> Path | None:
    """Return the folder with MNIST, the one that DIGITSCOPE_DATA names or else the cache; None if it has none."""
    from digitscope.data import find_data_directory, has_mnist
    from digitscope.data.local_files import cache_directory

    try:
        folder = find_data_directory() or cache_directory()
        return folder if has_mnist(folder) else None
    except DataError:
        return None
