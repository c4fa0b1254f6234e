"""`/api/trainings`: a network that learns while people watch.

Data and the scratch package are imported at the first request, so that the server starts sooner.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Request, Response
from starlette.responses import StreamingResponse

from digitscope.errors import DataError
from digitscope.serve.event_stream import EVENT_STREAM, event_stream
from digitscope.serve.examples import NEW_TRAINING
from digitscope.serve.framed_digit import BODY, digit_in_base64, digit_in_body
from digitscope.serve.problems import Problem, problem_responses
from digitscope.serve.training import Training
from digitscope.serve.training_schemas import (
    DataHere,
    NewTraining,
    StartedTraining,
    TrainingData,
    TrainingOptions,
    ranges,
)
from digitscope.serve.trainings import Trainings
from digitscope.serve.uploads import JSON, content_type, unsupported

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


def router(trainings: Trainings) -> APIRouter:
    """Return the routes that start, follow and stop `trainings`."""
    routes = APIRouter(prefix="/api/trainings", tags=["watch it learn"])
    api = _Api(trainings)
    started = problem_responses(400, 408, 409, 413, 415, 422, 429, 503) | LOCATION
    followed = problem_responses(404, 422) | EVENT_STREAM
    drawn = problem_responses(404, 408, 413, 415, 422, 503)
    routes.get("/options", operation_id="training_options")(api.options)
    routes.post(
        "", operation_id="start_training", status_code=201, responses=started, dependencies=[Depends(_check_json)]
    )(api.start)
    follow = routes.get(
        "/{training_id}/events", operation_id=FOLLOW, response_class=StreamingResponse, responses=followed
    )
    draw = routes.put(
        "/{training_id}/drawing", operation_id=DRAW, status_code=204, responses=drawn, openapi_extra=dict(BODY)
    )
    stop = routes.delete(
        "/{training_id}", operation_id=STOP, status_code=204, responses=problem_responses(404, 503)
    )
    follow(api.events)
    draw(api.draw)
    stop(api.stop)
    return routes


New = Annotated[
    NewTraining, Body(openapi_examples={"quick": {"summary": "done in a second", "value": dict(NEW_TRAINING)}})
]


async def _check_json(request: Request) -> None:
    kind = content_type(request.headers)
    if kind != JSON:
        raise unsupported(kind, JSON)


class _Api:
    """The routes; the first line of each docstring is in the OpenAPI description."""

    def __init__(self, trainings: Trainings) -> None:
        self._trainings = trainings

    def options(self) -> TrainingOptions:
        """Return the accepted settings of a training, and the available data."""
        from digitscope.scratch import ACTIVATIONS

        data = [DataHere(name="sample", title="sample of 4,000 digits")]
        if _mnist_folder() is not None:
            data.append(DataHere(name="mnist", title="full MNIST, 54,000 digits"))
        return TrainingOptions(activations=list(ACTIVATIONS), data=data, ranges=ranges(), defaults=NewTraining())

    async def start(self, new: New, response: Response) -> StartedTraining:
        """Start a training in its own process; the answer comes when its data is loaded."""
        started = await _started(self._trainings, new)
        response.headers["Location"] = f"/api/trainings/{started.id}"
        return started

    async def events(
        self,
        training_id: str,
        last_event_id: Annotated[int, Header(ge=0, description="go on after this event")] = 0,
    ) -> StreamingResponse:
        """Follow a training from its beginning to its end; one that nobody follows is stopped."""
        return event_stream(self._known(training_id), last_event_id)

    async def draw(self, training_id: str, request: Request) -> None:
        """Have another digit read after every epoch from now on."""
        training = self._known(training_id)
        await training.draw(await digit_in_body(request))

    async def stop(self, training_id: str) -> None:
        """Stop a training, end its event streams, and remove it."""
        await self._trainings.remove(self._known(training_id))

    def _known(self, training_id: str) -> Training:
        try:
            return self._trainings[training_id]
        except KeyError:
            detail = f"no training {training_id[:80]!r}: it never was, or has ended a while ago; start another"
            raise Problem(404, "Not Found", detail) from None


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
    lesson = Lesson(new.settings(), new.seed, None if folder is None else str(folder), new.examples)
    training = await trainings.start(lesson, None if new.drawing is None else digit_in_base64(new.drawing))
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
