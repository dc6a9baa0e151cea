"""The HTTP application: one route, and errors in one form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from kenko import __version__
from kenko.dialects.routes import BROWSER_PATHS, DROPPED_PATHS, EVENTS_PATH, GET_PATHS, ROUTES
from services.ingest import openapi
from services.ingest.answers import Refusal, RefusalCode, refused
from services.ingest.api_pages import add_pages
from services.ingest.cors import preflight, readable_by_pages
from services.ingest.handler import IngestHandler

_Endpoint = Callable[[Request], Awaitable[Response]]

PROBLEMS_PATH: Final = "/v1/ingest/problems"


def create_app(handler: IngestHandler) -> FastAPI:
    """The application over a handler. FastAPI's own pages are off: they load scripts from elsewhere."""
    app = FastAPI(
        title="Kenko ingest",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=Response,
    )
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    openapi.describe(app)
    add_pages(app)

    async def get_problems(request: Request) -> Response:
        """What became of events by source since this process started, with the newest example of each problem."""
        return handler.report(request)

    async def take(request: Request) -> Response:
        return await handler.handle(request)

    async def take_from_a_page(request: Request) -> Response:
        return readable_by_pages(await handler.handle(request))

    async def drop(_request: Request) -> Response:
        return readable_by_pages(handler.drop())

    _add(app, "GET", PROBLEMS_PATH, get_problems, openapi.report())
    for path in ROUTES:
        from_pages = path in BROWSER_PATHS
        post = take_from_a_page if from_pages else take
        _add(app, "POST", path, post, openapi.post_of(path))
        if path in GET_PATHS:
            _add(app, "GET", path, post, openapi.get_of(path))
        if from_pages:
            _open_to_pages(app, path)
    for path in DROPPED_PATHS:
        _add(app, "POST", path, drop, openapi.drop())
        _open_to_pages(app, path)
    return app


def _add(app: FastAPI, method: str, path: str, endpoint: _Endpoint, described: openapi.Described) -> None:
    operation, answers = described
    app.add_api_route(
        path, endpoint, methods=[method], name=f"{method} {path}", openapi_extra=operation, responses=answers
    )


def _open_to_pages(app: FastAPI, path: str) -> None:
    async def ask_before(_request: Request) -> Response:
        return preflight()

    app.add_api_route(path, ask_before, methods=["OPTIONS"], include_in_schema=False)


async def _http_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    if status == 405:
        allow = (error.headers or {}) if isinstance(error, HTTPException) else {}
        return refused(
            Refusal(
                RefusalCode.METHOD_NOT_ALLOWED, f"this path takes another method: POST {EVENTS_PATH}", headers=allow
            )
        )
    return refused(Refusal(RefusalCode.NOT_FOUND, f"there is nothing here: events go to POST {EVENTS_PATH}"))


async def _validation_error(_request: Request, _error: Exception) -> Response:
    """FastAPI would answer 422, on which RudderStack's client sends again for ever."""
    return refused(Refusal(RefusalCode.UNDECODABLE, "the request cannot be read"))
