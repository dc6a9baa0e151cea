"""The bodies of Segment's and RudderStack's clients: one call, or many under `batch`; the path says which."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from kenko.dialects.problems import ProblemCode
from kenko.dialects.reading import MAX_EVENTS
from kenko.dialects.request import NOTHING, BadBody, Envelope, RequestParts, UnsupportedMedia
from kenko.dialects.split_object import field_value, split_object
from kenko.dialects.strict_json import split_list

CALLS: Final = ("track", "page", "screen", "identify", "group", "alias")
IMPORT_PATH: Final = "/v1/import"
"""A batch of history."""
_BATCH_PATHS: Final = ("/v1/batch", "/v1/b", IMPORT_PATH)
_CALL_OF: Final[Mapping[str, str]] = MappingProxyType(
    {f"/v1/{call}": call for call in CALLS} | {f"/v1/{call[0]}": call for call in CALLS}
)
"""The short paths are those of Segment's library for browsers."""
PATHS: Final = tuple(path + end for path in (*_BATCH_PATHS, *_CALL_OF) for end in ("", "/"))

_MEMBERS: Final = ("batch", "writeKey", "sentAt", "context", "historical")
"""What is read of a body beside its calls."""
_MEDIA: Final = frozenset(("", "application/json", "text/plain", "application/x-www-form-urlencoded"))
"""Whatever it says, the body is JSON: text/plain spares a browser the preflight, and RudderStack's client for Node says of
a compressed body that it is a form."""
_UTF_8: Final = frozenset(("utf-8", "utf8"))


def call_of(path: str) -> str | None:
    """The call that a path takes; None for one that takes batches of any."""
    return _CALL_OF.get(path.rstrip("/"))


def open_body(parts: RequestParts) -> Envelope:
    """The calls of a body, and what is said of all of them.

    Raises:
        BadBody: there is no list of calls where the path asks for one.
        UnsupportedMedia: no JSON in UTF-8.
    """
    _check_media(parts.content_type)
    path = parts.path.rstrip("/")
    members = split_object(parts.body, _MEMBERS)
    around = around_of(path)
    if around:
        return Envelope([parts.body], around, _key(members or {}))
    if members is None:
        raise BadBody(None, ProblemCode.UNDECODABLE, 'the body must be a JSON object in UTF-8: {"batch": [...]}')
    items = split_list(members.get("batch", b""), MAX_EVENTS + 1)
    if items is None:
        raise BadBody("batch", ProblemCode.UNDECODABLE, "batch must be a JSON list of calls")
    backfill = parts.path.rstrip("/") == IMPORT_PATH or field_value(members, "historical") is True
    return Envelope(items, _around(members), _key(members), backfill)


def around_of(path: str) -> Mapping[str, Any]:
    """What the path says of each call: its type, or nothing, where a batch may hold calls of any."""
    call = _CALL_OF.get(path.rstrip("/"))
    return NOTHING if call is None else {"type": call}


def _check_media(content_type: str) -> None:
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = {part.removeprefix("charset=").strip('"') for part in parameters if part.startswith("charset=")}
    if media not in _MEDIA or not charsets <= _UTF_8:
        raise UnsupportedMedia("Content-Type must be application/json or text/plain, in UTF-8")


def _key(members: Mapping[str, bytes]) -> str | None:
    key = field_value(members, "writeKey")
    return key if isinstance(key, str) and key else None


def _around(members: Mapping[str, bytes]) -> dict[str, Any]:
    return {name: field_value(members, name) for name in ("sentAt", "context") if name in members}
