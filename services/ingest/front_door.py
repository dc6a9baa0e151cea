"""Events go straight to their handler; everything else, pages and documents, through the framework.

The framework's own way of a request (dependencies, two middlewares, a matching of all routes) cost more than reading a
single event did.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from kenko.dialects.routes import BROWSER_PATHS, ROUTES
from services.ingest.cors import readable_by_pages
from services.ingest.handler import IngestHandler


class FrontDoor:
    """The application that the server runs."""

    def __init__(self, handler: IngestHandler, others: ASGIApp) -> None:
        self._handler = handler
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in ROUTES:
            await self._others(scope, receive, send)
            return
        response = await self._handler.handle(Request(scope, receive))
        if scope["path"] in BROWSER_PATHS:
            response = readable_by_pages(response)
        await response(scope, receive, send)
