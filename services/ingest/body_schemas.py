"""JSON Schemas of the bodies that each dialect takes, for the OpenAPI document.

They say what is refused by its form. What a schema cannot say (a time in the future, a source that is another's, depth)
is said in the answer. A batch is good if one of its events is: the others are named in the answer.
"""

from __future__ import annotations

from typing import Any, Final

from kenko.dialects.body import Form
from kenko.dialects.cloudevents_http import PREFIX
from kenko.dialects.form import FORM_TYPE
from kenko.dialects.identifiers import MAX_LENGTH
from kenko.dialects.mixpanel_envelope import LINES_TYPE
from kenko.dialects.reading import MAX_EVENTS, DialectName
from kenko.dialects.segment_body import IMPORT_PATH, call_of
from schemas.usage_event import UsageEvent

Schema = dict[str, Any]

_INSIDE: Final = r"[^\x00-\x1f\x7f-\x9f]"
_EDGE: Final = r"[^\s\x00-\x1f\x7f-\x9f]"
_IDENTIFIER: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_LENGTH,
    "pattern": f"^{_EDGE}({_INSIDE}*{_EDGE})?$",
}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_OBJECT: Final[Schema] = {"type": "object"}
_KEY: Final[Schema] = {"description": "The API key, where no header has it."}


def media_types(path: str, dialect: DialectName) -> dict[str, Schema]:
    """What may be posted to `path`: by Content-Type, the schema of the body."""
    match dialect:
        case DialectName.SEGMENT:
            return dict.fromkeys(("application/json", "text/plain"), _segment(path))
        case DialectName.POSTHOG:
            return {"application/json": _posthog(), FORM_TYPE: _form()}
        case DialectName.MIXPANEL:
            item = _mixpanel(path.rstrip("/"))
            lines = {"type": "string", "description": "One of these a line."}
            return {"application/json": _one_or_many(item), FORM_TYPE: _form(), LINES_TYPE: lines}
        case _:
            return _events()


def binary_headers() -> list[Schema]:
    """The headers of a CloudEvent in binary mode; with them the body is the data alone."""
    meaning = {
        "specversion": "'1.0'",
        "id": "stays the same when you retry",
        "source": "who produced it",
        "type": "what happened",
        "subject": "the account",
        "time": "when it happened, RFC 3339",
        "userid": "the person in the account",
    }
    return [
        {
            "name": PREFIX + name,
            "in": "header",
            "required": False,
            "description": f"CloudEvents in binary mode: {said}. Percent-encoded. All of the first five, or none.",
            "schema": {"type": "string"},
        }
        for name, said in meaning.items()
    ]


def _events() -> dict[str, Schema]:
    event = UsageEvent.model_json_schema()
    fields = {name: field for name, field in event["properties"].items() if name not in ("received_at", "backfill")}
    for name in ("id", "account_id", "event"):
        fields[name] = fields[name] | _IDENTIFIER
    for name, form in {"source": _IDENTIFIER, "user_id": _IDENTIFIER, "time": _TIME, "properties": _OBJECT}.items():
        fields[name] = {"description": fields[name]["description"], **_or_null(form)}
    required = [name for name in event["required"] if name != "time"]
    plain = {**event, "properties": fields, "required": required}
    cloud = {
        "type": "object",
        "description": "CloudEvents 1.0; `type` is the event, `subject` the account, `data` the properties.",
        "required": ["specversion", "id", "source", "type", "subject"],
        "properties": {
            "specversion": {"const": "1.0"},
            **dict.fromkeys(("id", "source", "type", "subject"), _IDENTIFIER),
            "time": _or_null(_TIME),
            "userid": _or_null(_IDENTIFIER),
            "data": _or_null(_OBJECT),
            "data_base64": {"type": "null"},
        },
    }
    envelope = {
        "type": "object",
        "required": ["events"],
        "properties": {"events": _batch(plain)},
        "additionalProperties": False,
    }
    return {
        Form.PLAIN.value: {"anyOf": [plain, _batch(plain), envelope]},
        Form.CLOUDEVENT.value: cloud,
        Form.CLOUDEVENTS_BATCH.value: _batch(cloud),
    }


