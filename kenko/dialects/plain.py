"""Our plain JSON form: the fields of UsageEvent, one event, a list of them, or {"events": [...]}."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from kenko.dialects import fields
from kenko.dialects.assemble import assemble
from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.times import Received
from schemas.usage_event import UsageEvent

FIELDS: Final = ("id", "source", "account_id", "user_id", "event", "time", "properties")
DEFAULT_SOURCE: Final = "api"
_FIELDS: Final = frozenset(FIELDS)


def read_event(item: Mapping[str, Any], received: Received) -> UsageEvent:
    """The event in a parsed JSON object. A null field counts as absent.

    Raises:
        FieldError: the first field that is wrong.
    """
    if not _FIELDS.issuperset(item):
        raise _unknown(next(name for name in item if name not in _FIELDS))
    return assemble(
        {
            "id": fields.required(item, "id", "a value that stays the same when you retry, so that it counts once"),
            "source": fields.optional(item, "source") or DEFAULT_SOURCE,
            "account_id": fields.required(item, "account_id", "the customer whose health is scored"),
            "user_id": fields.optional(item, "user_id"),
            "event": fields.name(item, "event"),
            "time": fields.time(item, "time", received),
            "received_at": received.at,
            "properties": fields.properties(item, "properties"),
        }
    )


def _unknown(name: str) -> FieldError:
    if name == "received_at":
        return FieldError(name, ProblemCode.UNKNOWN_FIELD, "is set by Kenko: leave it out")
    shown = name if name.isprintable() and len(name) <= 100 else f"{name[:100]!a}"
    if name == "events":
        return FieldError(name, ProblemCode.UNKNOWN_FIELD, 'a batch is {"events": [...]} with nothing beside it')
    near = get_close_matches(_snake(name), FIELDS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "free values belong under 'properties'"
    return FieldError(shown, ProblemCode.UNKNOWN_FIELD, f"is no field of an event: {hint}")


def _snake(name: str) -> str:
    """`accountId` as account_id, so that the nearest field is found."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name[:100])
