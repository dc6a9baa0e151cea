"""Usage events and ticks on Kafka: the CloudEvents 1.0 Kafka binding, and our plain JSON without any headers.

Binary mode, which we write: key = account id, attributes as `ce_` headers, value = the properties alone.
Structured mode is read too: content-type application/cloudevents+json, value = the whole CloudEvent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import orjson
from pydantic import ValidationError

from kenko.dialects import cloudevents_json, fields, plain
from kenko.dialects.assemble import assemble
from kenko.dialects.identifiers import common_identifier_of, event_name_of, identifier_of, is_reserved
from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.record import Headers, InvalidRecord, KafkaRecord
from kenko.dialects.strict_json import check_properties, parse_object
from kenko.dialects.times import Received, format_time, is_in_the_future, parse_time
from schemas.base import from_ms
from schemas.dead_letter import DeadLetterReason
from schemas.tick import TICK_TYPE, Tick
from schemas.usage_event import MAX_EVENT_BYTES, UsageEvent

__all__ = ["InvalidRecord", "KafkaRecord", "decode_record", "encode_event", "encode_tick"]

JSON_TYPE: Final = b"application/json"
STRUCTURED_TYPE: Final = b"application/cloudevents+json"
_VERSION: Final = ("ce_specversion", b"1.0")
_CONTENT: Final = ("content-type", JSON_TYPE)
_TICK: Final = TICK_TYPE.encode()


def encode_event(event: UsageEvent) -> KafkaRecord:
    """The record of `event` in binary mode; decode_record gives an equal event back."""
    account = event.account_id.encode()
    headers = [
        _VERSION,
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", event.event.encode()),
        ("ce_time", format_time(event.time)),
        ("ce_subject", account),
        _CONTENT,
    ]
    if event.user_id is not None:
        headers.append(("ce_userid", event.user_id.encode()))
    if event.received_at is not None:
        headers.append(("ce_receivedtime", _received_text(event.received_at)))
    return KafkaRecord(account, orjson.dumps(event.properties) if event.properties else b"{}", headers)


def encode_tick(time_ms: int, *, source: str, id: str) -> KafkaRecord:  # noqa: A002 - the attribute's name
    """The record of a tick that carries `time_ms`. `source` is kenko/scorer or kenko/replay; `id` is unique."""
    time = from_ms(time_ms)
    headers = [
        _VERSION,
        ("ce_id", id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", _TICK),
        ("ce_time", format_time(time)),
        _CONTENT,
    ]
    return KafkaRecord(None, Tick(time=time).model_dump_json().encode(), headers)


def decode_record(
    key: bytes | None, value: bytes | None, headers: Headers, timestamp_ms: int | None
) -> UsageEvent | Tick:
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
            }
        )
    except (KeyError, ValueError, AttributeError):  # missing, wrong, or a header without a value
        return None


def decode_any(key: bytes | None, value: bytes | None, headers: Headers, timestamp_ms: int | None) -> UsageEvent | Tick:
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


def _structured(key: bytes | None, value: bytes, received: Received) -> UsageEvent | Tick:
    item = parse_object(value)
    if isinstance(item.get("type"), str) and is_reserved(item["type"]):
        cloudevents_json.check_version(item)
        return _own_record(item["type"], cloudevents_json.read_data(item))
    event = cloudevents_json.read_event(item, received)
    return _with_key(key, event, fields.optional_time(item, "receivedtime"))


def _binary(key: bytes | None, value: bytes, attributes: Mapping[str, bytes], received: Received) -> UsageEvent | Tick:
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
        return _own_record(item["ce_type"], item["properties"])
    account = fields.optional(item, "ce_subject") or _account(key)
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
        }
    )
    return _with_key(key, event, fields.optional_time(item, "ce_receivedtime"))


def _own_record(kind: str, data: Mapping[str, Any]) -> Tick:
    """A record of our own log."""
    if kind != TICK_TYPE:
        shown = kind if len(kind) <= 100 and kind.isprintable() else "this type"
        raise InvalidRecord(DeadLetterReason.UNKNOWN_TYPE, f"ce_type: {shown} is not known to this version")
    try:
        return Tick.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise FieldError("time", ProblemCode.INVALID, f"a tick needs a time: {first['msg']}") from None


def _account(key: bytes | None) -> str:
    if key is None:
        raise FieldError("key", ProblemCode.MISSING, "is null: it must be the account id")
    try:
        return identifier_of(key)
    except ValueError as error:
        raise FieldError("key", ProblemCode.INVALID, f"must be the account id: {error}") from None


def _with_key(key: bytes | None, event: UsageEvent, received_at: datetime | None) -> UsageEvent:
    """The key decides the partition: with another account in it, the event would be scored where its state is not."""
    if _account(key) != event.account_id:
        raise FieldError("key", ProblemCode.INVALID, "must be the account id that the event names")
    return event.model_copy(update={"received_at": received_at})
