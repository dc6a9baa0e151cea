"""Mixpanel: its events, read as usage events, and its groups, read as traits of accounts.

Groups are properties in Mixpanel: one of the names that we know, or the type of a group, names the account.
`$insert_id` is the id, `distinct_id` the person. Updates of persons are noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kenko.dialects import fields
from kenko.dialects.accounts import (
    ACCOUNT_PROPERTIES,
    GROUP_TYPES,
    as_account,
    attributed,
    find_account,
    is_account_group,
)
from kenko.dialects.assemble import assemble
from kenko.dialects.client_clock import event_time
from kenko.dialects.content_id import content_id
from kenko.dialects.event_token import check_one_sender
from kenko.dialects.group_traits import traits_record
from kenko.dialects.mixpanel_envelope import open_envelope, token_of
from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.reading import Dialect, DialectName, Noted, Reading
from kenko.dialects.request import Envelope
from kenko.dialects.sending import Sending
from kenko.dialects.strict_json import kind_of
from kenko.dialects.times import Received, parse_time
from schemas.account_traits import AccountTraits
from schemas.usage_event import UsageEvent

SOURCE: Final = "mixpanel"
NAMES: Final[Mapping[str, str]] = {"$mp_web_page_view": "Page Viewed"}
ABOUT_PERSONS: Final = frozenset({"$identify", "$create_alias", "$merge"})
LEFT_OUT: Final = frozenset({"token", "api_key", "distinct_id", "time", "$insert_id", "ip", "$ip", "$email", "$phone"})
"""Properties that do not go on: the key, the person's own data, and what has a field of its own."""
NAMED_OTHERWISE: Final[Mapping[str, str]] = {"$name": "name"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM: Final = 100_000_000_000
"""A number from here on counts milliseconds, as Mixpanel has it: as seconds it would lie beyond the year 5000."""


def read_event(item: Mapping[str, Any], envelope: Envelope, sending: Sending) -> UsageEvent | Noted:
    """The meaning of one item of `/track` or `/import`.

    Raises:
        FieldError: the first field that is wrong, or no account.
    """
    check_one_sender(token_of(item), envelope)
    properties = fields.properties(item, "properties")
    name = fields.name(item, "event")
    given = properties.get("time")
    if given is None and envelope.backfill and name not in ABOUT_PERSONS:
        raise FieldError("properties.time", ProblemCode.MISSING, "is required in an import: when it happened")
    time = read_time(given, "properties.time", sending.received)
    id_ = _insert_id(item, properties, sending)
    source = sending.origin.source(SOURCE)
    account = find_account(None, {}, properties) or _group_in(properties)
    if name in ABOUT_PERSONS:
        sending.known.join(source, _same_person(properties), account)
        return Noted(id_)
    users = _users(properties)
    return assemble(
        {
            "id": id_,
            "source": source,
            "account_id": attributed(account, source, users, sending.known),
            "user_id": users[0],
            "event": NAMES.get(name, name),
            "time": time,
            "received_at": sending.received.at,
            "properties": {key: value for key, value in properties.items() if key not in LEFT_OUT},
            "backfill": sending.origin.backfill,
        }
    )


def read_group(item: Mapping[str, Any], envelope: Envelope, sending: Sending) -> AccountTraits | Noted:
    """The meaning of one item of `/groups`: `$set`, `$set_once` and `$unset` of a group that is an account."""
    check_one_sender(token_of(item), envelope)
    time = read_time(item.get("$time"), "$time", sending.received)
    id_ = content_id(item, received=None if "$time" in item else sending.received)
    given = _said_of(item)
    kind = item.get("$group_key")
    if given is None or not (is_account_group(kind) or kind in ACCOUNT_PROPERTIES):
        return Noted(id_)
    account = as_account(item.get("$group_id"), "$group_id")
    if account is None:
        raise FieldError("$group_id", ProblemCode.MISSING, "is required: the account")
    source = sending.origin.source(SOURCE)
    return traits_record(id_=id_, source=source, account=account, time=time, given=given, path="$set")


def read_person(item: Mapping[str, Any], envelope: Envelope, sending: Sending) -> Noted:
    """The meaning of one item of `/engage`: it may say to which account the person belongs, and nothing else of use."""
    check_one_sender(token_of(item), envelope)
    user = as_account(item.get("$distinct_id"), "$distinct_id")
    said = item.get("$set")
    if isinstance(said, dict):
        account = find_account(None, {}, said, path="$set") or _group_in(said)
        sending.known.join(sending.origin.source(SOURCE), (user,), account)
    return Noted(content_id(item))


def read_time(given: Any, field: str, received: Received) -> datetime:
    """A time in seconds or milliseconds since 1970, or in RFC 3339; when it was received, where there is none.

    Raises:
        FieldError: it is none of these, or more than an hour ahead.
    """
    if given is None:
        return event_time(None, None, received, field)
    if not isinstance(given, (int, float, str)) or isinstance(given, bool):
        message = f"must be seconds or milliseconds since 1970, not {kind_of(given)}"
        raise FieldError(field, ProblemCode.INVALID, message)
    try:
        time = parse_time(given.encode()) if isinstance(given, str) else _since_1970(given)
    except OverflowError:
        raise FieldError(field, ProblemCode.INVALID, "is not a time of the calendar") from None
    except ValueError as error:
        raise FieldError(field, ProblemCode.INVALID, str(error)) from None
    return event_time(time, None, received, field)


def _since_1970(number: float) -> datetime:
    if number < 0:
        raise ValueError("lies before 1970")
    return _EPOCH + timedelta(seconds=number / 1000 if number >= _MILLISECONDS_FROM else number)


def _insert_id(item: Mapping[str, Any], properties: Mapping[str, Any], sending: Sending) -> str:
    id_ = as_account(properties.get("$insert_id"), "properties.$insert_id")
    if id_ is not None:
        return id_
    return content_id(item, received=None if "time" in properties else sending.received)


def _users(properties: Mapping[str, Any]) -> tuple[str | None, ...]:
    """The person, first as the call names him, then as the same is known elsewhere."""
    return _ids(properties, ("distinct_id", "$user_id", "$device_id")) or (None,)


def _same_person(properties: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids that a call joins."""
    merged = properties.get("$distinct_ids")
    ids = [as_account(value, "properties.$distinct_ids") for value in (merged if isinstance(merged, list) else ())]
    named = ("distinct_id", "alias", "$identified_id", "$anon_id", "$user_id", "$device_id")
    return (*_ids(properties, named), *(id_ for id_ in ids if id_ is not None))


def _ids(properties: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, ...]:
    found = (as_account(properties.get(name), f"properties.{name}") for name in names)
    return tuple(dict.fromkeys(id_ for id_ in found if id_ is not None))


def _group_in(properties: Mapping[str, Any]) -> str | None:
    """The account in a property that is named as a group's type; the browser writes groups as lists."""
    for name in (*ACCOUNT_PROPERTIES, *GROUP_TYPES):
        value = properties.get(name)
        if isinstance(value, list):
            value = value[0] if value else None
        account = as_account(value, f"properties.{name}")
        if account is not None:
            return account
    return None


def _said_of(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """Traits by name; None where it says nothing that could be one: lists, counters, the end of a profile."""
    said: dict[str, Any] = {}
    for operation in ("$set_once", "$set"):
        given = item.get(operation)
        if given is None:
            continue
        if not isinstance(given, dict):
            raise FieldError(operation, ProblemCode.INVALID, f"must be a JSON object, not {kind_of(given)}")
        said |= {NAMED_OTHERWISE.get(name, name): value for name, value in given.items()}
    unset = item.get("$unset")
    if isinstance(unset, list):
        said |= {NAMED_OTHERWISE.get(name, name): None for name in unset if isinstance(name, str)}
    return said or None


def imported(reading: Reading) -> Mapping[str, Any]:
    """What clients of `/import` with a JSON body look for."""
    return {"code": 200, "status": "OK", "num_records_imported": len(reading.taken)}


EVENTS: Final = Dialect(DialectName.MIXPANEL, open_envelope, read_event, "properties.$insert_id", key_in_body=True)
IMPORT: Final = EVENTS._replace(answer=imported)
GROUPS: Final = EVENTS._replace(read=read_group)
PERSONS: Final = EVENTS._replace(read=read_person)
