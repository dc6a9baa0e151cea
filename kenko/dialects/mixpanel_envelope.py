"""What stands round the events of a Mixpanel request: forms with `data`, JSON, lines of JSON, or all of it in the query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kenko.dialects import form
from kenko.dialects.event_token import TOKEN, first_text, first_token, says_key
from kenko.dialects.problems import ProblemCode
from kenko.dialects.reading import MAX_EVENTS
from kenko.dialects.request import BadBody, Envelope, RequestParts
from kenko.dialects.strict_json import split_list

LINES_TYPE: Final = "application/x-ndjson"


def open_envelope(parts: RequestParts) -> Envelope:
    """The events, or the updates of profiles, of a request.

    Raises:
        BadBody: no JSON in it, or JSON that cannot be split.
    """
    fields: dict[str, bytes] = {name: value.encode() for name, value in parts.query.items()}
    if form.is_form(parts):
        fields = form.form_fields(parts.body) | fields
    if form.DATA not in fields and (not parts.body or form.is_form(parts)):
        raise BadBody(form.DATA, ProblemCode.MISSING, "is required: an event, or a list of events, as JSON or base64")
    if parts.content_type.lower().startswith(LINES_TYPE):
        items = [line for line in parts.body.split(b"\n", MAX_EVENTS + 1) if line.strip()]
    else:
        items = _items(form.json_in(fields[form.DATA]) if form.DATA in fields else parts.body)
    key = fields.get("api_key", b"").decode("utf-8", "replace") or None
    token = None if key is not None or says_key(parts) else first_token(items, token_of)
    return Envelope(
        items,
        {TOKEN: token},
        key or token,
        backfill=parts.path.startswith("/import"),
        terse=fields.get("verbose") != b"1" and not _wants_json(parts),
    )


def _wants_json(parts: RequestParts) -> bool:
    """`/import` with a JSON body is answered in JSON, whatever `verbose` says."""
    return parts.path.startswith("/import") and not form.is_form(parts) and bool(parts.body)


def _items(data: bytes) -> list[bytes]:
    if not data.lstrip(b" \t\r\n").startswith(b"["):
        return [data]
    items = split_list(data, MAX_EVENTS + 1)
    if items is None:
        raise BadBody(None, ProblemCode.UNDECODABLE, "must be a JSON list of events in UTF-8")
    return items


def token_of(item: Mapping[str, Any]) -> str | None:
    """The key inside an event, or inside an update of a profile."""
    properties = item.get("properties")
    inside = properties.get(TOKEN) if isinstance(properties, dict) else None
    return first_text(inside, item.get("$token"))
