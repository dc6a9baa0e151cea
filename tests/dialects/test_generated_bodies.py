"""Abuse A8: whatever is in a body, the parser of every dialect takes it or says what is wrong with it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import orjson
import pytest

from kenko.dialects.body import Form, dialect_of
from kenko.dialects.cloudevents_http import BINARY
from kenko.dialects.event_token import first_token
from kenko.dialects.problems import ProblemCode as Code
from kenko.dialects.request import BadBody, RequestParts
from kenko.dialects.routes import ROUTES
from kenko.dialects.split_object import field_value, split_object
from kenko.dialects.strict_json import MOST_VALUES, split_list

FUZZ = Path(__file__).parents[2] / "scripts/fuzz"


def load(name: str):
    """A part of `make fuzz`, which is no package."""
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", FUZZ / f"{name}.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bodies, outcomes = load("bodies"), load("outcomes")
COUNT = 30_000


def test_thousands_of_generated_bodies_are_each_taken_or_refused_for_a_reason() -> None:
    reader = outcomes.Reader()
    for number in range(COUNT):
        reader.read(bodies.request(2, number))
    seen = reader.outcomes
    for dialect in ("plain", "cloudevents", "segment", "posthog", "mixpanel"):
        assert seen[dialect, "UsageEvent"] > 100, f"hardly any good event of {dialect} was among them"
        for reason in ("event: undecodable", "event: invalid", "event: missing", "body: undecodable"):
            assert seen[dialect, reason] > 10, f"hardly any of {dialect} was refused as {reason}"


def test_deep_and_wide_bodies_are_read_at_every_path() -> None:
    reader = outcomes.Reader()
    for parts in bodies.tortures(size=100_000):
        reader.read(parts)
    assert {name for name, _ in reader.outcomes} == {"none", "plain", "segment", "posthog", "mixpanel"}


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"1e400", b"18446744073709551616", b'"\\ud800"', b'"\\u0000"'])
def test_what_no_later_stage_can_hold_is_accepted_at_no_path(path, value) -> None:
    reader = outcomes.Reader()
    named = b'"id":"e","messageId":"e","uuid":"e","event":"Seen","account_id":"a","groupId":"a"'
    inside = b'{"account_id":"a","$group_type":"company","$group_key":"a","$insert_id":"e","time":1,"n":' + value + b"}"
    more = b'"$group_key":"company_id","$group_id":"a"'
    group = b'"traits":' + inside + b',"$set":' + inside
    body = b"{" + named + b',"properties":' + inside
    if path != "/v1/events":
        body += b"," + more + b"," + group
    if path.rstrip("/") in ("/v1/batch", "/v1/b", "/v1/import"):
        body = b'{"batch":[' + body + b',"type":"track"}]'
    reader.read(RequestParts(path, "application/json", {}, {}, body + b"}"))
    # A person's call keeps nothing of what is in it.
    taken = {outcome for _, outcome in reader.outcomes} - {"Noted"}
    assert all(outcome.startswith(("event:", "body:")) for outcome in taken), reader.outcomes


def too_many(raw: bytes) -> RequestParts:
    return RequestParts("/v1/events", "application/json", {}, {}, raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" + b"1," * MOST_VALUES + b"1]",
        b"[" + b"[[[1]]]," * (MOST_VALUES // 4 + 1) + b"1]",
        b"[" + b"{}," * (MOST_VALUES // 2 + 1) + b"NaN]",
    ],
    ids=["numbers", "lists", "objects and NaN"],
)
def test_a_body_of_more_values_than_events_have_is_not_taken_apart(raw) -> None:
    for dialect in (dialect_of(Form.PLAIN.value), ROUTES["/batch"](too_many(b"")), ROUTES["/track"](too_many(b""))):
        with pytest.raises(BadBody) as refused:
            dialect.open(too_many(raw))
        assert refused.value.code is Code.TOO_LARGE


def test_values_up_to_the_limit_are_taken_apart() -> None:
    items = split_list(b"[" + b"1," * (MOST_VALUES - 1) + b"1]", 10)
    assert items == [b"1"] * 10


def test_a_million_fields_beside_those_that_are_read_are_passed_over() -> None:
    others = b",".join(b'"%d":[]' % number for number in range(600_000))
    assert split_object(b'{"batch":[1],' + others + b"}", ("batch", "writeKey")) == {"batch": b"[1]"}


def test_a_field_larger_than_an_event_has_no_value() -> None:
    large = b"[" + b"[]," * 20_000 + b"1]"
    assert field_value({"context": large, "sentAt": b'"now"'}, "context") is None
    assert first_token([large, b'{"token":"k"}'], lambda item: item.get("token")) == "k"


def test_data_larger_than_an_event_is_no_reason_to_parse_it() -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "e1", "ce-source": "app", "ce-type": "Seen", "ce-subject": "acme"}
    [item] = BINARY.open(RequestParts("/v1/events", "application/json", headers, {}, b"[" * 50_000)).items
    assert (
        item
        == orjson.dumps({name[3:]: value for name, value in headers.items()})[:-1] + b',"data":' + b"[" * 50_000 + b"}"
    )
