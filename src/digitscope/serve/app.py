"""The web app, as a value made of its parts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from digitscope import __version__
from digitscope.errors import SettingError
from digitscope.reading import Recognizer
from digitscope.serve import training_api
from digitscope.serve.content_types import JSON
from digitscope.serve.examples import ANSWERS
from digitscope.serve.guards import AccessGuard, Answers, LoadGuard
from digitscope.serve.problems import answer_with_problem, problem_responses
from digitscope.serve.reading_api import ReadingApi
from digitscope.serve.schemas import Health
from digitscope.serve.settings import Access, Limits
from digitscope.serve.training_api import Trainings

if TYPE_CHECKING:
    from digitscope.forms.editing import FormFile
    from digitscope.forms.store import Store

PAGES = StaticFiles(directory=Path(__file__).parent / "page")

DESCRIPTION = """\
Reads digits: one, two written over each other, or a page of them with the signs between. A call that fails is
answered with a problem (RFC 9457, application/problem+json); its `detail` is one line: what, where, what was
expected, what now. Uploads are not stored."""

REVIEW_DESCRIPTION = """\
Hands out the doubtful values and refused pages of a file of forms, and keeps corrections beside what was read. A
call that fails is answered with a problem (RFC 9457, application/problem+json); its `detail` is one line."""


FORM_EDIT_DESCRIPTION = """\
Shows, checks and saves the description of a form. A call that fails is answered with a problem (RFC 9457,
application/problem+json); its `detail` is one line."""


class App(FastAPI):
    """FastAPI, whose description of itself shows an answer of every operation."""

    def openapi(self) -> dict[str, Any]:
        """Return the description; FastAPI itself leaves out of examples what is null."""
        description = super().openapi()
        for name, answer in ANSWERS.items():
            method, path = name.split()
            if path in description["paths"]:
                responses = description["paths"][path][method]["responses"]
                responses[min(responses)]["content"][JSON]["example"] = answer
        return description


def create_app(
    recognizer: Recognizer | None = None, limits: Limits | None = None, access: Access | None = None
) -> FastAPI:
    """Return the app: the studio and the API. Any ASGI server can run it.

    Args:
        recognizer: reads single digits; None for the shipped network.
        limits: what it takes on; None for the defaults.
        access: who may ask; None for anybody who calls it localhost or by an IP address.

    Raises:
        SettingError: the recognizer reads no single digits.
    """
    digits = recognizer or Recognizer.load()
    if digits.task != "digit":
        raise SettingError(f"{digits.path} reads two digits over each other: expected a network for one")
    reading, trainings = ReadingApi(digits, limits or Limits()), Trainings()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        reading.begin_warm_up()
        yield
        await trainings.close()
        await asyncio.to_thread(reading.close)

    routers = [reading.router(), training_api.routes]
    app = _app("index.html", routers, limits, access, description=DESCRIPTION, lifespan=lifespan)
    app.state.trainings = trainings
    return app


def create_review_app(store: "Store", limits: Limits | None = None, access: Access | None = None) -> FastAPI:
    """Return the app of one page, on which people look at the doubtful values of a file and correct them.

    The caller closes the store. `limits` and `access` are as in `create_app`.

    Raises:
        SettingError: a field of the file's form has an unknown check.
        MissingExtraError: the extra `forms` is not installed.
    """
    from digitscope.serve.review_api import ReviewApi

    return _app("review.html", [ReviewApi(store).router()], limits, access, description=REVIEW_DESCRIPTION)


def create_form_edit_app(file: "FormFile", limits: Limits | None = None, access: Access | None = None) -> FastAPI:
    """Return the app of one page, on which people draw and name the fields of a form.

    `file` has the description. `limits` and `access` are as in `create_app`.

    Raises:
        DataError: the picture of the empty form cannot be read.
        MissingExtraError: the extra `forms` is not installed.
    """
    from digitscope.serve.form_edit_api import FormEditApi

    routers = [FormEditApi(file).router()]
    return _app("form-edit.html", routers, limits, access, description=FORM_EDIT_DESCRIPTION)


def _app(
    page: str, routers: Sequence[APIRouter], limits: Limits | None, access: Access | None, **settings: Any
) -> FastAPI:
    """Return an app with one of the pages at its root, and routes."""
    limits, access = limits or Limits(), access or Access()
    app = App(
        title="digitscope",
        version=__version__,
        docs_url=None,  # it would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        middleware=[  # outermost first
            Middleware(Answers),
            Middleware(AccessGuard, access),
            Middleware(LoadGuard, limits),
        ],
        exception_handlers=dict.fromkeys((HTTPException, RequestValidationError), answer_with_problem),
        **settings,
    )
    bearer = [Security(HTTPBearer(auto_error=False))] if access.token else []
    for router in routers:
        app.include_router(router, dependencies=bearer, responses=problem_responses(401, 403, 421, 422))
    app.get("/healthz", operation_id="health", responses=problem_responses(421), tags=["service"])(healthz)
    app.head("/healthz", include_in_schema=False)(healthz)
    app.mount("/static", PAGES)

    async def root(request: Request) -> Response:
        return await PAGES.get_response(page, request.scope)

    app.add_route("/", root, include_in_schema=False)
    return app


async def healthz() -> Health:
    """Tell that the service is there."""
    return Health(status="ok", version=__version__)
