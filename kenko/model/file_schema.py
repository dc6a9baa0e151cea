"""JSON Schema (2020-12) of a model's file, for editors: `python -m kenko.model.file_schema` writes it, `--check` compares.

It says which keys and shapes there are. What one part says of another (a name that does not exist, a zone that clears too
early) only the reader can tell: `kenko model check`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from kenko.model.load import API_VERSION, KIND
from kenko.model.read_golden import EXPECTED_STANDINGS, EXPECTED_ZONES
from kenko.model.schema_parts import Schema, common, described, list_of, mapping, number, ref, words
from kenko.model.schema_policy import (
    curve_schema,
    missing_schema,
    profiles_schema,
    rules_schema,
    score_schema,
    zones_schema,
)
from kenko.model.schema_signals import lifecycle_schema, match_schema, signals_schema, traits_schema

FILE = Path(__file__).parents[2] / "docs" / "health-model.schema.json"
"""Where it is committed."""


def file_schema() -> Schema:
    """The schema of the whole file."""
    root = mapping(
        {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": KIND},
            "metadata": _metadata(),
            "lifecycle": lifecycle_schema(),
            "traits": traits_schema(),
            "signals": signals_schema(),
            "score": score_schema(),
            "zones": zones_schema(),
            "rules": rules_schema(),
            "profiles": profiles_schema(),
            "calibration": _calibration(),
            "tests": list_of(_test(), "What the model must do: `kenko model test` runs them.", least=0),
        },
        "apiVersion",
        "kind",
        "metadata",
        "signals",
        "score",
        "zones",
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:kenko:schema:health-model",
        "title": "Kenko health model",
        **root,
        "$defs": {**common(), "match": match_schema(), "missing": missing_schema(), "curve": curve_schema()},
    }


def render() -> str:
    """The schema as it is committed."""
    return json.dumps(file_schema(), indent=2, ensure_ascii=False) + "\n"


def _metadata() -> Schema:
    name: Schema = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}
    version: Schema = {"type": "integer", "minimum": 1}
    return mapping({"name": name, "version": version, "description": ref("text")}, "name", "version")


def _calibration() -> Schema:
    point = {"type": "array", "prefixItems": [number(0, 100), number(0, 1)], "items": False, "minItems": 2}
    return mapping(
        {
            "within": described(ref("duration"), "The account leaves within so long."),
            "points": list_of(point, "[score, probability]: straight lines between them.", least=2),
        },
        "within",
        "points",
    )


def _event() -> Schema:
    event = mapping(
        {
            "event": ref("text"),
            "user": ref("text"),
            "source": described(ref("text"), "Who sent it."),
            "at": ref("offset"),
            "every": ref("duration"),
            "until": ref("offset"),
            "properties": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
        },
        "event",
        "at",
    )
    event["dependentRequired"] = {"every": ["until"], "until": ["every"]}
    return event


def _told() -> Schema:
    traits = {
        "type": "object",
        "description": "As kenko.traits.v1 tells them; null: no longer known.",
        "minProperties": 1,
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    }
    return mapping({"traits": traits, "at": ref("offset")}, "traits", "at")


def _override() -> Schema:
    score = {"anyOf": [number(0, 100), {"type": "null"}], "description": "null lifts an override."}
    override = mapping({"score": score, "until": ref("offset")}, "score")
    said = described(override, "A score that a person sets, as kenko.override.v1 tells it.")
    return mapping({"override": said, "at": ref("offset")}, "override", "at")


def _test() -> Schema:
    expect = mapping(
        {
            "zone": words(EXPECTED_ZONES),
            "standing": words(EXPECTED_STANDINGS),
            "score": ref("comparisons"),
            "rules": list_of(ref("rule_name"), "Exactly these rules hold.", least=0),
            "profile": ref("rule_name"),
        },
        least=1,
    )
    records = list_of({"anyOf": [_event(), _told(), _override()]})
    events = {"anyOf": [described(ref("text"), "A file, its path from the model's own."), records]}
    return mapping(
        {"name": ref("text"), "events": events, "account": ref("text"), "at": ref("offset"), "expect": expect},
        "name",
        "events",
        "at",
        "expect",
    )


def main() -> int:
    """Write the file, or with `--check` answer 1 if it is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file is stale")
    is_stale = not FILE.is_file() or FILE.read_text(encoding="utf-8") != render()
    if parser.parse_args().check:
        if is_stale:
            sys.stderr.write(f"docs/{FILE.name} is stale: run `make schemas`\n")
        return int(is_stale)
    if is_stale:
        FILE.write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
