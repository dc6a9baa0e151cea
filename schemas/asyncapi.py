"""The AsyncAPI 3 document of all topics, made of the topic registry, the messages and the contracts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic.json_schema import models_json_schema

from schemas.base import Contract
from schemas.dead_letter import HEADER_PREFIX as ERROR_PREFIX
from schemas.forwarded import HEADER_PREFIX as FORWARDED_PREFIX
from schemas.forwarded import Forwarded
from schemas.messages import ATTRIBUTES, MESSAGES, Carried, Message, Party
from schemas.topics import DEFAULT_PARTITIONS, TOPICS, Topic, TopicSpec

BINDING_VERSION: Final = "0.5.0"
SCHEMAS: Final = "#/components/schemas/"

Json = dict[str, Any]
Examples = Mapping[str, Sequence[tuple[str, Json]]]
"""By name of the message: (what it shows, the contract as JSON)."""


def document(examples: Examples) -> Json:
    """The document. `examples` are those of the contracts; a message shows its own."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Kenko",
            "version": "1",
            "description": "Customer health from usage events: the Kafka topics. A name ends in its major version; a"
            " setting may put a prefix before each. Kenko receives what producers write, and sends the rest.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_channel_id(spec.name): _channel(spec) for spec in TOPICS},
        "operations": _operations(),
        "components": {
            "messages": {message.name: _message(message, examples.get(message.name, ())) for message in MESSAGES},
            "schemas": _schemas(),
        },
    }


def _channel_id(topic: Topic) -> str:
    return topic.value.removeprefix("kenko.").rpartition(".")[0]


def _channel(spec: TopicSpec) -> Json:
    configuration: Json = {"cleanup.policy": list(spec.cleanup())}
    if spec.retention_ms is not None:
        configuration["retention.ms"] = spec.retention_ms
    if spec.compacted_within_ms is not None:
        configuration["delete.retention.ms"] = spec.compacted_within_ms
    return {
        "address": spec.name.value,
        "description": f"{spec.content}. Keyed by: {spec.key}.",
        "messages": {m.name: {"$ref": f"#/components/messages/{m.name}"} for m in MESSAGES if m.topic is spec.name},
        "bindings": {
            "kafka": {
                "topic": spec.name.value,
                "partitions": DEFAULT_PARTITIONS,
                "topicConfiguration": configuration,
                "bindingVersion": BINDING_VERSION,
            }
        },
    }


def _operations() -> Json:
    """What Kenko does with each topic: it receives what others write, and sends what it writes."""
    operations: Json = {}
    for topic in Topic:
        for action, party in (("receive", Party.ANYBODY), ("send", Party.KENKO)):
            names = [m.name for m in MESSAGES if m.topic is topic and m.written_by is party]
            if names:
                channel = f"#/channels/{_channel_id(topic)}"
                operations[f"{action}-{_channel_id(topic)}"] = {
                    "action": action,
                    "channel": {"$ref": channel},
                    "messages": [{"$ref": f"{channel}/messages/{name}"} for name in names],
                }
    return operations


def _schemas() -> Json:
    """Those that payloads and headers refer to; what stands in headers is written out where it stands."""
    wanted: list[tuple[type[Contract], Literal["serialization"]]] = [
        (message.contract, "serialization") for message in MESSAGES if message.carried is not Carried.BINARY
    ]
    _, found = models_json_schema(wanted, ref_template=SCHEMAS + "{model}")
    schemas: Json = found["$defs"]
    return schemas


def _message(message: Message, examples: Sequence[tuple[str, Json]]) -> Json:
    summary = (message.contract.__doc__ or "").strip().partition("\n")[0]
    described: Json = {"name": message.name, "title": message.contract.__name__, "summary": summary}
    headers = _headers(message)
    if headers is not None:
        described["headers"] = headers
    described["payload"] = _payload(message)
    described["bindings"] = {"kafka": {"key": _key(message), "bindingVersion": BINDING_VERSION}}
    if examples and message.carried is not Carried.HEADERS:
        described["examples"] = [_example(message, name, value) for name, value in examples]
    return described


