"""Traits and overrides on the usage-events log: what is written comes back, and what is broken is refused by its field."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.dialects.cloudevents import InvalidRecord, decode_record, encode_forget, encode_override, encode_traits
from kenko.dialects.own_records import encode_source_state
from schemas.account_traits import TRAITS_TYPE, AccountTraits
from schemas.base import to_ms
from schemas.dead_letter import DeadLetterReason as Reason
from schemas.forget import FORGET_TYPE, Forget
from schemas.override import OVERRIDE_TYPE, Override
from schemas.source_state import SOURCE_STATE_TYPE, SourceState

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_MS = to_ms(NOON)
STRUCTURED = [("content-type", b"application/cloudevents+json")]

identifiers = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\x7f"), min_size=1, max_size=200
).filter(lambda text: text == text.strip())
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
times = st.datetimes(timezones=st.just(UTC))
traits = st.builds(
    AccountTraits,
    id=identifiers,
    source=identifiers,
    account_id=identifiers,
    time=times,
    traits=st.dictionaries(texts, texts | st.booleans() | st.none() | st.floats(-1e18, 1e18), max_size=5),
)
overrides = st.builds(
    Override,
    id=identifiers,
    source=identifiers,
    account_id=identifiers,
    time=times,
    score=st.none() | st.floats(0, 100),
    until=st.none() | times,
    reason=texts.filter(bool),
    author=texts.filter(bool),
)
forgets = st.builds(
    Forget, id=identifiers, source=identifiers, account_id=identifiers, time=times, author=texts.filter(bool)
)
ENCODE = {AccountTraits: encode_traits, Override: encode_override, Forget: encode_forget}
KIND = {AccountTraits: TRAITS_TYPE, Override: OVERRIDE_TYPE, Forget: FORGET_TYPE}


@given(traits | overrides | forgets)
def test_a_record_comes_back_as_it_went(record):
    key, value, headers = ENCODE[type(record)](record)
    assert key == record.account_id.encode()
    decoded = decode_record(key, value, headers, max(0, to_ms(record.time)))
    assert decoded == record
    assert decoded.model_dump_json() == record.model_dump_json()


@given(traits | overrides | forgets)
def test_the_contracts_own_json_is_read_too(record):
    headers = [("ce_specversion", b"1.0"), ("ce_type", KIND[type(record)].encode())]
    now_ms = max(0, to_ms(record.time))
    assert decode_record(record.account_id.encode(), record.model_dump_json().encode(), headers, now_ms) == record


def test_the_record_of_an_override_is_binary_mode():
    record = Override(
        id="9d0c",
        source="kenko/cli",
        account_id="acme",
        time=NOON,
        score=35,
        until=NOON + timedelta(days=31),
        reason="Merger announced.",
        author="sato@example.com",
    )
    assert encode_override(record) == (
        b"acme",
        b'{"score":35.0,"until":"2026-04-01T12:00:00Z","reason":"Merger announced.","author":"sato@example.com"}',
        [
            ("ce_specversion", b"1.0"),
            ("ce_id", b"9d0c"),
            ("ce_source", b"kenko/cli"),
            ("ce_type", b"kenko.override.v1"),
            ("ce_time", b"2026-03-01T12:00:00Z"),
            ("content-type", b"application/json"),
            ("ce_subject", b"acme"),
        ],
    )


def of_traits(**changed):
    good = {
        "ce_specversion": b"1.0",
        "ce_id": b"crm-1",
        "ce_source": b"crm",
        "ce_type": TRAITS_TYPE.encode(),
        "ce_time": b"2026-03-01T12:00:00Z",
    }
    return [(name, raw) for name, raw in (good | changed).items() if raw is not None]


def of_override(**changed):
    return of_traits(ce_type=OVERRIDE_TYPE.encode(), **changed)


def override_value(**changed):
    good = {"score": 35, "until": "2026-04-01T00:00:00Z", "reason": "Merger.", "author": "sato"}
    return orjson.dumps({name: value for name, value in (good | changed).items() if value != "left out"})


TRAITS = b'{"traits":{"seats":40,"name":"Acme","trial":false,"parent":null}}'


def test_numbers_texts_booleans_and_null_stay_what_they_are():
    decoded = decode_record(b"acme", TRAITS, of_traits(), NOON_MS)
    assert decoded.traits == {"seats": 40.0, "name": "Acme", "trial": False, "parent": None}
    assert type(decoded.traits["trial"]) is bool
    assert (decoded.id, decoded.source, decoded.account_id, decoded.time) == ("crm-1", "crm", "acme", NOON)


def test_structured_mode_is_read_too():
    event = {
        "specversion": "1.0",
        "id": "9d0c",
        "source": "desk",
        "type": OVERRIDE_TYPE,
        "subject": "acme",
        "time": "2026-03-01T12:00:00Z",
        "data": {"score": None, "reason": "Settled.", "author": "sato"},
    }
    decoded = decode_record(b"acme", orjson.dumps(event), STRUCTURED, NOON_MS)
    assert (decoded.score, decoded.until, decoded.source, decoded.time) == (None, None, "desk", NOON)


def test_without_a_time_it_is_so_since_the_record_was_written():
    assert decode_record(b"acme", TRAITS, of_traits(ce_time=None), NOON_MS).time == NOON


@pytest.mark.parametrize(
    ("key", "value", "headers", "reason", "names"),
    [
        (None, TRAITS, of_traits(), Reason.INVALID, "key"),
        (b"globex", TRAITS, of_traits(ce_subject=b"acme"), Reason.INVALID, "key: must be the account id that ce_subject"),
        (b"globex", b'{"account_id":"acme","traits":{}}', of_traits(), Reason.INVALID, "key: must be the account id"),
        (b"acme", b'{"id":"other","traits":{}}', of_traits(), Reason.INVALID, "ce_id"),
        (b"acme", b'{"time":"2026-03-02T12:00:00Z","traits":{}}', of_traits(), Reason.INVALID, "ce_time"),
        (b"acme", TRAITS, of_traits(ce_id=None), Reason.INVALID, "ce_id: is required"),
        (b"acme", TRAITS, of_traits(ce_source=None), Reason.INVALID, "ce_source: is required"),
        (b"acme", TRAITS, of_traits(ce_time=b"2026-03-01T13:00:00.001Z"), Reason.IN_THE_FUTURE, "ce_time"),
        (b"acme", b'{"time":"2026-03-01T14:00:00Z","traits":{}}', of_traits(ce_time=None), Reason.IN_THE_FUTURE, "time"),
        (b"acme", b"{}", of_traits(), Reason.INVALID, "value.traits: is required"),
        (b"acme", b'{"traits":[]}', of_traits(), Reason.INVALID, "value.traits"),
        (b"acme", b'{"traits":{"seats":[1]}}', of_traits(), Reason.INVALID, "value.traits.seats: must be a string, a number"),
        (b"acme", b'{"traits":{"seats":1e19}}', of_traits(), Reason.INVALID, "value.traits.seats"),
        (b"acme", b'{"traits":{"name":"\\u0000"}}', of_traits(), Reason.INVALID, "value.traits.name"),
        (b"acme", b'{"seats":40}', of_traits(), Reason.INVALID, "value"),
        (b"acme", b'{"traits":{"a":NaN}}', of_traits(), Reason.UNDECODABLE, "JSON"),
        (b"acme", override_value(score=101), of_override(), Reason.INVALID, "value.score"),
        (b"acme", override_value(score="35"), of_override(), Reason.INVALID, "value.score"),
        (b"acme", override_value(score=True), of_override(), Reason.INVALID, "value.score"),
        (b"acme", override_value(score="left out"), of_override(), Reason.INVALID, "value.score: is required"),
        (b"acme", override_value(until="April"), of_override(), Reason.INVALID, "until"),
        (b"acme", override_value(until=5), of_override(), Reason.INVALID, "value.until"),
        (b"acme", override_value(reason=""), of_override(), Reason.INVALID, "value.reason"),
        (b"acme", override_value(author="left out"), of_override(), Reason.INVALID, "value.author: is required"),
        (b"acme", override_value(note="x"), of_override(), Reason.INVALID, "value.note: is no field of kenko.override.v1"),
    ],
)  # fmt: skip
def test_a_broken_record_is_refused_by_its_field(key, value, headers, reason, names):
    with pytest.raises(InvalidRecord) as refusal:
        decode_record(key, value, headers, NOON_MS)
    assert names in refusal.value.message
    assert refusal.value.dead_letter_reason is reason


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.just("traits"), inner, max_size=3),
        max_leaves=8,
    ),
    kind=st.sampled_from([TRAITS_TYPE, OVERRIDE_TYPE, SOURCE_STATE_TYPE]),
)
def test_any_json_is_a_record_or_a_refusal_that_can_be_shown(value, kind):
    try:
        decoded = decode_record(b"acme", orjson.dumps(value), of_traits(ce_type=kind.encode()), NOON_MS)
        said = str(decoded.source) if isinstance(decoded, SourceState) else decoded.account_id
    except InvalidRecord as refusal:
        said = refusal.message
    assert said.isprintable()


@given(st.builds(SourceState, source=st.none() | identifiers, silent_since=st.none() | times), times)
def test_the_state_of_a_source_comes_back_as_it_went(state, decided):
    key, value, headers = encode_source_state(state, time=decided, source="kenko/scorer", id="s1")
    assert key is None, "it is no account's: one goes to every partition"
    assert decode_record(key, value, headers, 0) == state


def test_the_record_of_a_silent_source_is_binary_mode():
    state = SourceState(source="crm", silent_since=NOON)
    assert encode_source_state(state, time=NOON + timedelta(hours=3), source="kenko/scorer", id="s1") == (
        None,
        b'{"source":"crm","silent_since":"2026-03-01T12:00:00Z"}',
        [
            ("ce_specversion", b"1.0"),
            ("ce_id", b"s1"),
            ("ce_source", b"kenko/scorer"),
            ("ce_type", b"kenko.source-state.v1"),
            ("ce_time", b"2026-03-01T15:00:00Z"),
            ("content-type", b"application/json"),
        ],
    )


@pytest.mark.parametrize(
    ("value", "reason", "names"),
    [
        (b'{"silent_since":null}', Reason.INVALID, "value.source: is required"),
        (b'{"source":"crm"}', Reason.INVALID, "value.silent_since: is required"),
        (b'{"source":"","silent_since":null}', Reason.INVALID, "value.source"),
        (b'{"source":7,"silent_since":null}', Reason.INVALID, "value.source"),
        (b'{"source":" crm","silent_since":null}', Reason.INVALID, "value.source: must not begin or end with white space"),
        (b'{"source":"crm","silent_since":"noon"}', Reason.INVALID, "silent_since"),
        (b'{"source":"crm","silent_since":5}', Reason.INVALID, "silent_since"),
        (b'{"source":"crm","silent_since":null,"until":1}', Reason.INVALID, "value.until: is no field of kenko.source-state.v1"),
        (b"[]", Reason.INVALID, "value"),
        (b'{"source":', Reason.UNDECODABLE, "JSON"),
    ],
)  # fmt: skip
def test_a_broken_state_of_a_source_is_refused_by_its_field(value, reason, names):
    with pytest.raises(InvalidRecord) as refusal:
        decode_record(None, value, of_traits(ce_type=SOURCE_STATE_TYPE.encode()), NOON_MS)
    assert names in refusal.value.message
    assert refusal.value.dead_letter_reason is reason
