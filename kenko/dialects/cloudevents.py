"""Records of the usage-events log on Kafka: the CloudEvents 1.0 Kafka binding, and our plain JSON without any headers.

Binary mode, which we write: key = account id, attributes as `ce_` headers, value = the properties alone.
Structured mode is read too: content-type application/cloudevents+json, value = the whole CloudEvent.
Ticks, traits, overrides and forgets, the records that are no usage events: `own_records`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import orjson

from kenko.dialects import cloudevents_json, fields, plain
from kenko.dialects.assemble import assemble
from kenko.dialects.identifiers import common_identifier_of, event_name_of, identifier_of, is_reserved
from kenko.dialects.own_records import (
    Names,
    OwnRecord,
    encode_forget,
    encode_override,
    encode_tick,
    encode_traits,
    read_own_record,
)
from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.record import CONTENT_HEADER, JSON_TYPE, VERSION_HEADER, Headers, InvalidRecord, KafkaRecord
from kenko.dialects.strict_json import check_properties, parse_object
from kenko.dialects.times import Received, format_time, is_in_the_future, parse_time
from schemas.base import from_ms
from schemas.usage_event import MAX_EVENT_BYTES, UsageEvent

__all__ = [
    "InvalidRecord",
    "KafkaRecord",
    "decode_record",
    "encode_event",
    "encode_forget",
    "encode_override",
    "encode_tick",
    "encode_traits",
]

STRUCTURED_TYPE: Final = b"application/cloudevents+json"
BACKFILL_HEADER: Final = "ce_backfill"
BACKFILL: Final = b"true"
"""History loaded from outside; any other value, or none, is an event of now."""
_BINARY_NAMES: Final = Names(id="ce_id", source="ce_source", subject="ce_subject", time="ce_time", data="value")
_STRUCTURED_NAMES: Final = Names(id="id", source="source", subject="subject", time="time", data="data")


def encode_event(event: UsageEvent) -> KafkaRecord:
    """The record of `event` in binary mode; decode_record gives an equal event back."""
    account = event.account_id.encode()
    headers = [
        VERSION_HEADER,
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", event.event.encode()),
        ("ce_time", format_time(event.time)),
        ("ce_subject", account),
        CONTENT_HEADER,
    ]
    if event.user_id is not None:
        headers.append(("ce_userid", event.user_id.encode()))
    if event.backfill:
        headers.append((BACKFILL_HEADER, BACKFILL))
    if event.received_at is not None:
        headers.append(("ce_receivedtime", _received_text(event.received_at)))
    return KafkaRecord(account, orjson.dumps(event.properties) if event.properties else b"{}", headers)


def decode_record(
    key: bytes | None, value: bytes | None, headers: Headers, timestamp_ms: int | None
) -> UsageEvent | OwnRecord:
    """What a record of the usage-events topic says. `timestamp_ms`: the record's Kafka timestamp.

    Raises:
        InvalidRecord: it will never be applied; names the field and the mend.
    """
    # Two ways that accept exactly the same (a property test compares them): the short one takes a record as encode_event
    # writes it; whatever is not so, or is wrong, goes the long way, which knows all forms and all reasons.
    event = decode_as_written(key, value, headers, timestamp_ms)
    return event if event is not None else decode_any(key, value, headers, timestamp_ms)


def decode_as_written(
    key: bytes | None, value: bytes | None, headers: Headers, timestamp_ms: int | None
) -> UsageEvent | None:
    """The event in a record of the form that encode_event writes; None where only the long way can tell."""
    attributes = dict(headers)
    get = attributes.get
    subject, user, received = get("ce_subject"), get("ce_userid"), get("ce_receivedtime")
    if (
        key is None
        or value is None
        or timestamp_ms is None
        or timestamp_ms < 0
        or len(value) > MAX_EVENT_BYTES
        or get("ce_specversion") != b"1.0"
        or get("content-type") != JSON_TYPE
        or (subject is not None and subject != key)
    ):
        return None
    try:
        properties = {} if value == b"{}" else orjson.loads(value)
        time = parse_time(attributes["ce_time"])
        if type(properties) is not dict or is_in_the_future(time, timestamp_ms):
            return None
        check_properties(properties, "properties")
        return assemble(
            {
                "id": identifier_of(attributes["ce_id"]),
                "source": common_identifier_of(attributes["ce_source"]),
                "account_id": common_identifier_of(key),
                "user_id": None if user is None else common_identifier_of(user),
                "event": event_name_of(attributes["ce_type"]),
                "time": time,
                "received_at": None if received is None else _received_time(received),
                "properties": properties,
                "backfill": get(BACKFILL_HEADER) == BACKFILL,
            }
        )
    except (KeyError, ValueError, AttributeError):  # missing, wrong, or a header without a value
        return None


def decode_any(
    key: bytes | None, value: bytes | None, headers: Headers, timestamp_ms: int | None
) -> UsageEvent | OwnRecord:
    """As decode_record, the long way."""
    given: dict[str, bytes | None] = dict(headers)  # of two with one name, the last counts
    attributes = {name: raw for name, raw in given.items() if raw is not None}
    received = _received(timestamp_ms)
    try:
        value = _bounded(value)
        if attributes.get("content-type", b"").lower().startswith(STRUCTURED_TYPE):
            return _structured(key, value, received)
        if any(name.startswith("ce_") for name in attributes):
            return _binary(key, value, attributes, received)
        return _with_key(key, plain.read_event(parse_object(value), received), None)
    except FieldError as error:
        raise InvalidRecord(error.code.dead_letter_reason, str(error)) from None


def _bounded(value: bytes | None) -> bytes:
    if value is None:
        raise FieldError("value", ProblemCode.UNDECODABLE, "is null: an event needs a JSON object")
    if len(value) > MAX_EVENT_BYTES:
        raise FieldError("value", ProblemCode.TOO_LARGE, f"is larger than {MAX_EVENT_BYTES} bytes")
    return value


_received_time = lru_cache(maxsize=4096)(parse_time)
"""Events of one request were received at the same time."""
_received_text = lru_cache(maxsize=1024)(format_time)


def _received(timestamp_ms: int | None) -> Received:
    if timestamp_ms is None or timestamp_ms < 0:
        return Received(None, None)
    return Received(from_ms(timestamp_ms), timestamp_ms)


def _structured(key: bytes | None, value: bytes, received: Received) -> UsageEvent | OwnRecord:
    item = parse_object(value)
    if isinstance(item.get("type"), str) and is_reserved(item["type"]):
        cloudevents_json.check_version(item)
        data = cloudevents_json.read_data(item)
        return read_own_record(item["type"], item, data, _STRUCTURED_NAMES, key=key, received=received)
    event = cloudevents_json.read_event(item, received)
    return _with_key(key, event, fields.optional_time(item, "receivedtime"))


def _binary(
    key: bytes | None, value: bytes, attributes: Mapping[str, bytes], received: Received
) -> UsageEvent | OwnRecord:
    content = attributes.get("content-type", JSON_TYPE).partition(b";")[0].strip().lower()
    if content != JSON_TYPE:
        raise FieldError("content-type", ProblemCode.UNDECODABLE, "must be application/json")
    # As the JSON form, so that both are read by the same rules; the errors then name the header.
    item: dict[str, Any] = {}
    for name, raw in attributes.items():
        if name.startswith("ce_"):
            try:
                item[name] = raw.decode()
            except UnicodeDecodeError:
                raise FieldError(name, ProblemCode.INVALID, "must be UTF-8") from None
    if item.get("ce_specversion") != "1.0":
        raise FieldError("ce_specversion", ProblemCode.INVALID, "must be '1.0'")
    item["properties"] = parse_object(value, what="the value")
    if is_reserved(item.get("ce_type", "")):
        return read_own_record(item["ce_type"], item, item["properties"], _BINARY_NAMES, key=key, received=received)
    account = fields.optional(item, "ce_subject") or fields.account_key(key)
    event = assemble(
        {
            "id": fields.required(item, "ce_id", "it stays the same when the producer retries"),
            "source": fields.required(item, "ce_source", "who produced it; ids are unique within a source"),
            "account_id": account,
            "user_id": fields.optional(item, "ce_userid"),
            "event": fields.name(item, "ce_type"),
            "time": fields.time(item, "ce_time", received),
            "received_at": None,
            "properties": fields.properties(item, "properties"),
            "backfill": attributes.get(BACKFILL_HEADER) == BACKFILL,
        }
    )
    return _with_key(key, event, fields.optional_time(item, "ce_receivedtime"))


def _with_key(key: bytes | None, event: UsageEvent, received_at: datetime | None) -> UsageEvent:
    """The key decides the partition: with another account in it, the event would be scored where its state is not."""
    if fields.account_key(key) != event.account_id:
        raise FieldError("key", ProblemCode.INVALID, "must be the account id that the event names")
    return event.model_copy(update={"received_at": received_at})
