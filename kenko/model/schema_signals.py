"""JSON Schema of a model's `signals`, `lifecycle` and `traits`."""

from __future__ import annotations

from kenko.model.read_cel import MOST_CHARACTERS
from kenko.model.schema_parts import Schema, described, list_of, mapping, named, ref

_WORDS = {"label": ref("label"), "unit": described(ref("text"), "What people read behind the value.")}
_WINDOW = "Event time looked back over: 1h to 365d."
_STALE = "From this age on an answer no longer counts: 1h to 365d."


def signals_schema() -> Schema:
    """A signal is one of several shapes."""
    shapes = [
        _aggregated({"enum": ["count", "active_days"]}, {"window": described(ref("duration"), _WINDOW)}, "window"),
        _aggregated(
            {"anyOf": [mapping({"sum": ref("property")}, "sum"), mapping({"unique": _user_or_property()}, "unique")]},
            {"window": described(ref("duration"), _WINDOW)},
            "window",
        ),
        _aggregated(
            {"anyOf": [mapping({key: ref("property")}, key) for key in ("latest", "nps", "nps_average")]},
            {"stale_after": described(ref("duration"), _STALE)},
        ),
        _aggregated({"const": "recency"}, {}),
        mapping({"aggregate": {"enum": ["tenure", "days_to_renewal"]}, **_WORDS}, "aggregate"),
        mapping({"milestones": list_of(ref("text"), "Events; the share that has happened."), **_WORDS}, "milestones"),
        mapping({"time_to": described(ref("texts"), "Days to the first of these events."), **_WORDS}, "time_to"),
        mapping({"ratio": _ratio(), **_WORDS}, "ratio"),
        mapping({"trend": _trend(), **_WORDS}, "trend"),
        mapping({"trait": described(ref("name"), "A numeric trait of the account."), **_WORDS}, "trait"),
    ]
    return named({"anyOf": shapes}, "What is measured, by name.")


def match_schema() -> Schema:
    """Which events a signal looks at."""
    return mapping(
        {
            "event": described(ref("events"), 'A name, {prefix: ...}, a list of them, or "*" for any.'),
            "not": described(ref("event_list"), 'Names and prefixes taken out of "*" or of a prefix.'),
            "source": described(ref("texts"), "Who sent it."),
            "properties": {
                "type": "object",
                "description": "Tests on the event's properties; all must hold.",
                "additionalProperties": ref("tests"),
            },
            "cel": {
                "type": "string",
                "maxLength": MOST_CHARACTERS,
                "description": "An expression in CEL over event, user_id, source and properties; needs kenko[cel].",
            },
        },
        "event",
    )


def lifecycle_schema() -> Schema:
    """Events of a contract, and its phases."""
    lists = {
        "started": "Events that begin a contract.",
        "renewed": "Events that renew it.",
        "upgraded": "Events after which it is worth more.",
        "downgraded": "Events after which it is worth less.",
        "ended": "Events that end it.",
    }
    phases = {
        "onboarding": "How long the phase is onboarding after the contract began.",
        "renewal": "From how long before the renewal date the phase is renewal.",
    }
    return mapping(
        {
            **{key: described(ref("event_names"), text) for key, text in lists.items()},
            **{key: described(ref("duration"), text) for key, text in phases.items()},
        }
    )


def traits_schema() -> Schema:
    """Where facts about an account come from."""
    mrr: Schema = {"type": "number", "minimum": 0}
    return mapping(
        {
            "events": described(ref("event_names"), "Events whose properties are traits; they are no use."),
            "names": named(ref("texts"), "Trait: the property, or list of properties, that fills it.", least=0),
            "touch": mapping(
                {
                    "high": described(mrr, "High touch from this recurring revenue a month on."),
                    "low": described(mrr, "Low touch from this on; tech below it."),
                },
                least=1,
            ),
        }
    )


def _aggregated(aggregate: Schema, more: Schema, *required: str) -> Schema:
    properties = {"match": ref("match"), "aggregate": aggregate, **more, **_WORDS}
    return mapping(properties, "match", "aggregate", *required)


def _user_or_property() -> Schema:
    return {"anyOf": [{"const": "user_id"}, ref("property")]}


def _ratio() -> Schema:
    return mapping({"numerator": ref("reference"), "denominator": ref("reference")}, "numerator", "denominator")


def _trend() -> Schema:
    return mapping(
        {
            "of": described(ref("name"), "A signal that is a count, a sum or active days."),
            "baseline": described(ref("duration"), "The past it is held against: 1 to 26 windows."),
        },
        "of",
        "baseline",
    )
