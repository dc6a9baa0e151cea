"""`/docs` and `/redoc`: the OpenAPI document for people, without a request to anywhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

_FILES: Final = "/docs/files"
_DOCUMENT: Final = "/openapi.json"
_ONLY_FROM_HERE: Final = {
    # Swagger UI would ask a validator elsewhere, and Redoc fetch a logo: neither page says so in its HTML.
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline'; worker-src blob:;"
    " style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
}


def add_pages(app: FastAPI) -> None:
    """Serve both pages and their files, which come with a package."""
    app.mount(_FILES, StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static"))

    async def docs(_request: Request) -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url=_DOCUMENT,
            title=f"{app.title}: API",
            swagger_js_url=f"{_FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{_FILES}/swagger-ui.css",
            swagger_favicon_url=f"{_FILES}/favicon.png",
            swagger_ui_parameters={"validatorUrl": "none"},
        )
        page.headers.update(_ONLY_FROM_HERE)
        return page

    async def redoc(_request: Request) -> HTMLResponse:
        page = get_redoc_html(
            openapi_url=_DOCUMENT,
            title=f"{app.title}: API",
            redoc_js_url=f"{_FILES}/redoc.standalone.js",
            redoc_favicon_url=f"{_FILES}/favicon.png",
            with_google_fonts=False,
        )
        page.headers.update(_ONLY_FROM_HERE)
        return page

    app.add_route("/docs", docs, include_in_schema=False)
    app.add_route("/redoc", redoc, include_in_schema=False)
