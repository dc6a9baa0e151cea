"""CloudEvents 1.0 over HTTP in binary mode: attributes in `ce-` headers, the data alone in the body.

The event is put together as structured JSON first: both modes are read by the same rules, and a dead letter holds an
event that can be read again. Structured and batched mode: `body`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import orjson

from kenko.dialects import body, cloudevents_json
from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.reading import Dialect, DialectName
from kenko.dialects.request import BadBody, Envelope, RequestParts, UnsupportedMedia
from kenko.dialects.sending import Sending
from schemas.usage_event import MAX_EVENT_BYTES, UsageEvent

PREFIX: Final = "ce-"
_REQUIRED: Final = ("ce-specversion", "ce-id", "ce-source", "ce-type")
_OTHER_MODES: Final = "application/cloudevents"
_JSON: Final = re.compile(r"(?:application|text)/(?:[a-z0-9.-]+\+)?json")
_ESCAPED: Final = re.compile(r"\\(.)")


def dialect_of(parts: RequestParts) -> Dialect:
    """The dialect of a request to our own path: binary mode by its headers, all else by Content-Type.

    Raises:
        UnsupportedMedia: it has none.
    """
    content_type = parts.content_type.lower()
    if content_type.startswith(_OTHER_MODES) or not any(name in parts.headers for name in _REQUIRED):
        return body.dialect_of(parts.content_type)
    media, *parameters = (part.strip() for part in content_type.split(";"))
    charsets = [part.removeprefix("charset=").strip('"') for part in parameters if part.startswith("charset=")]
    if (media and not _JSON.fullmatch(media)) or not {"utf-8", "utf8"}.issuperset(charsets):
        raise UnsupportedMedia("the data of a CloudEvent in binary mode must be application/json, in UTF-8")
    return BINARY


def _open(parts: RequestParts) -> Envelope:
    item: dict[str, Any] = {
        name.removeprefix(PREFIX): _decode(name, value)
        for name, value in parts.headers.items()
        if name.startswith(PREFIX) and name not in ("ce-data", "ce-data_base64")
    }
    try:
        if parts.body.strip():
            if len(parts.body) <= MAX_EVENT_BYTES:  # larger ones are refused for that, and need not be JSON
                orjson.loads(parts.body)
            item["data"] = orjson.Fragment(parts.body)
    except orjson.JSONDecodeError:
        item["data_base64"] = base64.b64encode(parts.body).decode()
    return Envelope([orjson.dumps(item)])


def _decode(name: str, value: str) -> str:
    """The text of a header: without its quotes, percent-decoded once.

    Raises:
        BadBody: it is not UTF-8.
    """
    text = value.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = _ESCAPED.sub(r"\1", text[1:-1])
    try:
        # Header values come to us as Latin-1; a client that encodes nothing sends UTF-8.
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except ValueError:
        raise BadBody(name, ProblemCode.INVALID, f"{name}: must be UTF-8, percent-encoded") from None


def _read(item: Mapping[str, Any], _envelope: Envelope, sending: Sending) -> UsageEvent:
    """As the structured mode; the errors name the header."""
    if "data_base64" in item:
        raise FieldError("data", ProblemCode.UNDECODABLE, "the body is not strict JSON in UTF-8")
    try:
        return cloudevents_json.read_event(item, sending.received, sending.origin)
    except FieldError as error:
        if error.field is None or error.field.startswith("data"):
            raise
        raise FieldError(PREFIX + error.field, error.code, error.message) from None


BINARY: Final = Dialect(DialectName.CLOUDEVENTS, _open, _read, "id")
