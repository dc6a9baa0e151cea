"""Parts of the JSON Schema of a model's file that are used in many places, as `$defs`."""

from __future__ import annotations

from typing import Any

from kenko.model.read_tests import COMPARISONS
from kenko.model.signal_spec import Op

Schema = dict[str, Any]

_NUMERIC = (Op.GT, Op.GTE, Op.LT, Op.LTE)
_SCALAR = ["string", "number", "boolean"]


def ref(name: str) -> Schema:
    """A reference to one of the `$defs`."""
    return {"$ref": f"#/$defs/{name}"}


def mapping(properties: Schema, *required: str, least: int = 0) -> Schema:
    """A mapping with known keys: any other is a mistake."""
    found: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    if required:
        found["required"] = list(required)
    if least:
        found["minProperties"] = least
    return found


def named(value: Schema, description: str, *, names: str = "name", least: int = 1) -> Schema:
    """A mapping whose keys are names."""
    return {
        "type": "object",
        "description": description,
        "propertyNames": ref(names),
        "additionalProperties": value,
        "minProperties": least,
    }


def list_of(item: Schema, description: str = "", *, least: int = 1) -> Schema:
    """A list of at least so many."""
    found: Schema = {"type": "array", "items": item}
    if description:
        found["description"] = description
    if least:
        found["minItems"] = least
    return found


def words(values: tuple[str, ...], description: str = "") -> Schema:
    """One of a few words."""
    return {"enum": list(values)} | ({"description": description} if description else {})


def number(low: float, high: float, description: str = "") -> Schema:
    """A number from `low` to `high`."""
    found: Schema = {"type": "number", "minimum": low, "maximum": high}
    return found | ({"description": description} if description else {})


def described(schema: Schema, description: str) -> Schema:
    """`schema` with a text that editors show."""
    return {**schema, "description": description}


def common() -> Schema:
    """The `$defs` that signals, score, rules and profiles share."""
    text: Schema = {"type": "string", "minLength": 1}
    tests: Schema = {
        Op.EQ: {"type": _SCALAR},
        Op.IN: list_of({"type": _SCALAR}),
        Op.EXISTS: {"type": "boolean"},
        **{op: {"type": "number"} for op in _NUMERIC},
    }
    prefix = mapping({"prefix": text}, "prefix")
    return {
        "text": text,
        "name": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"},
        "rule_name": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,62}$"},
        "duration": {"type": "string", "pattern": "^[0-9]{1,9}[smhdw]$", "examples": ["90m", "12h", "7d", "0s"]},
        "offset": {"type": "string", "pattern": "^\\+?[0-9]{1,9}[smhdw]$", "examples": ["21d", "+21d"]},
        "label": {
            "description": "What people read: English text, or a text for each language.",
            "anyOf": [text, {"type": "object", "additionalProperties": text, "minProperties": 1}],
        },
        "texts": {"anyOf": [text, list_of(text)]},
        "event_names": list_of(text),
        "event_list": list_of({"anyOf": [text, prefix]}),
        "events": {"anyOf": [text, prefix, ref("event_list")]},
        "comparisons": mapping({op: {"type": "number"} for op in COMPARISONS}, least=1),
        "tests": mapping({str(op): schema for op, schema in tests.items()}, least=1),
        "reference": described(text, "A signal that is made of events, or trait.NAME."),
        "property": {"type": "string", "pattern": "^properties\\..+$"},
        "when": {
            "type": "object",
            "description": "lifecycle, touch or any trait, with or without `trait.`: a value, a list or tests.",
            "minProperties": 1,
            "additionalProperties": {
                "anyOf": [{"type": _SCALAR}, list_of({"type": _SCALAR}), ref("tests")],
            },
        },
    }
