"""The part of the API that reads: pictures, images for a network, and which networks there are."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from numpy.typing import NDArray
from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from digitscope.errors import ClusterError
from digitscope.reading import Recognizer, shipped_path
from digitscope.reading.recognizer import TASK_OF_SHAPE
from digitscope.serve import examples, picture_reading
from digitscope.serve.bodies import FIELD, files_of, images_of, picture_of
from digitscope.serve.content_types import BYTES, FORM, JSON, PDF
from digitscope.serve.jobs import Jobs
from digitscope.serve.picture_reading import NetworkFile
from digitscope.serve.problems import Problem, problem_responses
from digitscope.serve.schemas import (
    DigitImages,
    Model,
    PairImages,
    Predictions,
    ReadForms,
    ReadOptions,
    ReadPicture,
    Reads,
)
from digitscope.serve.settings import Limits
from digitscope.workers import Workers

LOG = logging.getLogger("digitscope.serve")

SMALL_BODY = 16_384
"""Bytes of images up to which they are read at once: to hand them to a thread takes longer than to read them."""

SMALL_PICTURE = 65_536
"""Bytes of a picture up to which it does not wait for larger ones."""

DECIMALS = 6

FILE = {"type": "string", "format": "binary"}

PICTURE_BODY = {
    FORM: {"schema": {"type": "object", "required": [FIELD], "properties": {FIELD: FILE}}},
    "image/png": {"schema": FILE, "examples": examples.PICTURE_SENT},
    **{kind: {"schema": FILE} for kind in ("image/jpeg", "image/webp", PDF, BYTES)},
}

FORM_FIELDS = {
    "form": "the description, a TOML file",
    "empty": "a picture of the empty form",
    "picture": "filled-in forms",
}

FORM_BODY = {
    FORM: {
        "schema": {
            "type": "object",
            "required": list(FORM_FIELDS),
            "properties": {name: {**FILE, "description": text} for name, text in FORM_FIELDS.items()},
        },
    }
}

READ_SHAPES = {shape: task for shape, task in TASK_OF_SHAPE.items() if task != "item"}

IMAGES_BODY = {
    JSON: {
        "schema": {"oneOf": [DigitImages.model_json_schema(), PairImages.model_json_schema()]},
        "example": {"images": [examples.ROWS]},
    },
    BYTES: {
        "schema": {
            "description": "one image, row by row, a byte a pixel",
            "oneOf": [{**FILE, "minLength": h * w, "maxLength": h * w} for h, w in READ_SHAPES],
        },
        "examples": examples.DIGIT_SENT,
    },
}


class ReadingApi:
    """The reading routes, with fixed networks: for single digits, for pairs, for pages and for items on them.

    Args:
        digits: reads one digit.
        jobs: take what lasts longer.
        limits: what is too much.
    """

    def __init__(self, digits: Recognizer, jobs: Jobs, limits: Limits) -> None:
        pairs, pages, items = (NetworkFile.of(shipped_path(name)) for name in ("two-digit", "page", "item"))
        single = NetworkFile.of(digits.path, digits.content)
        self._files: dict[Reads, NetworkFile] = {"digit": single, "two-digit": pairs, "page": pages, "item": items}
        self._networks: dict[Reads, Recognizer]
        self._networks = {"digit": digits, "two-digit": Recognizer(pairs.path, content=pairs.content)}
        files = (single, pairs, pages, items)
        self._workers = Workers(2 * limits.processes, picture_reading.begin, *files, limits.pages)
        self._warm_up: Future[int] = Future()
        self._warm_up.set_result(0)
        self._jobs = jobs
        self._limits = limits
        self.close = self._workers.close

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/api", tags=["read"])
        router.post(
            "/read",
            operation_id="read_picture",
            response_model=ReadPicture,
            responses=problem_responses(400, 408, 413, 415, 503),
            openapi_extra={"requestBody": {"required": True, "content": PICTURE_BODY}},
        )(self.read)
        router.post(
            "/forms/read",
            operation_id="read_form",
            response_model=ReadForms,
            responses=problem_responses(400, 408, 413, 415, 501, 503),
            openapi_extra={"requestBody": {"required": True, "content": FORM_BODY}},
        )(self.read_form)
        router.post(
            "/predict",
            operation_id="predict_images",
            response_model=Predictions,
            responses=problem_responses(400, 408, 413, 415, 503),
            openapi_extra={"requestBody": {"required": True, "content": IMAGES_BODY}},
        )(self.predict)
        router.get("/models", operation_id="list_models")(self.models)
        router.head("/models", include_in_schema=False)(self.models)
        return router

    async def read(self, request: Request, options: Annotated[ReadOptions, Query()]) -> Response:
        """Read a picture: PNG, JPEG, WebP, BMP, GIF, AVIF, HEIC (extra heif), or all pages of a TIFF or PDF file.

        PDF files need the extra pdf.
        """
        picture = await picture_of(request)
        degrees = None if options.rotation == "auto" else int(options.rotation)
        work = partial(picture_reading.read, picture, options.mode, options.printed, degrees)
        return await self._in_worker(request, work, quick=len(picture) <= SMALL_PICTURE)

    async def read_form(self, request: Request) -> Response:
        """Read the values of a filled-in form. The server needs the extra forms.

        `form` is the description of the form, a TOML file. `empty` is a picture of the empty form, and counts in
        place of the one that the description names. `picture` shows filled-in forms, one a page.
        """
        form, empty, picture = await files_of(request, *FORM_FIELDS)
        return await self._in_worker(request, partial(picture_reading.read_form, form, empty, picture))

    async def _in_worker(self, request: Request, work: Callable[[], bytes], *, quick: bool = False) -> Response:
        """Return the JSON that `work` makes in a process that reads."""

        async def read_in_worker() -> bytes:
            if not self._warm_up.done():  # a second process would only slow down the first, which is starting
                await asyncio.wait({asyncio.wrap_future(self._warm_up)})
            return await asyncio.wrap_future(self._workers.submit(work))

        try:
            content = await self._jobs.do(request, read_in_worker, quick=quick)
        except ClusterError as error:
            LOG.error("a process that reads has ended over a picture (%s)", error)
            detail = "the process that read the picture has ended: try again, or with another form of the picture"
            raise Problem(503, "Service Unavailable", detail, Retry_After="10") from None
        return Response(content, media_type=JSON)

    async def predict(self, request: Request) -> Response:
        """Read images framed as MNIST's are, ink 255 on 0: 28 rows are one digit, 42 are two over each other."""
        body = await request.body()
        work = partial(self._predict, body, request.headers)
        return work() if len(body) <= SMALL_BODY else await self._jobs.in_thread(request, work)

    async def models(self) -> list[Model]:
        """Tell which networks read here."""
        return [
            Model(
                name=file.path.stem,
                reads=reads,
                image_shape=[*self._networks[reads].image_shape] if reads in self._networks else None,
                file_bytes=len(file.content),
                card=file.card,
                default=reads == "digit",
            )
            for reads, file in self._files.items()
        ]

    def begin_warm_up(self) -> None:
        """Start a process that reads before the first request comes."""
        self._warm_up = self._workers.submit(int)

    def _predict(self, body: bytes, headers: Headers) -> JSONResponse:
        images = images_of(body, headers, READ_SHAPES)
        if len(images) > self._limits.images:
            detail = f"{len(images):,} images are too many for one call: expected at most {self._limits.images:,}"
            raise Problem(413, "Content Too Large", detail)
        task = READ_SHAPES[images.shape[1:]]
        prediction = self._networks[task].predict(images)
        distances = prediction.distances
        content = {
            "reads": task,
            "labels": prediction.labels.tolist(),
            "probabilities": _rounded(prediction.probabilities),
            "distances": None if distances is None else _rounded(distances),
        }
        return JSONResponse(content)


def _rounded(numbers: NDArray[np.float32]) -> Any:
    return numbers.astype(np.float64).round(DECIMALS).tolist()
