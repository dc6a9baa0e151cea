"""Usage events and ticks on Kafka: what is written comes back, and both ways of reading accept the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kenko.dialects.cloudevents import (
    InvalidRecord,
    decode_any,
    decode_as_written,
    decode_record,
    encode_event,
    encode_tick,
)
from schemas.base import to_ms
from schemas.dead_letter import DeadLetterReason as Reason
from schemas.tick import TICK_TYPE, Tick
from schemas.usage_event import MAX_EVENT_BYTES, UsageEvent

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_MS = to_ms(NOON)
HOUR_MS = 3_600_000

identifiers = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\x7f"), min_size=1, max_size=200
).filter(lambda text: text == text.strip())
names = identifiers.filter(lambda text: not text.lower().startswith("kenko."))
times = st.integers(-62_135_510_400_000_000, 253_402_128_000_000_000).map(
    lambda micros: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
numbers = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(-1e18, 1e18)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
properties = st.dictionaries(texts, json_values, max_size=5)
events = st.builds(
    UsageEvent,
    id=identifiers,
    source=identifiers,
    account_id=identifiers,
    user_id=st.none() | identifiers,
    event=names,
    time=times,
    received_at=st.none() | times,
    properties=properties,
)


def headers_of(**changed: bytes | None) -> list[tuple[str, Any]]:
    """The headers of a good record, with changes; None leaves one out."""
    good: dict[str, bytes | None] = {
        "ce_specversion": b"1.0",
        "ce_id": b"e1",
        "ce_source": b"app",
        "ce_type": b"Report Exported",
        "ce_time": b"2026-03-01T12:00:00Z",
        "content-type": b"application/json",
    }
    return [(name, raw) for name, raw in (good | changed).items() if raw is not None]


def structured(**changed: Any) -> bytes:
    good = {
        "specversion": "1.0",
        "id": "e1",
        "source": "app",
        "type": "Report Exported",
        "subject": "acme",
        "time": "2026-03-01T12:00:00Z",
        "userid": "ann",
        "receivedtime": "2026-03-01T12:00:01Z",
        "data": {"rows": 3},
    }
    return orjson.dumps({name: value for name, value in (good | changed).items() if value is not None})


STRUCTURED = [("content-type", b"application/cloudevents+json; charset=utf-8")]


@given(events)
def test_an_event_comes_back_as_it_went(event: UsageEvent) -> None:
    record = encode_event(event)
    assert decode_record(record.key, record.value, record.headers, max(0, to_ms(event.time))) == event


@given(events)
def test_a_decoded_event_is_what_the_model_would_validate(event: UsageEvent) -> None:
    record = encode_event(event)
    decoded = decode_as_written(record.key, record.value, record.headers, max(0, to_ms(event.time)))
    if decoded is None:
        decoded = decode_any(record.key, record.value, record.headers, max(0, to_ms(event.time)))
    assert isinstance(decoded, UsageEvent)
    validated = UsageEvent.model_validate(decoded.model_dump())
    assert decoded == validated
    assert decoded.model_dump_json() == validated.model_dump_json()
    assert decoded.model_copy(update={"id": "other"}).id == "other"


raw_texts = st.one_of(
    st.none(),
    st.binary(max_size=30),
    st.sampled_from(
        [b"", b" a", b"a ", b"a\nb", "日本".encode(), b"\xff", b"a" * 200, b"a" * 201, b"kenko.x", b"KENKO.x"]
    ),
)
raw_times = st.one_of(
    st.none(),
    times.map(lambda time: time.isoformat().encode()),
    times.map(lambda time: time.isoformat().replace("+00:00", "Z").encode()),
    st.from_regex(
        rb"\A20[0-9]{2}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|z|[+-][0-9:]{4,5})?\Z"
    ),
    st.sampled_from(
        [
            b"2026-03-01T24:00:00Z",
            b"2026-W01-1T00:00:00Z",
            b"2026-02-30T00:00:00Z",
            b"0000-01-01T00:00:00Z",
            b"0001-01-01T00:00:00+14:00",
            b"2026-03-01T12:00:60Z",
            b"2026-03-01T12:00:00+05:30",
            b"2026-03-01T13:00:00.000999Z",
            b"2026-03-01T13:00:00.001Z",
            b"1772366400",
        ]
    ),
)
raw_values = st.one_of(
    st.none(),
    st.binary(max_size=20),
    properties.map(orjson.dumps),
    st.sampled_from(
        [
            b"{}",
            b" {}",
            b"[]",
            b"null",
            b'{"a":NaN}',
            b'{"a":1e999}',
            b'{"a":9223372036854775808}',
            b'{"a":"\\u0000"}',
            b"{" + b" " * MAX_EVENT_BYTES + b"}",
            b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
        ]
    ),
)


@given(
    key=raw_texts | st.just(b"acme"),
    value=raw_values,
    changed=st.fixed_dictionaries(
        {},
        optional={
            "ce_specversion": st.sampled_from([None, b"0.3", b"1.0"]),
            "ce_id": raw_texts,
            "ce_source": raw_texts,
            "ce_type": raw_texts,
            "ce_time": raw_times,
            "ce_subject": raw_texts | st.just(b"acme"),
            "ce_userid": raw_texts,
            "ce_receivedtime": raw_times,
            "content-type": st.sampled_from(
                [None, b"application/json; charset=utf-8", b"text/plain", b"APPLICATION/JSON"]
            ),
        },
    ),
    timestamp_ms=st.sampled_from([NOON_MS, 0, -1, None]),
)
@example(key=b"acme", value=b"{}", changed={"ce_time": b"2026-03-01T24:00:00Z"}, timestamp_ms=NOON_MS)
@example(key=b"acme", value=b"{}", changed={"ce_time": b"2026-03-01T13:00:00.000999Z"}, timestamp_ms=NOON_MS)
@example(key=b"acme", value=b"{}", changed={"ce_time": b"2026-03-01T13:00:00.001Z"}, timestamp_ms=NOON_MS)
def test_the_short_way_accepts_exactly_what_the_long_way_accepts(key, value, changed, timestamp_ms) -> None:
    headers = headers_of(**changed)
    short = decode_as_written(key, value, headers, timestamp_ms)
    try:
        long = decode_any(key, value, headers, timestamp_ms)
    except InvalidRecord:
        long = None
    assert short is None or short == long, "what the short way takes, the long way takes too, as the same event"
    if isinstance(long, UsageEvent):
        record = encode_event(long)
        assert decode_as_written(record.key, record.value, record.headers, timestamp_ms) in (long, None)


@given(
    key=st.none() | st.binary(max_size=40),
    value=st.none() | st.binary(max_size=200),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["ce_id", "ce_type", "ce_time", "ce_specversion", "content-type", "x"]),
            st.none() | st.binary(max_size=20),
        ),
        max_size=6,
    ),
)
def test_any_bytes_are_an_event_or_an_invalid_record(key, value, headers) -> None:
    try:
        outcome = decode_record(key, value, headers, NOON_MS)
    except InvalidRecord as error:
        outcome = error.dead_letter_reason
    assert isinstance(outcome, UsageEvent | Tick | Reason)


def test_a_record_as_written_takes_the_short_way() -> None:
    event = UsageEvent(id="e", account_id="acme", event="Seen", time=NOON, received_at=NOON, properties={"a": [1]})
    record = encode_event(event)
    assert decode_as_written(record.key, record.value, record.headers, NOON_MS) == event


def test_the_record_of_an_event_is_binary_mode() -> None:
    event = UsageEvent(
        id="e1",
        source="app",
        account_id="Ärger & Co",
        user_id="ann",
        event="Report Exported",
        time=NOON + timedelta(microseconds=5),
        received_at=NOON,
        properties={"rows": 3},
    )
    assert encode_event(event) == (
        "Ärger & Co".encode(),
        b'{"rows":3}',
        [
            ("ce_specversion", b"1.0"),
            ("ce_id", b"e1"),
            ("ce_source", b"app"),
            ("ce_type", b"Report Exported"),
            ("ce_time", b"2026-03-01T12:00:00.000005Z"),
            ("ce_subject", "Ärger & Co".encode()),
            ("content-type", b"application/json"),
            ("ce_userid", b"ann"),
            ("ce_receivedtime", b"2026-03-01T12:00:00Z"),
        ],
    )


@given(st.integers(0, 4_102_444_800_000))
def test_a_tick_comes_back_as_it_went(time_ms: int) -> None:
    record = encode_tick(time_ms, source="kenko/scorer", id="t1")
    tick = decode_record(record.key, record.value, record.headers, time_ms)
    assert record.key is None
    assert isinstance(tick, Tick)
    assert to_ms(tick.time) == time_ms


@pytest.mark.parametrize(
    ("key", "value", "headers", "field"),
    [
        # structured mode, the whole CloudEvent in the value
        (b"acme", structured(), STRUCTURED, {"user_id": "ann", "properties": {"rows": 3}}),
        # the user inside the data, where the extension is absent
        (b"acme", structured(userid=None, data={"userId": "bob"}), STRUCTURED, {"user_id": "bob"}),
        # no time: the record's own
        (b"acme", structured(time=None), STRUCTURED, {"time": NOON}),
        (b"acme", b"{}", headers_of(ce_time=None), {"time": NOON}),
        # no subject: the key is the account
        (b"acme", b"{}", headers_of(), {"account_id": "acme"}),
        # extensions we do not know are passed over
        (b"acme", b"{}", headers_of(ce_traceparent=b"00-1-1-00", other=b"x"), {"account_id": "acme"}),
        # our plain form without any header
        (b"acme", b'{"id":"e1","account_id":"acme","event":"Seen","time":"2026-03-01T21:00:00+09:00"}', [], {"time": NOON}),
        # exactly an hour ahead is not yet the future
        (b"acme", b"{}", headers_of(ce_time=b"2026-03-01T13:00:00Z"), {"time": NOON + timedelta(hours=1)}),
    ],
)  # fmt: skip
def test_other_forms_are_read_too(key, value, headers, field) -> None:
    event = decode_record(key, value, headers, NOON_MS)
    assert {name: getattr(event, name) for name in field} == field


@pytest.mark.parametrize(
    ("key", "value", "headers", "reason", "names"),
    [
        (None, b"{}", headers_of(), Reason.INVALID, "key"),
        (b"", b"{}", headers_of(), Reason.INVALID, "key"),
        (b"\xff", b"{}", headers_of(), Reason.INVALID, "key"),
        (b"a\0b", b"{}", headers_of(), Reason.INVALID, "key"),
        (b"other", b"{}", headers_of(ce_subject=b"acme"), Reason.INVALID, "key"),
        (b"other", structured(), STRUCTURED, Reason.INVALID, "key"),
        (b"acme", None, headers_of(), Reason.UNDECODABLE, "value"),
        (b"acme", b"", headers_of(), Reason.UNDECODABLE, "JSON"),
        (b"acme", b"\x80\x81", [], Reason.UNDECODABLE, "JSON"),
        (b"acme", b'{"a":NaN}', headers_of(), Reason.UNDECODABLE, "JSON"),
        (b"acme", b"[1]", headers_of(), Reason.INVALID, "the value must be a JSON object, not a list"),
        (b"acme", b" " * (MAX_EVENT_BYTES + 1), headers_of(), Reason.TOO_LARGE, "value"),
        (b"acme", b"{}", headers_of(ce_id=None), Reason.INVALID, "ce_id"),
        (b"acme", b"{}", headers_of(ce_source=None), Reason.INVALID, "ce_source"),
        (b"acme", b"{}", headers_of(ce_type=None), Reason.INVALID, "ce_type"),
        (b"acme", b"{}", headers_of(ce_specversion=b"0.3"), Reason.INVALID, "ce_specversion"),
        (b"acme", b"{}", headers_of(ce_specversion=None), Reason.INVALID, "ce_specversion"),
        (b"acme", b"{}", headers_of(ce_id=b"a\nb"), Reason.INVALID, "ce_id"),
        (b"acme", b"{}", headers_of(ce_userid=b"\xff"), Reason.INVALID, "ce_userid"),
        (b"acme", b"{}", headers_of(ce_time=b"2026-03-01T12:00:00"), Reason.INVALID, "ce_time"),
        (b"acme", b"{}", headers_of(ce_time=b"1772366400"), Reason.INVALID, "ce_time"),
        (b"acme", b"{}", headers_of(ce_receivedtime=b"soon"), Reason.INVALID, "ce_receivedtime"),
        (b"acme", b"{}", headers_of(ce_time=b"2026-03-01T13:00:00.001Z"), Reason.IN_THE_FUTURE, "ce_time"),
        (b"acme", b"{}", headers_of(**{"content-type": b"avro/binary"}), Reason.UNDECODABLE, "content-type"),
        (None, b"{}", headers_of(ce_type=b"kenko.unheard.v9"), Reason.UNKNOWN_TYPE, "kenko.unheard.v9"),
        (None, structured(type="kenko.unheard.v9"), STRUCTURED, Reason.UNKNOWN_TYPE, "kenko.unheard.v9"),
        (None, b"{}", headers_of(ce_type=TICK_TYPE.encode()), Reason.INVALID, "time"),
        (b"acme", structured(data=[1]), STRUCTURED, Reason.INVALID, "data"),
        (b"acme", structured(data_base64="AA=="), STRUCTURED, Reason.INVALID, "data_base64"),
        (b"acme", b'{"id":"e1","account_id":"acme","event":"Seen","acount":1}', [], Reason.INVALID, "acount"),
    ],
)  # fmt: skip
def test_a_bad_record_is_refused_by_its_field(key, value, headers, reason, names) -> None:
    with pytest.raises(InvalidRecord) as refusal:
        decode_record(key, value, headers, NOON_MS)
    assert refusal.value.dead_letter_reason is reason
    assert names in refusal.value.message


def test_without_a_kafka_timestamp_an_event_needs_its_own_time() -> None:
    assert decode_record(b"acme", b"{}", headers_of(), -1)
    with pytest.raises(InvalidRecord, match="ce_time"):
        decode_record(b"acme", b"{}", headers_of(ce_time=None), None)
