"""Our plain JSON form: the fields of UsageEvent, one event, a list of them, or {"events": [...]}."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from kenko.dialects import fields
from kenko.dialects.assemble import assemble
from kenko.dialects.identifiers import common_event_name, common_identifier, identifier
from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.sending import ANYBODY, Origin
from kenko.dialects.strict_json import check_properties
from kenko.dialects.times import Received, is_in_the_future, parse_time
from schemas.usage_event import UsageEvent

FIELDS: Final = ("id", "source", "account_id", "user_id", "event", "time", "properties")
DEFAULT_SOURCE: Final = "api"
_FIELDS: Final = frozenset(FIELDS)


def read_event(item: Mapping[str, Any], received: Received, origin: Origin = ANYBODY) -> UsageEvent:
    """The event in a parsed JSON object. A null field counts as absent.

    Raises:
        FieldError: the first field that is wrong.
    """
    # Two ways that accept exactly the same (a property test compares them): the short one takes nearly all good events;
    # whatever is unusual, or wrong, goes the long way, which knows all rules and all reasons.
    event = read_as_usual(item, received, origin)
    return event if event is not None else read_any(item, received, origin)


def read_as_usual(item: Mapping[str, Any], received: Received, origin: Origin) -> UsageEvent | None:
    """The event in an object with the usual fields; None where only the long way can tell."""
    get = item.get
    id_, account, event, time = get("id"), get("account_id"), get("event"), get("time")
    user, source, properties = get("user_id"), get("source"), get("properties")
    if (
        received.ms is None
        or origin.sources
        or not (type(id_) is type(account) is type(event) is type(time) is str)
        or (user is not None and type(user) is not str)
        or (source is not None and type(source) is not str)
        or (properties is not None and type(properties) is not dict)
        or not _FIELDS.issuperset(item)
    ):
        return None
    try:
        at = parse_time(time.encode())
        if is_in_the_future(at, received.ms):
            return None
        if properties:
            check_properties(properties, "properties")
        return assemble(
            {
                "id": identifier(id_),
                "source": DEFAULT_SOURCE if source is None else common_identifier(source),
                "account_id": common_identifier(account),
                "user_id": None if user is None else common_identifier(user),
                "event": common_event_name(event),
                "time": at,
                "received_at": received.at,
                "properties": properties or {},
                "backfill": origin.backfill,
            }
        )
    except ValueError:
        return None


def read_any(item: Mapping[str, Any], received: Received, origin: Origin) -> UsageEvent:
    """As `read_event`, the long way."""
    if not _FIELDS.issuperset(item):
        raise _unknown(next(name for name in item if name not in _FIELDS))
    source = fields.optional(item, "source")
    if origin.sources:
        source = origin.check_source(source or origin.source(DEFAULT_SOURCE), "source")
    return assemble(
        {
            "id": fields.required(item, "id", "a value that stays the same when you retry, so that it counts once"),
            "source": DEFAULT_SOURCE if source is None else source,
            "account_id": fields.required(item, "account_id", "the customer whose health is scored"),
            "user_id": fields.optional(item, "user_id"),
            "event": fields.name(item, "event"),
            "time": fields.time(item, "time", received),
            "received_at": received.at,
            "properties": fields.properties(item, "properties"),
            "backfill": origin.backfill,
        }
    )


def _unknown(name: str) -> FieldError:
    if name in ("received_at", "backfill"):
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