def _segment(path: str) -> Schema:
    call = call_of(path)
    fields: Schema = {
        "messageId": {"type": ["string", "integer", "null"]},
        "userId": {"type": ["string", "integer", "null"]},
        "timestamp": _or_null(_TIME),
        "context": _or_null(_OBJECT),
    }
    event = _IDENTIFIER | {"description": "What happened: of a track."}
    if call is None:
        item = {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"type": "string"}, "event": {}, **fields},
        }
        about = "History: it changes scores and alerts nobody." if path.rstrip("/") == IMPORT_PATH else "Calls."
        return {
            "type": "object",
            "description": about,
            "required": ["batch"],
            "properties": {"batch": _batch(item), "writeKey": _KEY},
        }
    if call == "track":
        return {
            "type": "object",
            "required": ["event"],
            "properties": {"event": event, **fields, "properties": _or_null(_OBJECT), "writeKey": _KEY},
        }
    more = {"identify": "traits", "group": "traits", "page": "properties", "screen": "properties"}.get(call)
    if more is not None:
        fields[more] = _or_null(_OBJECT)
    if call == "alias":
        fields = {name: fields[name] for name in ("messageId", "userId")} | {"previousId": fields["userId"]}
    if call == "group":
        # Its context is not read, and its user is not looked at where the group is a placeholder.
        fields = {name: form for name, form in fields.items() if name not in ("context", "userId")}
    required = ["groupId"] if call == "group" else []
    group = {"groupId": {"type": ["string", "integer"], "description": "The account."}} if call == "group" else {}
    return {"type": "object", "required": required, "properties": {**fields, **group, "writeKey": _KEY}}


def _posthog() -> Schema:
    event: Schema = {
        "type": "object",
        "required": ["event"],
        "properties": {
            "event": _IDENTIFIER,
            "distinct_id": {"description": "The person."},
            "uuid": _or_null(_IDENTIFIER),
            "timestamp": _or_null(_TIME),
            "properties": _or_null(_OBJECT),
            "api_key": _KEY,
            "batch": {"not": {}},
        },
    }
    envelope = {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": _batch(event),
            "api_key": _KEY,
            "sent_at": {"description": "By the client's clock."},
            "historical_migration": {"description": "true: it changes scores and alerts nobody."},
        },
    }
    return {"anyOf": [envelope, event, _batch(event)]}


def _mixpanel(path: str) -> Schema:
    if path in ("/engage", "/groups"):
        named = "$distinct_id" if path == "/engage" else "$group_id"
        return {
            "type": "object",
            "description": "An update of a profile.",
            "properties": {"$token": _KEY, named: {}},
        }
    time = {"description": "Seconds or milliseconds since 1970, or RFC 3339."}
    inside = {"type": "object", "properties": {"token": _KEY, "distinct_id": {}, "time": time, "$insert_id": {}}}
    required = ["event"]
    if path == "/import":
        inside["required"] = ["time"]
        required.append("properties")
    else:
        inside = _or_null(inside)
    return {"type": "object", "required": required, "properties": {"event": _IDENTIFIER, "properties": inside}}


def _form() -> Schema:
    data = {"type": "string", "minLength": 1, "description": "The same as JSON, or base64 of that."}
    return {"type": "object", "required": ["data"], "properties": {"data": data}}


def _one_or_many(item: Schema) -> Schema:
    return {"anyOf": [item, _batch(item)]}


def _batch(item: Schema) -> Schema:
    """Of which one is good, or which is empty."""
    return {"type": "array", "maxItems": MAX_EVENTS, "anyOf": [{"maxItems": 0}, {"contains": item}]}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}
