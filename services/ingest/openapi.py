"""The OpenAPI document: what is known of each path, out of the tables by which ingest itself works."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from fastapi import FastAPI

from kenko.dialects.problems import ProblemCode
from kenko.dialects.reading import Dialect, DialectName
from kenko.dialects.request import RequestParts
from kenko.dialects.routes import EVENTS_PATH, ROUTES
from services.ingest.answers import STATUS, RefusalCode
from services.ingest.body_schemas import binary_headers, media_types

PROBLEM_TYPE: Final = "application/problem+json"
_JSON: Final = "application/json"
_TEXT: Final[dict[str, Any]] = {"type": "string"}
_MAYBE: Final[dict[str, Any]] = {"type": ["string", "null"]}
_COUNT: Final[dict[str, Any]] = {"type": "integer", "minimum": 0}
_RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds.", "schema": _COUNT}}
_WHO: Final = {"WWW-Authenticate": {"schema": _TEXT}}
_ANY_REQUEST: Final = frozenset(
    {
        RefusalCode.UNAUTHORIZED,
        RefusalCode.NOT_FOUND,
        RefusalCode.METHOD_NOT_ALLOWED,
        RefusalCode.TIMEOUT,
        RefusalCode.RATE_LIMITED,
        RefusalCode.HEADERS_TOO_LARGE,
        RefusalCode.OVERLOADED,
        RefusalCode.UNDECODABLE,
    }
)
"""What a request without a body may hear."""
_SECURITY_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Authorization: Bearer KEY"},
    "basic": {"type": "http", "scheme": "basic", "description": "The key as the user name; no password."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_SECURITY: Final[list[dict[str, list[str]]]] = [{name: []} for name in _SECURITY_SCHEMES]
_WHERE_ELSE: Final = {
    DialectName.SEGMENT: "`writeKey` in the body",
    DialectName.POSTHOG: "`api_key` or `token` in the body or in its events",
    DialectName.MIXPANEL: "`api_key` in the query or the form, or the token in the events",
}


class Described(NamedTuple):
    """An operation, and each of its answers by status."""

    operation: dict[str, Any]
    answers: dict[int | str, dict[str, Any]]


def describe(app: FastAPI) -> None:
    """Give `app`'s document what is said once for all paths."""
    build = app.openapi

    def document() -> dict[str, Any]:
        made = build()
        components = made.setdefault("components", {})
        components["securitySchemes"] = _SECURITY_SCHEMES
        components["schemas"] = {"Success": _success(), "Problem": _problem(), "FailedRecord": _failed_record()}
        return made

    app.openapi = document  # type: ignore[method-assign] # the way FastAPI asks for it


def post_of(path: str) -> Described:
    """POST to one of the paths of a dialect."""
    dialect = _dialect(path)
    operation = _operation(dialect)
    content = {media: {"schema": schema} for media, schema in media_types(path, dialect.name).items()}
    operation["requestBody"] = {"required": True, "content": content}
    if path == EVENTS_PATH:
        operation["parameters"] = binary_headers()
    return Described(operation, _answers(dialect))


def get_of(path: str) -> Described:
    """GET with everything in the query, as Mixpanel's client for Node has it."""
    data = {
        "name": "data",
        "in": "query",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
        "description": "JSON, or base64 of it.",
    }
    dialect = _dialect(path)
    return Described({**_operation(dialect), "parameters": [data]}, _answers(dialect))


def _answers(dialect: Dialect) -> dict[int | str, dict[str, Any]]:
    content: dict[str, Any] = {_JSON: {"schema": _ref("Success")}}
    if dialect.name is DialectName.MIXPANEL:
        content["text/plain"] = {"schema": {"const": "1"}}
    kept = {"description": "What is accepted is durable; failed_records names what is not.", "content": content}
    return {200: kept, **_refusals(RefusalCode)}


def report() -> Described:
    """`GET /v1/ingest/problems`."""
    source = {
        "type": "object",
        "required": ["source", "accepted", "rejected", "unattributed", "unattributed_share", "problems"],
        "properties": {
            "source": _TEXT,
            "accepted": _COUNT,
            "rejected": _COUNT,
            "unattributed": _COUNT,
            "unattributed_share": {"type": "number", "minimum": 0, "maximum": 1},
            "problems": {"type": "array", "items": {"type": "object", "required": ["code", "count", "last_message"]}},
        },
    }
    body = {
        "type": "object",
        "required": ["since", "sources"],
        "properties": {
            "since": {"type": "string", "format": "date-time"},
            "sources": {"type": "array", "items": source},
        },
    }
    told = {"description": "By source, since this process started.", "content": {_JSON: {"schema": body}}}
    operation = {"security": _SECURITY, "tags": ["operation"]}
    return Described(operation, {200: told, **_refusals(_ANY_REQUEST)})


def drop() -> Described:
    """POST to a path that takes everything and keeps nothing."""
    content = {_JSON: {"schema": _ref("Success")}}
    told = {"description": "All is well, and nothing is kept.", "content": content}
    return Described({"tags": [DialectName.SEGMENT.value]}, {200: told, **_refusals(_ANY_REQUEST)})


def _dialect(path: str) -> Dialect:
    return ROUTES[path](RequestParts(path, _JSON, {}, {}, b""))


def _operation(dialect: Dialect) -> dict[str, Any]:
    where = f" Or put the key where the library does: {_WHERE_ELSE[dialect.name]}." if dialect.key_in_body else ""
    said = "The answer comes when everything accepted is durable; bad events are named, good ones kept."
    return {"security": _SECURITY, "tags": [dialect.name.value], "description": f"{said}{where}"}


def _refusals(codes: Iterable[RefusalCode]) -> dict[int | str, dict[str, Any]]:
    by_status = defaultdict(list)
    for code in sorted(codes):
        by_status[STATUS[code]].append(code.value)
    return {
        status.value: {
            "description": f"{status.phrase}: {', '.join(named)}.",
            "content": {PROBLEM_TYPE: {"schema": _ref("Problem")}},
            **({"headers": _RETRY_AFTER} if status in (429, 503) else {"headers": _WHO} if status == 401 else {}),
        }
        for status, named in sorted(by_status.items())
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _success() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "The one body of success. `status` is 1, or what the client's own service has there.",
        "required": ["success", "status", "error", "accepted", "rejected", "unattributed", "failed_records"],
        "properties": {
            "success": {"const": True},
            "status": {"enum": [1, "OK"]},
            "error": {"type": "null"},
            "accepted": _COUNT,
            "rejected": _COUNT,
            "unattributed": _COUNT,
            "failed_records": {"type": "array", "items": _ref("FailedRecord")},
        },
    }


def _problem() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "The one body of refusal: RFC 9457, and the same where other clients look for it.",
        "required": ["type", "title", "status", "detail", "code", "message", "error"],
        "properties": {
            "type": {"type": "string", "pattern": "^urn:kenko:problem:"},
            "title": _TEXT,
            "status": {"enum": sorted({status.value for status in STATUS.values()})},
            "detail": _TEXT,
            "code": {"enum": [code.value for code in RefusalCode]},
            "message": _TEXT,
            "error": _TEXT,
            "failed_records": {"type": "array", "items": _ref("FailedRecord")},
        },
    }


def _failed_record() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "A refused event, by its place in the request.",
        "required": ["index", "id", "field", "code", "message"],
        "properties": {
            "index": _COUNT,
            "id": _MAYBE,
            "field": _MAYBE,
            "code": {"enum": [code.value for code in ProblemCode]},
            "message": _TEXT,
        },
    }
