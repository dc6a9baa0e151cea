"""The records of the usage-events log that are no usage events: ticks, traits, overrides, forgets, and what is known of
sources. Never taken by ingest.

Their value holds the contract's fields as JSON. `id`, `source`, `account_id` and `time` may stand in it or be left to the
attributes and the key, as a CloudEvent has them; where they stand in both, both must say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
from pydantic import ValidationError

from kenko.dialects import fields
from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.record import CONTENT_HEADER, VERSION_HEADER, InvalidRecord, KafkaRecord
from kenko.dialects.strict_json import check_properties
from kenko.dialects.times import Received, format_time
from schemas.account_traits import TRAITS_TYPE, AccountTraits
from schemas.base import from_ms
from schemas.dead_letter import DeadLetterReason
from schemas.forget import FORGET_TYPE, Forget
from schemas.override import OVERRIDE_TYPE, Override
from schemas.source_state import SOURCE_STATE_TYPE, SourceState
from schemas.tick import TICK_TYPE, Tick

OfAccount = AccountTraits | Override | Forget
"""Those that are of one account, and keyed by it."""
OwnRecord = Tick | SourceState | OfAccount

_ATTRIBUTES: Final = frozenset({"id", "source", "account_id", "time"})


class Names(NamedTuple):
    """What the parts of a record are called in the form it came in: for reading them, and for the errors."""

    id: str
    source: str
    subject: str
    time: str
    data: str


def encode_tick(time_ms: int, *, source: str, id: str) -> KafkaRecord:  # noqa: A002 - the attribute's name
    """The record of a tick that carries `time_ms`. `source` is kenko/scorer or kenko/replay; `id` is unique."""
    time = from_ms(time_ms)
    return KafkaRecord(None, Tick(time=time).model_dump_json().encode(), _headers(TICK_TYPE, id, source, time))


def encode_source_state(state: SourceState, *, time: datetime, source: str, id: str) -> KafkaRecord:  # noqa: A002 - as above
    """The record that a source fell silent or is back, decided at `time`. One goes to every partition."""
    return KafkaRecord(None, state.model_dump_json().encode(), _headers(SOURCE_STATE_TYPE, id, source, time))


def encode_traits(record: AccountTraits) -> KafkaRecord:
    """The record of traits; decode_record gives an equal one back."""
    return _encode(TRAITS_TYPE, record)


def encode_override(record: Override) -> KafkaRecord:
    """The record of an override; decode_record gives an equal one back."""
    return _encode(OVERRIDE_TYPE, record)


def encode_forget(record: Forget) -> KafkaRecord:
    """The record of a forget; decode_record gives an equal one back."""
    return _encode(FORGET_TYPE, record)


def _encode(kind: str, record: OfAccount) -> KafkaRecord:
    account = record.account_id.encode()
    value = record.model_dump(mode="json", exclude=set(_ATTRIBUTES))
    headers = _headers(kind, record.id, record.source, record.time)
    return KafkaRecord(account, orjson.dumps(value), [*headers, ("ce_subject", account)])


def _headers(kind: str, id_: str, source: str, time: datetime) -> list[tuple[str, bytes]]:
    return [
        VERSION_HEADER,
        ("ce_id", id_.encode()),
        ("ce_source", source.encode()),
        ("ce_type", kind.encode()),
        ("ce_time", format_time(time)),
        CONTENT_HEADER,
    ]


def read_own_record(  # noqa: PLR0913 - the parts of a record, by keyword
    kind: str,
    attributes: Mapping[str, Any],
    data: Mapping[str, Any],
    names: Names,
    *,
    key: bytes | None,
    received: Received,
) -> OwnRecord:
    """The record of type `kind` with these attributes and this data.

    Raises:
        FieldError: the first field that is wrong.
        InvalidRecord: a type that this version does not know.
    """
    if kind == TICK_TYPE:
        return _read_tick(data)
    if kind == SOURCE_STATE_TYPE:
        return _read_source_state(data, names)
    contract = _OF_ACCOUNT.get(kind)
    if contract is None:
        shown = kind if len(kind) <= 100 and kind.isprintable() else "this type"
        raise InvalidRecord(DeadLetterReason.UNKNOWN_TYPE, f"ce_type: {shown} is not known to this version")
    values = dict(data)
    check_properties(values, names.data)
    if isinstance(values.get("until"), str):
        values["until"] = fields.optional_time(values, "until")
    values |= _common(attributes, data, names, key=key, received=received)
    try:
        # Strict: "35" is no score and true is no number, though pydantic would take them for one.
        return contract.model_validate(values, strict=True)
    except ValidationError as error:
        raise _field_error(error, kind, names) from None


def _read_tick(data: Mapping[str, Any]) -> Tick:
    try:
        return Tick.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise FieldError("time", ProblemCode.INVALID, f"a tick needs a time: {first['msg']}") from None


def _read_source_state(data: Mapping[str, Any], names: Names) -> SourceState:
    values = dict(data)
    if isinstance(values.get("silent_since"), str):
        values["silent_since"] = fields.optional_time(values, "silent_since")
    try:
        return SourceState.model_validate(values, strict=True)
    except ValidationError as error:
        raise _field_error(error, SOURCE_STATE_TYPE, names) from None


def _common(
    attributes: Mapping[str, Any], data: Mapping[str, Any], names: Names, *, key: bytes | None, received: Received
) -> dict[str, Any]:
    """What these contracts have: id, source, account and time."""
    account = fields.account_key(key)
    # The key decides the partition: with another account in it, the record would stand where its state is not.
    for place, said in (
        (names.subject, fields.optional(attributes, names.subject)),
        (f"{names.data}.account_id", fields.optional(data, "account_id")),
    ):
        if said is not None and said != account:
            raise FieldError("key", ProblemCode.INVALID, f"must be the account id that {place} names")
    found = {"account_id": account}
    for field, name, meaning in (
        ("id", names.id, "it stays the same when the producer retries"),
        ("source", names.source, "who says so; ids are unique within a source"),
    ):
        inside = fields.optional(data, field)
        outside = fields.optional(attributes, name)
        if inside is not None and outside is not None and inside != outside:
            raise FieldError(name, ProblemCode.INVALID, f"must be the {field} that {names.data}.{field} names")
        found[field] = inside or fields.required(attributes, name, meaning)
    return {**found, "time": _time(attributes, data, names, received)}


def _time(attributes: Mapping[str, Any], data: Mapping[str, Any], names: Names, received: Received) -> datetime:
    """Judged like an event's: not more than an hour ahead; where there is none, when the record was written."""
    inside = fields.optional_time(data, "time")
    if inside is None:
        return fields.time(attributes, names.time, received)
    outside = fields.optional_time(attributes, names.time)
    if outside is not None and outside != inside:
        raise FieldError(names.time, ProblemCode.INVALID, f"must be the time that {names.data}.time names")
    return fields.time(data, "time", received)


def _field_error(error: ValidationError, kind: str, names: Names) -> FieldError:
    """The first mistake. Names out of the data may be anything: one that is not fit to be shown is left out."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = [names.data, *(_shown(part) for part in first["loc"][:2])]
    if first["type"] == "missing":
        return FieldError(".".join(path), ProblemCode.MISSING, "is required")
    if first["type"] == "extra_forbidden":
        return FieldError(".".join(path), ProblemCode.UNKNOWN_FIELD, f"is no field of {kind}")
    if first["loc"][0] == "traits" and len(first["loc"]) > 1:
        return FieldError(".".join(path), ProblemCode.INVALID, "must be a string, a number, true, false or null")
    message = first["msg"].removeprefix("Value error, ")
    return FieldError(".".join(path), ProblemCode.INVALID, message[:1].lower() + message[1:])


def _shown(part: str | int) -> str:
    text = str(part)
    return text if text.isprintable() and len(text) <= 100 else f"{text[:100]!a}"


_OF_ACCOUNT: Final[Mapping[str, type[OfAccount]]] = {
    TRAITS_TYPE: AccountTraits,
    OVERRIDE_TYPE: Override,
    FORGET_TYPE: Forget,
}
