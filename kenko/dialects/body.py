"""The body of an HTTP request, split into events; each is read for itself, so that a bad one costs no good one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from kenko.dialects import cloudevents_json, plain
from kenko.dialects.identifiers import identifier
from kenko.dialects.problems import FieldError, Problem, ProblemCode
from kenko.dialects.strict_json import parse_object, split_list
from kenko.dialects.times import Received
from schemas.usage_event import MAX_EVENT_BYTES, UsageEvent

MAX_EVENTS: Final = 5000
"""Events in one request."""


class Form(StrEnum):
    """How a body is to be read: decided by its Content-Type."""

    PLAIN = "application/json"
    CLOUDEVENT = "application/cloudevents+json"
    CLOUDEVENTS_BATCH = "application/cloudevents-batch+json"


class BadBody(FieldError):  # noqa: N818 - named for what it is
    """The body as a whole cannot be read: there is no event to keep."""


class Refused(NamedTuple):
    """A bad event: what is wrong, and its bytes as they came."""

    problem: Problem
    raw: bytes


class ReadBody(NamedTuple):
    """What a body holds, in its order."""

    events: list[tuple[int, bytes, UsageEvent]]
    """Place in the request, bytes as they came, event."""
    refused: list[Refused]


_READERS: Final[Mapping[Form, Callable[[Mapping[str, Any], Received], UsageEvent]]] = {
    Form.PLAIN: plain.read_event,
    Form.CLOUDEVENT: cloudevents_json.read_event,
    Form.CLOUDEVENTS_BATCH: cloudevents_json.read_event,
}
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


def read_body(body: bytes, form: Form, received: Received) -> ReadBody:
    """The events in `body`, good and bad.

    Raises:
        BadBody: it cannot be split into events.
    """
    read = _READERS[form]
    events: list[tuple[int, bytes, UsageEvent]] = []
    refused: list[Refused] = []
    for index, raw in enumerate(_split(body, form)):
        item: dict[str, Any] = {}
        try:
            item = _parse(raw)
            events.append((index, raw, read(item, received)))
        except FieldError as error:
            refused.append(Refused(Problem(index, _usable_id(item), error.field, error.code, str(error)), raw))
    return ReadBody(events, refused)


def _parse(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_EVENT_BYTES:
        raise FieldError(None, ProblemCode.TOO_LARGE, f"an event is at most {MAX_EVENT_BYTES} bytes of JSON")
    return parse_object(raw)


def _split(body: bytes, form: Form) -> list[bytes]:
    if form is Form.CLOUDEVENT:
        return [body]
    if form is Form.PLAIN and not body.lstrip(b" \t\r\n").startswith(b"["):
        envelope = _ENVELOPE.fullmatch(body)
        items = split_list(envelope["list"], MAX_EVENTS + 1) if envelope is not None else None
        if items is None:
            return [body]
    else:
        items = split_list(body, MAX_EVENTS + 1)
    if items is None:
        raise BadBody(None, ProblemCode.UNDECODABLE, "the body must be a JSON list of events in UTF-8")
    if len(items) > MAX_EVENTS:
        raise BadBody(None, ProblemCode.TOO_LARGE, f"a request holds at most {MAX_EVENTS} events")
    return items


def _usable_id(item: Mapping[str, Any]) -> str | None:
    """The event's own id, if it is fit to be repeated in an answer."""
    value = item.get("id")
    try:
        return identifier(value) if isinstance(value, str) else None
    except ValueError:
        return None
