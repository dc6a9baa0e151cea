"""The AsyncAPI document: whole, of the registry, and true of the records that our own encoders write."""

import json
import re

import jsonschema
import pytest

from kenko.dialects.cloudevents import encode_event, encode_forget, encode_override, encode_tick, encode_traits
from kenko.dialects.own_records import encode_source_state
from kenko.stream.forwarding import copy_of
from kenko.stream.memory_log import MemoryRecord
from kenko.stream.outputs import transition_record
from schemas.base import from_ms
from schemas.generate import ASYNCAPI, CONTRACTS, HERE
from schemas.messages import MESSAGES, Carried
from schemas.topics import TOPICS, Topic
from schemas.transition import Transition

DOCUMENT = json.loads((HERE / ASYNCAPI).read_text(encoding="utf-8"))
NAMES = [message.name for message in MESSAGES]


def example(name):
    path = min((HERE / "examples").glob(f"{name}.*json"))
    return CONTRACTS[name].model_validate_json(path.read_bytes())


def resolve(reference):
    part = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        part = part[step]
    return part


def everything(part):
    """Every object inside."""
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from everything(inner)


def check(value, schema):
    """`schema` stands in the document: its references lead through it."""
    jsonschema.validate(value, {**schema, "components": DOCUMENT["components"]}, cls=jsonschema.Draft7Validator)


def test_every_reference_leads_to_something():
    references = [part["$ref"] for part in everything(DOCUMENT) if "$ref" in part]
    assert len(references) > 30
    assert all(resolve(reference) for reference in references)


def test_every_component_is_referred_to():
    text = json.dumps(DOCUMENT)
    for kind in ("messages", "schemas"):
        named = set(re.findall(rf'"#/components/{kind}/([\w-]+)"', text))
        assert set(DOCUMENT["components"][kind]) - named <= {"DeadLetter"}  # it is written out, as headers


def test_the_channels_are_the_topics_with_their_settings():
    channels = DOCUMENT["channels"].values()
    assert [channel["address"] for channel in channels] == list(Topic)
    for channel, spec in zip(channels, TOPICS, strict=True):
        binding = channel["bindings"]["kafka"]
        assert binding["topic"] == spec.name
        given = spec.config()
        lags = ("min.compaction.lag.ms", "max.compaction.lag.ms")
        for unknown in ("message.timestamp.type", "segment.ms", "segment.bytes", *lags):
            given.pop(unknown, None)  # the binding has no word for it
        assert {**binding["topicConfiguration"], "cleanup.policy": spec.config()["cleanup.policy"]} == {
            name: int(value) if value.isdigit() else value for name, value in given.items()
        }
        assert binding["topicConfiguration"]["cleanup.policy"] == given["cleanup.policy"].split(",")


def test_every_message_stands_on_its_topic_and_in_one_operation():
    placed = {
        (channel["address"], name): reference["$ref"]
        for channel in DOCUMENT["channels"].values()
        for name, reference in channel["messages"].items()
    }
    assert placed == {(m.topic, m.name): f"#/components/messages/{m.name}" for m in MESSAGES}
    operated = [reference["$ref"] for o in DOCUMENT["operations"].values() for reference in o["messages"]]
    assert sorted(reference.rpartition("/")[2] for reference in operated) == sorted(NAMES)
    for operation in DOCUMENT["operations"].values():
        assert all(r["$ref"].startswith(operation["channel"]["$ref"] + "/") for r in operation["messages"])


@pytest.mark.parametrize("name", NAMES)
def test_payload_and_headers_of_a_message_are_schemas_and_its_examples_fit(name):
    message = DOCUMENT["components"]["messages"][name]
    for part in ("payload", "headers"):
        jsonschema.Draft7Validator.check_schema(message.get(part, {}))
    carried = next(m.carried for m in MESSAGES if m.name == name)
    assert bool(message.get("examples")) is (carried is not Carried.HEADERS)
    for shown in message.get("examples", ()):
        check(shown["payload"], message["payload"])
        check(shown.get("headers", {}), message.get("headers", {}))


def test_the_schemas_of_the_components_are_schemas():
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft7Validator.check_schema(schema)


NOW_MS = 1_763_630_043_250
WRITTEN = {
    # With all that is optional: each has its header.
    "usage-event": lambda: encode_event(
        example("usage-event").model_copy(update={"user_id": "u", "received_at": from_ms(NOW_MS), "backfill": True})
    ),
    "account-traits": lambda: encode_traits(example("account-traits")),
    "override": lambda: encode_override(example("override")),
    "forget": lambda: encode_forget(example("forget")),
    "tick": lambda: encode_tick(NOW_MS, source="kenko/scorer", id="t1"),
    "source-state": lambda: encode_source_state(
        example("source-state"), time=from_ms(NOW_MS), source="kenko/scorer", id="s1"
    ),
    "transition": lambda: transition_record(example("transition"), Topic.TRANSITIONS),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_our_encoders_write_is_what_the_document_says(name):
    record, message = WRITTEN[name](), DOCUMENT["components"]["messages"][name]
    headers = {header: value.decode() for header, value in record.headers}
    check(json.loads(record.value), message["payload"])
    check(headers, message.get("headers", {}))
    check(None if record.key is None else record.key.decode(), message["bindings"]["kafka"]["key"])
    if name != "transition":
        assert headers.keys() <= message["headers"]["properties"].keys()


def test_a_copy_of_a_misrouted_record_and_a_dead_letter_are_what_the_document_says():
    record = encode_event(example("usage-event"))
    read = MemoryRecord("t", 3, 17, NOW_MS, record.key, record.value, record.headers)
    copy, letter = copy_of(read, "t", "log", to=1), example("dead-letter")
    for name, headers in (("usage-event", copy.headers), ("dead-letter", letter.headers())):
        described = DOCUMENT["components"]["messages"][name]["headers"]
        found = {header: value.decode() for header, value in headers}
        check(found, described)
        assert found.keys() <= described["properties"].keys()


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("usage-event", {"ce_id": "1"}),
        ("override", {**dict.fromkeys(("ce_id", "ce_source"), "x"), "ce_specversion": "1.0", "ce_type": "other"}),
        ("dead-letter", {"kenko.error.reason": "bad luck", "kenko.error.message": "", "kenko.error.app": "scorer"}),
    ],
)
def test_headers_that_are_wrong_do_not_fit(name, headers):
    with pytest.raises(jsonschema.ValidationError):
        check(headers, DOCUMENT["components"]["messages"][name]["headers"])


def test_an_example_of_a_transition_is_the_contracts():
    message = DOCUMENT["components"]["messages"]["transition"]
    assert {shown["name"] for shown in message["examples"]} >= {"yellow-to-red", "silence"}
    for shown in message["examples"]:
        assert Transition.model_validate(shown["payload"]).model_dump(mode="json") == shown["payload"]
