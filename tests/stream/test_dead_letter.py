"""A dead letter always fits: a record that can be neither applied nor given up would stop its partition."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.dialects.cloudevents import decode_record
from kenko.dialects.record import InvalidRecord
from kenko.runtime.settings import Settings, read_settings
from kenko.stream.dead_letter import MAX_HEADERS_BYTES, MAX_KEY_BYTES, MAX_VALUE_BYTES, dead_letter_record
from kenko.stream.outputs import tick_copy
from kenko.stream.producer import MAX_REQUEST_BYTES, KafkaOutput
from kenko.stream.topics import ensure_topics
from schemas.base import from_ms
from schemas.dead_letter import DeadLetter, DeadLetterReason
from schemas.tick import Tick
from schemas.topics import Topic
from services.alerter.record_in import RecordIn, decode

MEGABYTE = 1_048_000  # what fits into a record with Kafka's default limit
HUGE = [
    # what is huge, key, value, headers, what the message says of it
    ("nothing", b"k", b"\xff", (("h", b"v"),), None),
    ("value", b"k", b"\xff" * MEGABYTE, (), f"value cut from {MEGABYTE} to {MAX_VALUE_BYTES} bytes"),
    ("key", b"k" * MEGABYTE, b"{", (), f"key cut from {MEGABYTE} to {MAX_KEY_BYTES} bytes"),
    ("a header's value", b"k", b"{", (("a", b"x" * MEGABYTE), ("b", b"y")), "1 headers left out"),
    ("a header's name", b"k", b"{", (("ce_" + "n" * MEGABYTE, b"\xff"),), "1 headers left out"),
    ("the number of headers", b"k", b"{", (("h", b""),) * 90_000, "headers left out"),
    ("everything", b"k" * 300_000, b"\xff" * 500_000, (("a", b"x" * 200_000),), "key cut"),
]


def record_of(key, value, headers):
    return SimpleNamespace(key=key, value=value, headers=headers, partition=3, offset=7)


def letter_of(record, topic="dead"):
    try:
        decode_record(record.key, record.value, record.headers, 1)
    except InvalidRecord as refusal:
        return dead_letter_record(
            record, topic, reason=refusal.dead_letter_reason, message=refusal.message, app="scorer", source_topic="t"
        )
    raise AssertionError("it decodes")


def size_of(letter):
    headers = sum(len(name.encode()) + len(value or b"") + 10 for name, value in letter.headers)
    return len(letter.key or b"") + len(letter.value) + headers


@pytest.mark.parametrize(("key", "value", "headers", "says"), [row[1:] for row in HUGE], ids=[row[0] for row in HUGE])
def test_whatever_is_huge_is_cut_and_the_message_says_so(key, value, headers, says):
    letter = letter_of(record_of(key, value, headers))
    assert size_of(letter) < MAX_REQUEST_BYTES
    assert key.startswith(letter.key)
    assert value.startswith(letter.value)
    said = DeadLetter.from_headers(list(letter.headers))
    assert (said.topic, said.partition, said.offset, said.app) == ("t", 3, 7, "scorer")
    assert says is None or says in said.message
    assert (says is None) == (
        letter.key == key and letter.value == value and list(headers) == list(letter.headers[:-6])
    )


def test_the_headers_after_one_that_does_not_fit_are_kept():
    letter = letter_of(record_of(b"k", b"{", (("a", b"1"), ("big", b"x" * MAX_HEADERS_BYTES), ("b", b"2"))))
    assert letter.headers[:2] == (("a", b"1"), ("b", b"2"))


@given(
    key=st.none() | st.integers(0, MEGABYTE).map(lambda size: b"k" * size),
    value=st.none() | st.integers(0, MEGABYTE).map(lambda size: b"v" * size),
    names=st.lists(st.integers(0, MEGABYTE), max_size=5),
    message=st.integers(0, MEGABYTE),
)
def test_it_fits_whatever_the_record_was(key, value, names, message):
    headers = [("é" * (size // 4), b"x" * (size // 2)) for size in names]
    letter = dead_letter_record(
        record_of(key, value, headers),
        "dead",
        reason=DeadLetterReason.INVALID,
        message="m" * message,
        app="scorer",
        source_topic="t" * 249,
    )
    assert size_of(letter) < MAX_REQUEST_BYTES


async def test_kafka_takes_each_of_them(backend):
    environ = backend.fresh().environ()
    settings = read_settings(Settings, **{name.removeprefix("KENKO_").lower(): v for name, v in environ.items()})
    await ensure_topics(settings.kafka_url, partitions=4, prefix=settings.topic_prefix)
    output = KafkaOutput(settings, client_id="test")
    letters = [letter_of(record_of(*row[1:4]), settings.topic(Topic.DEAD_LETTERS)) for row in HUGE]
    offsets = [(await output.send([letter]))[0] for letter in letters]
    await output.stop()
    assert offsets == list(range(len(HUGE)))


def test_a_copied_tick_is_one_the_alerter_reads_whatever_form_it_had():
    """Structured mode has no ce_type header, by which the alerter knows a tick."""
    value = (
        b'{"specversion":"1.0","id":"1","source":"s","type":"kenko.tick.v1","data":{"time":"2026-01-02T03:04:05.678Z"}}'
    )
    tick = decode_record(None, value, [("content-type", b"application/cloudevents+json")], 1_800_000_000_000)
    assert isinstance(tick, Tick)
    copy = tick_copy(tick, "transitions", partition=3, offset=7)
    assert copy.partition == 3
    assert decode(RecordIn("transitions", 3, 0, copy.key, copy.value, copy.headers, 0)) == tick
    assert tick_copy(tick, "transitions", partition=3, offset=7) == copy
    assert decode_record(copy.key, copy.value, copy.headers, None) == Tick(time=from_ms(1767323045678))