def _key(message: Message) -> Json:
    if not message.has_key:
        return {"type": "null"}
    by_topic = {spec.name: spec.key for spec in TOPICS}
    return {"type": "string", "description": by_topic[message.topic]}


def _headers(message: Message) -> Json | None:
    if message.carried is Carried.VALUE:
        return None
    if message.carried is Carried.HEADERS:
        return _header_fields(message.contract, ERROR_PREFIX, required=_properties(message.contract)["required"])
    own = _properties(message.contract)["properties"]
    attributes = {ATTRIBUTES[name]: _header(own[name]) for name in _in_headers(message)}
    kind = {"type": "string", "const": message.type} if message.type else attributes.pop("ce_type")
    copied = _header_fields(Forwarded, FORWARDED_PREFIX, required=())["properties"]
    for described in copied.values():
        described["description"] = f"On a copy that Kenko made, and nowhere else. {described['description']}"
    return {
        "type": "object",
        "properties": {
            "ce_specversion": {"type": "string", "const": "1.0"},
            "ce_id": {"type": "string"},
            "ce_source": {"type": "string"},
            "ce_type": kind,
            "ce_time": {"type": "string", "format": "date-time"},
            **attributes,
            "content-type": {"type": "string", "const": "application/json"},
            **copied,
        },
        "required": ["ce_specversion", "ce_id", "ce_source", "ce_type"],
    }


def _payload(message: Message) -> Json:
    if message.carried is Carried.VALUE:
        return {"$ref": SCHEMAS + message.contract.__name__}
    if message.carried is Carried.HEADERS:
        return {"description": "The value of the record that was given up: bytes, as they came."}
    whole = _properties(message.contract)
    if message.name == "usage-event":  # the value is the properties alone
        payload: Json = whole["properties"]["properties"]
        return {key: part for key, part in payload.items() if key != "default"}
    in_headers = _in_headers(message)
    return {
        **whole,
        "properties": {name: part for name, part in whole["properties"].items() if name not in in_headers},
        "required": [name for name in whole["required"] if name not in in_headers],
    }


def _in_headers(message: Message) -> list[str]:
    """The fields that stand in headers: of a record of an account its attributes."""
    return [name for name in ATTRIBUTES if message.has_key and name in message.contract.model_fields]


def _example(message: Message, name: str, value: Json) -> Json:
    if message.carried is Carried.VALUE:
        return {"name": name, "payload": value}
    in_headers = _in_headers(message)
    headers = {
        "ce_specversion": "1.0",
        **({"ce_type": message.type} if message.type else {}),
        # Neither what is null nor what is false has a header.
        **{ATTRIBUTES[field]: _text(value[field]) for field in in_headers if value.get(field) not in (None, False)},
        "content-type": "application/json",
    }
    headers = {"ce_id": "a1b2c3", "ce_source": "kenko/scorer", **headers}
    payload = value.get("properties", {}) if message.name == "usage-event" else value
    return {
        "name": name,
        "headers": headers,
        "payload": {field: part for field, part in payload.items() if payload is not value or field not in in_headers},
    }


def _text(value: object) -> object:
    return "true" if value is True else value


def _properties(contract: type[Contract]) -> Json:
    schema = contract.model_json_schema(mode="serialization", ref_template=SCHEMAS + "{model}")
    schema.pop("$defs", None)  # they are in the components
    return schema


def _header_fields(contract: type[Contract], prefix: str, *, required: Sequence[str]) -> Json:
    """The contract as headers, `prefix` before each: text, whatever the field's type is."""
    fields = _properties(contract)["properties"]
    return {
        "type": "object",
        "properties": {prefix + name: _header(part) for name, part in fields.items()},
        "required": [prefix + name for name in required if "default" not in fields[name]],
    }


def _header(schema: Json) -> Json:
    """A field as a header: it is text, and where it may be null the header is left out."""
    kept = ("description", "format", "minLength", "maxLength", "$ref")
    parts = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
    found = {key: value for part in (*parts, schema) for key, value in part.items() if key in kept}
    if "$ref" in found:
        return {"allOf": [{"$ref": found.pop("$ref")}], **found}
    return {"type": "string", **found}
