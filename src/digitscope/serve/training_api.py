"""`/api/trainings`: a network that learns while people watch.

Data and the scratch package are imported at the first request, so that the server starts sooner.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from digitscope.errors import DataError
from digitscope.serve.bodies import DIGIT_BODY, content_type, digit_in_base64, digit_of, unsupported
from digitscope.serve.content_types import JSON
from digitscope.serve.examples import EPOCH_EVENT, NEW_TRAINING
from digitscope.serve.problems import Problem, problem_responses
from digitscope.serve.schemas import (
    DataHere,
    NewTraining,
    StartedTraining,
    TrainingData,
    TrainingOptions,
    ranges,
)
from digitscope.serve.trainings import Training, Trainings

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

New = Annotated[
    NewTraining, Body(openapi_examples={"quick": {"summary": "done in a second", "value": dict(NEW_TRAINING)}})
]


routes = APIRouter(prefix="/api/trainings", tags=["watch it learn"])
"""The routes that start, follow and stop the trainings of the app: its `state.trainings`."""


async def _check_json(request: Request) -> None:
    kind = content_type(request.headers)
    if kind != JSON:
        raise unsupported(kind, JSON)


async def _trainings(request: Request) -> Trainings:
    trainings: Trainings = request.app.state.trainings
    return trainings


Here = Annotated[Trainings, Depends(_trainings)]


async def _known(training_id: str, trainings: Here) -> Training:
    try:
        return trainings[training_id]
    except KeyError:
        detail = f"no training {training_id[:80]!r}: unknown or expired; start another"
        raise Problem(404, "Not Found", detail) from None


Known = Annotated[Training, Depends(_known)]


@routes.head("/options", include_in_schema=False)
@routes.get("/options", operation_id="training_options")
def options() -> TrainingOptions:
    """Return the accepted settings of a training, and the available data."""
    from digitscope.scratch import ACTIVATIONS

    data = [DataHere(name="sample", title="sample of 4,000 digits")]
    if _mnist_folder() is not None:
        data.append(DataHere(name="mnist", title="full MNIST, 54,000 digits"))
    return TrainingOptions(activations=list(ACTIVATIONS), data=data, ranges=ranges(), defaults=NewTraining())


@routes.post(
    "",
    operation_id="start_training",
    status_code=201,
    responses=problem_responses(400, 408, 409, 413, 415, 422, 429, 503) | LOCATION,
    dependencies=[Depends(_check_json)],
)
async def start(new: New, response: Response, trainings: Here) -> StartedTraining:
    """Start a training in its own process; the answer comes when its data is loaded."""
    training = await _started(trainings, new)
    response.headers["Location"] = f"/api/trainings/{training.id}"
    return training


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
        yield ServerSentEvent(id=str(event.number), event=event.name, raw_data=event.data)


@routes.put(
    "/{training_id}/drawing",
    operation_id=DRAW,
    status_code=204,
    responses=problem_responses(404, 408, 413, 415, 422, 503),
    openapi_extra=dict(DIGIT_BODY),
)
async def draw(training: Known, request: Request) -> None:
    """Have another digit read after every epoch from now on."""
    training.draw(await digit_of(request))


@routes.delete("/{training_id}", operation_id=STOP, status_code=204, responses=problem_responses(404, 503))
async def stop(training: Known, trainings: Here) -> None:
    """Stop a training, end its event streams, and remove it."""
    await trainings.remove(training)


async def _started(trainings: Trainings, new: NewTraining) -> StartedTraining:
    """Start a training.

    Raises:
        Problem: 409 if the data are not here, 429 if others run, 503 if it ends before it began.
    """
    from digitscope.serve.live_training import Lesson

    folder = await asyncio.to_thread(_mnist_folder) if new.data == "mnist" else None
    if new.data == "mnist" and folder is None:
        detail = "full MNIST is not here: choose the sample, or get it by `digitscope data fetch`"
        raise Problem(409, "Conflict", detail)
    lesson = Lesson(new.settings(), new.seed, folder, new.examples)
    training = trainings.start(lesson, None if new.drawing is None else digit_in_base64(new.drawing))
    if training is None:
        detail = "as many trainings run already as may: stop one, or wait until one has ended"
        raise Problem(429, "Too Many Requests", detail, Retry_After="10")
    data = await training.data()
    if data is None:
        reason = "" if training.ending is None else training.ending["detail"]
        raise Problem(503, "Service Unavailable", f"the training has not begun: {reason}")
    return StartedTraining(id=training.id, data=TrainingData(**data))


def _mnist_folder() -> Path | None:
    """Return the folder with MNIST, the one that DIGITSCOPE_DATA names or else the cache; None if it has none."""
    from digitscope.data import find_data_directory, has_mnist
    from digitscope.data.local_files import cache_directory

    try:
        folder = find_data_directory() or cache_directory()
        return folder if has_mnist(folder) else None
    except DataError:
        return None
