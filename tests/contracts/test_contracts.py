"""Contracts are data with examples: each example is a test, each schema is generated, each sum is exact."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kenko.stream.snapshots import SnapshotPlan
from schemas.base import from_ms, to_ms
from schemas.dead_letter import DeadLetter, DeadLetterReason
from schemas.generate import CONTRACTS, render, stale
from schemas.health import HealthScore
from schemas.topics import TOPICS, Topic
from schemas.transition import Cause, ScoreChange
from schemas.usage_event import UsageEvent

EXAMPLES = sorted((Path(__file__).parents[2] / "schemas" / "examples").glob("*.json"))


def contract_of(path):
    return path.name.split(".", 1)[0]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_is_valid_for_the_model_and_for_its_schema(path):
    name = contract_of(path)
    value = CONTRACTS[name].model_validate_json(path.read_bytes())
    document = json.loads(value.model_dump_json())
    jsonschema.validate(document, json.loads(render(name)), cls=jsonschema.Draft202012Validator)
    assert CONTRACTS[name].model_validate(document) == value


def test_every_contract_has_an_example():
    assert {contract_of(path) for path in EXAMPLES} == set(CONTRACTS)


def test_the_committed_schemas_are_those_of_the_models():
    assert stale() == []


def test_every_topic_has_one_entry_and_its_major_version_in_the_name():
    assert [spec.name for spec in TOPICS] == list(Topic)
    assert all(topic.value.startswith("kenko.") and topic.value.endswith(".v1") for topic in Topic)


def test_a_compacted_topic_has_no_retention_and_the_log_takes_the_brokers_time():
    by_name = {spec.name: spec.config() for spec in TOPICS}
    assert by_name[Topic.SCORES] == {"cleanup.policy": "compact"}
    assert by_name[Topic.USAGE_EVENTS]["message.timestamp.type"] == "LogAppendTime"
    assert all(("retention.ms" in c) == ("delete" in c["cleanup.policy"]) for c in by_name.values())


def test_a_set_of_snapshots_outlives_the_writing_of_the_next_one():
    (spec,) = (spec for spec in TOPICS if spec.name is Topic.ACCOUNT_STATE)
    config = spec.config()
    assert config["cleanup.policy"] == "compact,delete"
    assert int(config["min.compaction.lag.ms"]) >= 3 * SnapshotPlan().every_ms
    # Of a segment that is still written nothing is compacted: it must be closed before the time is over.
    assert int(config["segment.ms"]) < int(config["max.compaction.lag.ms"]) < int(config["retention.ms"])


EVENT = {"id": "1", "account_id": "acme", "event": "Signed In", "time": "2026-11-20T09:14:03Z"}

BAD_EVENTS = [
    # a field and a value that must be refused, naming that field
    ("id", ""),
    ("id", "x" * 201),
    ("account_id", "a\nb"),  # would forge a log line or a key
    ("account_id", "\ud800"),  # a lone surrogate cannot become UTF-8
    ("account_id", " acme"),  # two accounts that look the same
    ("event", "kenko.tick.v1"),  # no client may write time into the log
    ("event", "Kenko.Forget"),
    ("time", "2026-11-20T09:14:03"),  # no offset: nobody knows which hour
    ("time", "yesterday"),
    ("properties", [1]),
    ("plan", "unknown field"),
]


@pytest.mark.parametrize(("field", "value"), BAD_EVENTS)
def test_a_bad_event_is_refused_and_the_field_is_named(field, value):
    with pytest.raises(ValidationError) as caught:
        UsageEvent.model_validate({**EVENT, field: value})
    assert {error["loc"][0] for error in caught.value.errors()} == {field}


def test_times_are_kept_in_utc():
    event = UsageEvent.model_validate({**EVENT, "time": "2026-11-20T18:14:03+09:00"})
    assert event.time == datetime(2026, 11, 20, 9, 14, 3, tzinfo=UTC)
    assert event.time.tzinfo is UTC


@given(st.integers(-(10**13), 10**14))
def test_milliseconds_survive_the_way_to_a_time_and_back(ms):
    assert to_ms(from_ms(ms)) == ms


def test_milliseconds_of_a_time_in_another_zone():
    tokyo = timezone(timedelta(hours=9))
    assert to_ms(datetime(1970, 1, 1, 9, 0, 0, 1999, tzinfo=tokyo)) == 1


def test_a_score_whose_contributions_do_not_add_up_cannot_be_built():
    path = next(p for p in EXAMPLES if p.stem == "health-score.red")
    document = json.loads(path.read_bytes())
    document["score"] = 38.02
    with pytest.raises(ValidationError, match=r"add up to 38\.01, the score is 38\.02"):
        HealthScore.model_validate(document)


def test_a_change_whose_parts_do_not_add_up_cannot_be_built():
    with pytest.raises(ValidationError, match="add up"):
        ScoreChange(before=41.3, after=38.01, parts={Cause.BEHAVIOUR: -3.0})


def test_a_dead_letter_travels_in_headers_beside_others():
    letter = DeadLetter(
        reason=DeadLetterReason.INVALID, message="time: missing", app="scorer", topic="t", partition=3, offset=7
    )
    assert DeadLetter.from_headers([("ce_id", b"1"), *letter.headers()]) == letter


def test_an_older_reader_passes_over_a_field_of_a_newer_writer():
    path = next(p for p in EXAMPLES if p.stem == "transition.silence")
    document = json.loads(path.read_bytes())
    newer = {**document, "of_a_later_release": 1, "receipt": {**document["receipt"], "of_a_later_release": 1}}
    assert CONTRACTS["transition"].model_validate(newer) == CONTRACTS["transition"].model_validate(document)
