"""The fields that every call of Segment's and RudderStack's clients has: its id, its people, its time, its context."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from kenko.dialects import fields
from kenko.dialects.accounts import as_account
from kenko.dialects.client_clock import event_time
from kenko.dialects.content_id import content_id
from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.request import NOTHING, Envelope
from kenko.dialects.strict_json import kind_of
from kenko.dialects.times import Received


def call_id(item: Mapping[str, Any], received: Received) -> str:
    """`messageId`; where there is none, an id of the content, which a retry repeats if the call says when it happened.

    Without id and time two calls that look alike are more often two clicks than one retry: they count as two.
    """
    given = item.get("messageId")
    if given is not None and given != "":
        return fields.required({"messageId": _as_text(given)}, "messageId", "stays the same when you retry")
    lasting = {name: value for name, value in item.items() if name != "sentAt"}
    has_time = item.get("timestamp") is not None or item.get("originalTimestamp") is not None
    return content_id(lasting, received=None if has_time else received)


def people(item: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """`userId` and `anonymousId`; None for a placeholder."""
    return person(item, "userId"), person(item, "anonymousId")


def person(item: Mapping[str, Any], field: str) -> str | None:
    """Who stands under `field`, by the same rule as an account: placeholders are nobody, numbers are texts."""
    value = item.get(field)
    if value is not None and not isinstance(_as_text(value), str):
        message = f"must be a string or a whole number, not {kind_of(value)}"
        raise FieldError(field, ProblemCode.INVALID, message)
    return as_account(value, field)


def call_time(item: Mapping[str, Any], envelope: Envelope, received: Received) -> datetime:
    """When it happened, by our clock.

    Raises:
        FieldError: no time, or one that lies in the future.
    """
    field = "originalTimestamp" if item.get("timestamp") is None else "timestamp"
    return event_time(fields.optional_time(item, field), _sent_at(item, envelope), received, field)


def _sent_at(item: Mapping[str, Any], envelope: Envelope) -> datetime | None:
    """By the client's clock; None where it says nothing of `timestamp`: history, and what has been through a server that
    corrected it already.
    """
    if envelope.backfill or item.get("receivedAt") is not None:
        return None
    of_all = envelope.around.get("sentAt")
    if isinstance(of_all, str):
        return _sent_at_of_all(of_all)
    return fields.optional_time(envelope.around, "sentAt") or fields.optional_time(item, "sentAt")


@lru_cache(maxsize=256)
def _sent_at_of_all(text: str) -> datetime | None:
    """A batch's, remembered for its other calls."""
    return fields.optional_time({"sentAt": text}, "sentAt")


def context_of(item: Mapping[str, Any], envelope: Envelope) -> Mapping[str, Any]:
    """The call's own context over that of its batch."""
    shared, own = envelope.around.get("context"), free_object(item, "context")
    return {**shared, **own} if isinstance(shared, Mapping) and shared else own


def free_object(item: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """The JSON object under `field`, unchecked inside; none is an empty one."""
    value = item.get(field)
    if value is None:
        return NOTHING
    if not isinstance(value, Mapping):
        raise FieldError(field, ProblemCode.INVALID, f"must be a JSON object, not {kind_of(value)}")
    return value


def _as_text(value: Any) -> Any:
    return str(value) if type(value) is int else value
