"""What ingest answers: one success body and one error body, which every client in use understands.

200 with JSON, never 202 or 204 (RudderStack and PostHog send again on those), and never 422, 410, 501 or 505.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.responses import Response

from kenko.dialects.problems import Problem, ProblemCode


class RefusalCode(StrEnum):
    """Why a request as a whole is refused; `type` of the error is urn:kenko:problem:<code>."""

    INVALID_EVENTS = "invalid_events"
    UNDECODABLE = "undecodable"
    BAD_ENCODING = "bad_encoding"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TIMEOUT = "timeout"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    HEADERS_TOO_LARGE = "headers_too_large"
    KAFKA_AWAY = "kafka_away"
    OVERLOADED = "overloaded"
    INTERNAL = "internal"


STATUS: Final[Mapping[RefusalCode, HTTPStatus]] = {
    RefusalCode.INVALID_EVENTS: HTTPStatus.BAD_REQUEST,
    RefusalCode.UNDECODABLE: HTTPStatus.BAD_REQUEST,
    RefusalCode.BAD_ENCODING: HTTPStatus.BAD_REQUEST,
    RefusalCode.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    RefusalCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    RefusalCode.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    RefusalCode.TIMEOUT: HTTPStatus.REQUEST_TIMEOUT,
    RefusalCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    RefusalCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    RefusalCode.UNSUPPORTED_MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RefusalCode.UNSUPPORTED_ENCODING: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RefusalCode.HEADERS_TOO_LARGE: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    RefusalCode.KAFKA_AWAY: HTTPStatus.SERVICE_UNAVAILABLE,
    RefusalCode.OVERLOADED: HTTPStatus.SERVICE_UNAVAILABLE,
    # A mistake of ours. Nothing was acknowledged, so the sender is asked to come again: nothing is lost by it.
    RefusalCode.INTERNAL: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The one table from what went wrong to the HTTP status."""


class Refusal(Exception):  # noqa: N818 - an answer, raised
    """The request as a whole is refused."""

    def __init__(
        self,
        code: RefusalCode,
        detail: str,
        *,
        retry_after_s: float | None = None,
        problems: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.problems = problems
        self.headers = headers or {}

    @property
    def status(self) -> HTTPStatus:
        return STATUS[self.code]


def success(accepted: int, problems: Sequence[Problem], more: Mapping[str, Any]) -> Response:
    """200: `accepted` events are kept; `problems` are those that are not. `more`: what the client's dialect adds."""
    unattributed = sum(problem.code is ProblemCode.UNATTRIBUTED for problem in problems)
    body = {
        "success": True,
        "status": 1,
        "error": None,
        "accepted": accepted,
        "rejected": len(problems) - unattributed,
        "unattributed": unattributed,
        "failed_records": failed_records(problems),
        **more,
    }
    return Response(orjson.dumps(body), media_type="application/json")


def plain_success() -> Response:
    """200 to a client that reads no JSON: `1` is what it compares with."""
    return Response(b"1", media_type="text/plain")


def refusal_body(refusal: Refusal) -> dict[str, Any]:
    """RFC 9457, plus `code`, `message` and `error`, where other clients look for the same."""
    status = refusal.status
    body: dict[str, Any] = {
        "type": f"urn:kenko:problem:{refusal.code}",
        "title": status.phrase,
        "status": status.value,
        "detail": refusal.detail,
        "code": refusal.code.value,
        "message": refusal.detail,
        "error": refusal.detail,
    }
    if refusal.problems:
        body |= {
            "success": False,
            "accepted": 0,
            "rejected": len(refusal.problems),
            "failed_records": failed_records(refusal.problems),
        }
    return body


def refused(refusal: Refusal) -> Response:
    """The answer to a request that is refused as a whole."""
    headers = dict(refusal.headers)
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(refusal.retry_after_s)))
    return Response(
        orjson.dumps(refusal_body(refusal)),
        status_code=refusal.status,
        headers=headers,
        media_type="application/problem+json",
    )


def failed_records(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """The refused events, by their place in the request."""
    return [
        {"index": p.index, "id": p.id, "field": p.field, "code": p.code.value, "message": p.message} for p in problems
    ]
