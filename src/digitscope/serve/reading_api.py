"""The part of the API that reads: pictures, images for a network, one digit looked into, and the networks here."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from functools import cached_property, partial
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from digitscope.errors import ClusterError
from digitscope.reading import Recognizer, shipped_path
from digitscope.reading.recognizer import TASK_OF_SHAPE
from digitscope.serve import examples, picture_reading, schemas
from digitscope.serve.bodies import DIGIT_BODY, FIELD, digit_of, files_of, images_of, picture_of
from digitscope.serve.content_types import BYTES, FORM, JSON, PDF
from digitscope.serve.jobs import Jobs
from digitscope.serve.picture_reading import NetworkFile
from digitscope.serve.problems import Problem, problem_responses
from digitscope.serve.settings import Limits
from digitscope.workers import Workers

if TYPE_CHECKING:
    from digitscope.serve.inside import Inside

LOG = logging.getLogger("digitscope.serve")

SMALL_BODY = 16_384  # bytes of images that are read at once; handing them to a thread takes longer
SMALL_PICTURE = 65_536  # bytes of a picture up to which it does not wait for larger ones
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
        "schema": {"oneOf": [schemas.DigitImages.model_json_schema(), schemas.PairImages.model_json_schema()]},
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
    """The reading routes, with fixed networks: `digits` for single ones, and those for pairs, pages and items."""

    def __init__(self, digits: Recognizer, limits: Limits) -> None:
        others: tuple[schemas.Reads, ...] = ("two-digit", "page", "item")
        self._files: dict[schemas.Reads, NetworkFile] = {"digit": NetworkFile.of(digits.path, digits.content)}
        self._files |= {reads: NetworkFile.of(shipped_path(reads)) for reads in others}
        pairs, networks = self._files["two-digit"], self._files.values()
        self._networks: dict[schemas.Reads, Recognizer]
        self._networks = {"digit": digits, "two-digit": Recognizer(pairs.path, content=pairs.content)}
        self._workers = Workers(2 * limits.processes, picture_reading.begin, *networks, limits.pages)
        self._warm_up: Future[int] | None = None
        self._jobs = Jobs(limits)
        self._most_images = limits.images
        self.close = self._workers.close

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/api")
        usual = (400, 408, 413, 415, 503)
        for path, name, answer, statuses, body, function in (
            ("/read", "read_picture", schemas.ReadPicture, usual, PICTURE_BODY, self.read),
            ("/forms/read", "read_form", schemas.ReadForms, (*usual, 501), FORM_BODY, self.read_form),
            ("/predict", "predict_images", schemas.Predictions, usual, IMAGES_BODY, self.predict),
        ):
            router.post(
                path,
                operation_id=name,
                response_model=answer,
                responses=problem_responses(*sorted(statuses)),
                openapi_extra={"requestBody": {"required": True, "content": body}},
                tags=["read"],
            )(function)
        router.get("/models", operation_id="list_models", tags=["read"])(self.models)
        router.head("/models", include_in_schema=False)(self.models)
        router.post(
            "/inside",
            operation_id="look_inside",
            responses=problem_responses(408, 413, 415, 422, 503),
            openapi_extra=dict(DIGIT_BODY),
            tags=["look inside"],
        )(self.look_inside)
        return router

    async def read(self, request: Request, options: Annotated[schemas.ReadOptions, Query()]) -> Response:
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
            # A second process would only slow down the first, which is starting.
            if self._warm_up and not self._warm_up.done():
                await asyncio.wait({asyncio.wrap_future(self._warm_up)})
            return await asyncio.wrap_future(self._workers.submit(work))

        try:
            content = await self._jobs.do(request, read_in_worker, quick=quick)
        except ClusterError as error:
            LOG.error("a process that reads has ended over a picture (%s)", error)
            detail = "the process that read the picture has ended: try again, or with another form of the picture"
            raise Problem(503, detail, Retry_After="10") from None
        return Response(content, media_type=JSON)

    async def predict(self, request: Request) -> Response:
        """Read images framed as MNIST's are, ink 255 on 0: 28 rows are one digit, 42 are two over each other."""
        body = await request.body()
        work = partial(self._predict, body, request)
        if len(body) <= SMALL_BODY:
            return work()
        return await self._jobs.do(request, partial(run_in_threadpool, work))

    async def models(self) -> list[schemas.Model]:
        """Tell which networks read here."""
        return [
            schemas.Model(
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

    def _predict(self, body: bytes, request: Request) -> JSONResponse:
        images = images_of(body, request.headers, READ_SHAPES)
        if len(images) > self._most_images:
            detail = f"{len(images):,} images are too many for one call: expected at most {self._most_images:,}"
            raise Problem(413, detail)
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

    @cached_property
    def _inside(self) -> "Inside":
        from digitscope.serve.inside import Inside  # which loads more than the other routes need

        return Inside(self._networks["digit"])

    async def look_inside(
        self, request: Request, digit: Annotated[NDArray[np.uint8], Depends(digit_of)]
    ) -> schemas.InsideView:
        """Tell which ink decided, what the layers see, what looks alike, and what would change the reading."""
        return await self._jobs.do(request, partial(run_in_threadpool, lambda: self._inside.view(digit)))


def _rounded(numbers: NDArray[np.float32]) -> Any:
    return numbers.astype(np.float64).round(DECIMALS).tolist()
