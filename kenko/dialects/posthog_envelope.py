"""What stands round the events of a PostHog request: the key, when it was sent, whether it is history.

v0: `{"batch": [...], "api_key": ...}`, one event, or a list of events with the key inside each; the browser also packs
them into a form or compresses them and says so in the query. v1: `{"batch": [...]}`, with the key as Bearer token.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from kenko.dialects import form
from kenko.dialects.event_token import TOKEN, first_text, first_token, says_key
from kenko.dialects.problems import ProblemCode
from kenko.dialects.reading import MAX_EVENTS
from kenko.dialects.request import BadBody, Envelope, RequestParts
from kenko.dialects.split_object import field_value, split_object
from kenko.dialects.strict_json import split_list
from kenko.dialects.times import parse_time
from schemas.base import from_ms

SENT_AT: Final = "sent_at"
_SENT_HEADER: Final = "posthog-request-timestamp"
_MEMBERS: Final = ("batch", "api_key", "token", SENT_AT, "created_at", "historical_migration")
_LAST_MS: Final = 253_402_300_799_999
"""The end of the calendar."""


def open_envelope(parts: RequestParts) -> Envelope:
    """The events of a request and what is said of all of them.

    Raises:
        BadBody: nothing in it can be told from anything else.
    """
    body = form.json_in(form.form_fields(parts.body).get(form.DATA, b"")) if form.is_form(parts) else parts.body
    fields: dict[str, bytes] | None = {}
    if body.lstrip(b" \t\r\n").startswith(b"["):
        items = split_list(body, MAX_EVENTS + 1)
    else:
        fields = split_object(body, _MEMBERS)
        batch = None if fields is None else fields.get("batch")
        # A batch that is no list is passed on as one event: it is refused as such, by a sender who is known.
        items = [body]
        if batch is not None:
            listed = split_list(batch, MAX_EVENTS + 1)
            items = [batch] if listed is None else listed
    if items is None or fields is None:
        message = "the body must be an event, a list of events or {'batch': [...]}, in JSON"
        raise BadBody(None, ProblemCode.UNDECODABLE, message)
    key = first_text(field_value(fields, "api_key"), field_value(fields, "token"))
    token = None if key is not None or says_key(parts) else first_token(items, token_of)
    return Envelope(
        items,
        {SENT_AT: _sent_at(fields, parts), TOKEN: token},
        key or token,
        backfill=field_value(fields, "historical_migration") is True,
    )


def token_of(item: Mapping[str, Any]) -> str | None:
    """The key inside an event: the browser puts it into each."""
    properties = item.get("properties")
    inside = properties if isinstance(properties, dict) else {}
    return first_text(item.get("api_key"), item.get("token"), inside.get("token"), inside.get("api_key"))


def _sent_at(fields: dict[str, bytes], parts: RequestParts) -> datetime | None:
    """v1 keeps `created_at` over its retries, so the header, which each try has of its own, comes first."""
    for given in (field_value(fields, SENT_AT), parts.headers.get(_SENT_HEADER), field_value(fields, "created_at")):
        if isinstance(given, str):
            try:
                return parse_time(given.encode("utf-8", "replace"))
            except ValueError:
                # It only corrects other times: without a usable one they stand as they are.
                continue
    ms = parts.query.get("_", "")
    if ms.isascii() and ms.isdigit() and len(ms) <= 15 and int(ms) <= _LAST_MS:
        return from_ms(int(ms))
    return None
