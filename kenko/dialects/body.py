"""The bodies of our own path: plain JSON, and CloudEvents in structured and batched mode, by Content-Type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from kenko.dialects import cloudevents_json, plain
from kenko.dialects.problems import ProblemCode
from kenko.dialects.reading import MAX_EVENTS, Dialect, DialectName
from kenko.dialects.request import BadBody, Envelope, RequestParts, UnsupportedMedia
from kenko.dialects.sending import Sending
from kenko.dialects.strict_json import split_list
from schemas.usage_event import UsageEvent


class Form(StrEnum):
    """How a body is to be read: decided by its Content-Type."""

    PLAIN = "application/json"
    CLOUDEVENT = "application/cloudevents+json"
    CLOUDEVENTS_BATCH = "application/cloudevents-batch+json"


_ENVELOPE: Final = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"events"[ \t\r\n]*:(?P<list>.*)\}[ \t\r\n]*', re.DOTALL)


def form_of(content_type: str) -> Form | None:
    """The form that a Content-Type names; plain JSON where there is none, None where we do not take it."""
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    for parameter in parameters:
        if parameter.startswith("charset=") and parameter.removeprefix("charset=").strip('"') not in ("utf-8", "utf8"):
            return None
    if not media:
        return Form.PLAIN
    return Form(media) if media in set(Form) else None


def dialect_of(content_type: str) -> Dialect:
    """The dialect of a request to our own path.

    Raises:
        UnsupportedMedia: it has none.
    """
    form = form_of(content_type)
    if form is None:
        raise UnsupportedMedia(
            "Content-Type must be application/json, application/cloudevents+json"
            " or application/cloudevents-batch+json, in UTF-8"
        )
    return _DIALECTS[form]


def _open_plain(parts: RequestParts) -> Envelope:
    body = parts.body
    if not body.lstrip(b" \t\r\n").startswith(b"["):
        envelope = _ENVELOPE.fullmatch(body)
        items = split_list(envelope["list"], MAX_EVENTS + 1) if envelope is not None else None
        return Envelope([body] if items is None else items)
    return _open_list(parts)


def _open_one(parts: RequestParts) -> Envelope:
    return Envelope([parts.body])


def _open_list(parts: RequestParts) -> Envelope:
    items = split_list(parts.body, MAX_EVENTS + 1)
    if items is None:
        raise BadBody(None, ProblemCode.UNDECODABLE, "the body must be a JSON list of events in UTF-8")
    return Envelope(items)


def _read_plain(item: Mapping[str, Any], _envelope: Envelope, sending: Sending) -> UsageEvent:
    return plain.read_event(item, sending.received, sending.origin)


def _read_cloud_event(item: Mapping[str, Any], _envelope: Envelope, sending: Sending) -> UsageEvent:
    return cloudevents_json.read_event(item, sending.received, sending.origin)


_DIALECTS: Final[Mapping[Form, Dialect]] = {
    Form.PLAIN: Dialect(DialectName.PLAIN, _open_plain, _read_plain, "id"),
    Form.CLOUDEVENT: Dialect(DialectName.CLOUDEVENTS, _open_one, _read_cloud_event, "id"),
    Form.CLOUDEVENTS_BATCH: Dialect(DialectName.CLOUDEVENTS, _open_list, _read_cloud_event, "id"),
}
