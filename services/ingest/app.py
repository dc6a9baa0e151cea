"""The HTTP application: one route, and errors in one form."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from kenko import __version__
from kenko.dialects.body import MAX_EVENTS, Form
from schemas.usage_event import UsageEvent
from services.ingest.answers import Refusal, RefusalCode, refused
from services.ingest.handler import IngestHandler

EVENTS_PATH: Final = "/v1/events"


def create_app(handler: IngestHandler) -> FastAPI:
    """The application over a handler. Its interactive pages are off: they load scripts from elsewhere."""
    app = FastAPI(title="Kenko ingest", version=__version__, docs_url=None, redoc_url=None)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)

    @app.post(EVENTS_PATH, openapi_extra={"requestBody": _request_body()}, responses=_responses())
    async def post_events(request: Request) -> Response:
        """Accept usage events. The answer comes when all of them are durable; bad ones are named, good ones kept."""
        return await handler.handle(request)

    return app


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


def _request_body() -> dict[str, Any]:
    event = UsageEvent.model_json_schema()
    event["properties"].pop("received_at")
    event["required"] = [name for name in event["required"] if name != "time"]
    batch = {"type": "array", "items": event, "maxItems": MAX_EVENTS}
    envelope = {"type": "object", "properties": {"events": batch}, "required": ["events"]}
    cloud_event = {"type": "object", "description": "CloudEvents 1.0; `subject` is the account."}
    return {
        "required": True,
        "content": {
            Form.PLAIN.value: {"schema": {"oneOf": [event, batch, envelope]}},
            Form.CLOUDEVENT.value: {"schema": cloud_event},
            Form.CLOUDEVENTS_BATCH.value: {"schema": {"type": "array", "items": cloud_event}},
        },
    }


def _responses() -> dict[int | str, dict[str, Any]]:
    return {
        200: {"description": "The accepted events are durable; failed_records names the others."},
        400: {"description": "No event of the request is valid."},
        401: {"description": "No valid API key."},
        413: {"description": "The body, or the only event, is too large."},
        415: {"description": "A Content-Type or Content-Encoding that is not taken."},
        503: {"description": "Kafka is away, or too much is under way: see Retry-After."},
    }
