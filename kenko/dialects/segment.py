"""Segment's dialect, which RudderStack's clients speak too: what becomes of each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from kenko.dialects import fields
from kenko.dialects.accounts import as_account, attributed, find_account
from kenko.dialects.assemble import assemble
from kenko.dialects.group_traits import traits_record
from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.reading import Dialect, DialectName, Item, Noted
from kenko.dialects.request import NOTHING, Envelope
from kenko.dialects.segment_body import CALLS, open_body
from kenko.dialects.segment_fields import call_id, call_time, context_of, free_object, people, person
from kenko.dialects.sending import Sending
from kenko.dialects.strict_json import check_properties, kind_of
from schemas.usage_event import UsageEvent

SOURCE: Final = "segment"
"""Of calls that are sent with a key that names no source."""
_NAMES_OF_VIEWS: Final = ("name", "category")


def read_call(item: Mapping[str, Any], envelope: Envelope, sending: Sending) -> Item:
    """What a call says.

    Raises:
        FieldError: the first field that is wrong; code UNATTRIBUTED: nobody can tell which account it is about.
    """
    call = _type_of(item, envelope.around.get("type"))
    return _READERS[call](item, envelope, sending)


def _type_of(item: Mapping[str, Any], of_path: str | None) -> str:
    given = item.get("type")
    if given is None:
        given = of_path
    if given is None:
        raise FieldError("type", ProblemCode.MISSING, f"is required: one of {', '.join(CALLS)}")
    if not isinstance(given, str) or given not in _READERS:
        shown = ascii(given[:50]) if isinstance(given, str) else kind_of(given)
        raise FieldError("type", ProblemCode.INVALID, f"is {shown}, but must be one of {', '.join(CALLS)}")
    if of_path is not None and given != of_path:
        raise FieldError("type", ProblemCode.INVALID, f"is {given!r}, but this path takes {of_path!r}")
    return given


def _track(item: Mapping[str, Any], envelope: Envelope, sending: Sending) -> UsageEvent:
    return _event(fields.name(item, "event"), item, fields.properties(item, "properties"), envelope, sending)


def _page(item: Mapping[str, Any], envelope: Envelope, sending: Sending) -> UsageEvent:
    return _view("Page Viewed", item, envelope, sending)


def _screen(item: Mapping[str, Any], envelope: Envelope, sending: Sending) -> UsageEvent:
    return _view("Screen Viewed", item, envelope, sending)


def _view(name: str, item: Mapping[str, Any], envelope: Envelope, sending: Sending) -> UsageEvent:
    """All pages have one name as events, and all screens: what was looked at is among the properties."""
    properties = fields.properties(item, "properties")
    shown = {field: item[field] for field in _NAMES_OF_VIEWS if item.get(field) is not None and field not in properties}
    check_properties(shown, "properties")
    return _event(name, item, {**properties, **shown}, envelope, sending)


def _event(
    name: str, item: Mapping[str, Any], properties: dict[str, Any], envelope: Envelope, sending: Sending
) -> UsageEvent:
    source = sending.origin.source(SOURCE)
    id_, time = call_id(item, sending.received), call_time(item, envelope, sending.received)
    users = people(item)
    account = find_account(item.get("groupId"), context_of(item, envelope), properties)
    return assemble(
        {
            "id": id_,
            "source": source,
            "account_id": attributed(account, source, users, sending.known),
            "user_id": users[0] or users[1],
            "event": name,
            "time": time,
            "received_at": sending.received.at,
            "properties": properties,
            "backfill": sending.origin.backfill,
        }
    )


def _identify(item: Mapping[str, Any], envelope: Envelope, sending: Sending) -> Item:
    """Facts about a person are none about use. But they say in which account the person is, and often what that is."""
    context = context_of(item, envelope)
    # RudderStack's libraries have the traits under `context` alone.
    in_context = context.get("traits")
    traits = free_object(item, "traits") or (in_context if isinstance(in_context, Mapping) else NOTHING)
    id_ = call_id(item, sending.received)
    time = call_time(item, envelope, sending.received)
    source = sending.origin.source(SOURCE)
    users = people(item)
    sending.known.join(source, users, find_account(item.get("groupId"), context, NOTHING, traits=traits))
    company = traits.get("company")
    if not isinstance(company, Mapping):
        return Noted(id_)
    about = as_account(company.get("id"), "traits.company.id")
    facts = {name: value for name, value in company.items() if name != "id"}
    if about is None:
        return Noted(id_)
    record = traits_record(id_=id_, source=source, account=about, time=time, given=facts, path="traits.company")
    return record if record.traits else Noted(id_)


def _group(item: Mapping[str, Any], envelope: Envelope, sending: Sending) -> Item:
    """The traits of a group are those of the account. Without any it says only who is in it."""
    traits = free_object(item, "traits")
    id_, time = call_id(item, sending.received), call_time(item, envelope, sending.received)
    source = sending.origin.source(SOURCE)
    account = find_account(item.get("groupId"), NOTHING, NOTHING, traits=traits)
    if account is None:
        code = ProblemCode.UNATTRIBUTED if isinstance(item.get("groupId"), str) else ProblemCode.MISSING
        raise FieldError("groupId", code, "is required: the account that the user is in")
    attributed(account, source, people(item), sending.known)
    record = traits_record(id_=id_, source=source, account=account, time=time, given=traits, path="traits")
    return record if record.traits else Noted(id_)


def _alias(item: Mapping[str, Any], _envelope: Envelope, sending: Sending) -> Noted:
    """A person goes by another id from now on: in the same account."""
    id_ = call_id(item, sending.received)
    source = sending.origin.source(SOURCE)
    sending.known.join(source, (person(item, "previousId"), person(item, "userId")), None)
    return Noted(id_)


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], Envelope, Sending], Item]]] = MappingProxyType(
    {
        "track": _track,
        "page": _page,
        "screen": _screen,
        "identify": _identify,
        "group": _group,
        "alias": _alias,
    }
)

SEGMENT: Final = Dialect(DialectName.SEGMENT, open_body, read_call, "messageId", key_in_body=True)
