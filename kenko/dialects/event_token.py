"""Keys inside the events: a request has one sender, the one whose key stands in its first event with a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.request import Envelope, RequestParts
from kenko.dialects.strict_json import parse_object
from schemas.usage_event import MAX_EVENT_BYTES

TOKEN: Final = "token"  # noqa: S105 - the name of a field
TokenOf = Callable[[Mapping[str, Any]], str | None]


def first_token(items: list[bytes], token_of: TokenOf) -> str | None:
    """The key in the first of `items` that has one."""
    for raw in items:
        if len(raw) > MAX_EVENT_BYTES:
            continue  # refused by name too: nothing that large is parsed for somebody who is not yet known
        try:
            token = token_of(parse_object(raw))
        except FieldError:
            continue  # read_items refuses it by name
        if token is not None:
            return token
    return None


def says_key(parts: RequestParts) -> bool:
    """The key is in a header: what stands in the events is not looked at."""
    return "authorization" in parts.headers or "x-api-key" in parts.headers


def check_one_sender(token: str | None, envelope: Envelope) -> None:
    """Another's events would be written under a name that is not its own.

    Raises:
        FieldError: the event has another key than the one that the request was admitted by.
    """
    admitted = envelope.around.get(TOKEN)
    if admitted is not None and token is not None and token != admitted:
        message = "must be the same in all events of a request: send those of each key for themselves"
        raise FieldError(TOKEN, ProblemCode.INVALID, message)


def first_text(*values: Any) -> str | None:
    """The first that is a text and not empty."""
    return next((value for value in values if isinstance(value, str) and value), None)
