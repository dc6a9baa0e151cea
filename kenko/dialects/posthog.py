"""PostHog: its calls, read as usage events and as traits of accounts. Python, Node and the browser, v0 and v1.

`$groups` names the account, `distinct_id` the person, `uuid` is the id. What is about persons alone is noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from kenko.dialects import fields
from kenko.dialects.accounts import as_account, attributed, find_account, is_account_group
from kenko.dialects.assemble import assemble
from kenko.dialects.client_clock import event_time
from kenko.dialects.content_id import content_id
from kenko.dialects.event_token import check_one_sender
from kenko.dialects.group_traits import traits_record
from kenko.dialects.posthog_envelope import SENT_AT, open_envelope, token_of
from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.reading import Dialect, DialectName, Item, Noted, Reading
from kenko.dialects.request import Envelope
from kenko.dialects.sending import Sending
from schemas.account_traits import AccountTraits
from schemas.usage_event import UsageEvent

SOURCE: Final = "posthog"
NAMES: Final[Mapping[str, str]] = {"$pageview": "Page Viewed", "$screen": "Screen Viewed"}
"""Events that other clients have under another name; all others keep theirs."""
ABOUT_PERSONS: Final = frozenset({"$identify", "$set", "$create_alias", "$merge_dangerously", "$feature_flag_called"})
"""Calls that say nothing about use."""
LEFT_OUT: Final = frozenset(
    {
        "token",
        "api_key",
        "distinct_id",
        "$groups",
        "$set",
        "$set_once",
        "$ip",
        "$raw_user_agent",
        "$user_agent",
        "$ignore_sent_at",
    }
)
"""Properties that do not go on: the key, the person's own data, and what has a field of its own."""
_LONGEST_OFFSET_MS: Final = 366 * 86_400_000


class _Call(NamedTuple):
    """What every call has, checked."""

    name: str
    id: str
    source: str
    user: str | None
    time: datetime
    properties: Mapping[str, Any]


def read_call(item: Mapping[str, Any], envelope: Envelope, sending: Sending) -> Item:
    """The meaning of one event of PostHog's.

    Raises:
        FieldError: the first field that is wrong, or no account.
    """
    check_one_sender(token_of(item), envelope)
    properties = fields.properties(item, "properties")
    name = fields.name(item, "event")
    time = _time(item, envelope, sending)
    id_ = fields.optional(item, "uuid")
    if id_ is None:
        id_ = content_id(item, received=None if "timestamp" in item else sending.received)
    person = item.get("distinct_id")
    user = as_account(properties.get("distinct_id") if person is None else person, "distinct_id")
    call = _Call(name, id_, sending.origin.source(SOURCE), user, time, properties)
    if name == "$groupidentify":
        return _group(call, sending)
    return _person(call, sending) if name in ABOUT_PERSONS else _event(call, sending)


def _event(call: _Call, sending: Sending) -> UsageEvent:
    account = find_account(None, {}, call.properties)
    kept = {key: value for key, value in call.properties.items() if key not in LEFT_OUT}
    if call.name == "$screen" and "$screen_name" in kept:
        kept.setdefault("name", kept["$screen_name"])
    return assemble(
        {
            "id": call.id,
            "source": call.source,
            "account_id": attributed(account, call.source, (call.user,), sending.known),
            "user_id": call.user,
            "event": NAMES.get(call.name, call.name),
            "time": call.time,
            "received_at": sending.received.at,
            "properties": kept,
            "backfill": sending.origin.backfill,
        }
    )


def _person(call: _Call, sending: Sending) -> Noted:
    """Which ids are of one person, and in which account."""
    others = (call.properties.get("$anon_distinct_id"), call.properties.get("alias"))
    users = (call.user, *(as_account(other, "properties.alias") for other in others))
    sending.known.join(call.source, users, find_account(None, {}, call.properties))
    return Noted(call.id)


def _group(call: _Call, sending: Sending) -> AccountTraits | Noted:
    """What is known of a group: of an account, if groups of this type are accounts."""
    properties = call.properties
    if not is_account_group(properties.get("$group_type")):
        return Noted(call.id)
    account = as_account(properties.get("$group_key"), "properties.$group_key")
    if account is None:
        raise FieldError("properties.$group_key", ProblemCode.MISSING, "is required: the account")
    given = properties.get("$group_set") or {}
    if not isinstance(given, dict):
        raise FieldError("properties.$group_set", ProblemCode.INVALID, "must be a JSON object")
    sending.known.join(call.source, (call.user,), account)
    return traits_record(
        id_=call.id,
        source=call.source,
        account=account,
        time=call.time,
        given=given,
        path="properties.$group_set",
    )


def _time(item: Mapping[str, Any], envelope: Envelope, sending: Sending) -> datetime:
    received = sending.received
    given = fields.optional_time(item, "timestamp")
    offset = item.get("offset")
    if given is None and type(offset) is int and 0 <= offset <= _LONGEST_OFFSET_MS and received.at is not None:
        # The browser, where it sends no time: how long ago it happened.
        return received.at - timedelta(milliseconds=offset)
    # History has its times out of a store: the clock of whoever sends it has nothing to do with them.
    as_it_is = envelope.backfill or _clock_is_meant(item)
    sent_at = None if as_it_is else envelope.around.get(SENT_AT)
    return event_time(given, sent_at, received, "timestamp")


def _clock_is_meant(item: Mapping[str, Any]) -> bool:
    """The sender asks for its times to be taken as they are."""
    options, properties = item.get("options"), item.get("properties")
    return (isinstance(options, dict) and options.get("disable_skew_correction") is True) or (
        isinstance(properties, dict) and properties.get("$ignore_sent_at") is True
    )


def results(reading: Reading) -> Mapping[str, Any]:
    """What v1 wants to hear of each event, by its uuid. `drop` reaches the client's error hook and is never sent again;
    one without an account is kept aside, which is a warning.
    """
    told: dict[str, dict[str, str | None]] = {
        taken.item.id: {"result": "ok", "details": None} for taken in reading.taken
    }
    for problem, _raw in reading.refused:
        if problem.id is not None:
            result = "warning" if problem.code is ProblemCode.UNATTRIBUTED else "drop"
            told[problem.id] = {"result": result, "details": problem.message}
    return {"results": told}


V0: Final = Dialect(DialectName.POSTHOG, open_envelope, read_call, "uuid", key_in_body=True)
V1: Final = Dialect(DialectName.POSTHOG, open_envelope, read_call, "uuid", answer=results)
