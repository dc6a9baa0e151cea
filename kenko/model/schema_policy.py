"""JSON Schema of a model's `score`, `zones`, `rules` and `profiles`."""

from __future__ import annotations

from kenko.model.read_policy import POLICY_KEYS
from kenko.model.read_rules import CONDITIONS, ZONE_RULE
from kenko.model.read_tests import COMPARISONS
from kenko.model.schema_parts import Schema, described, list_of, mapping, named, number, ref, words
from kenko.model.score_spec import Missing
from schemas.health import CAP_GROUP, OVERRIDE_GROUP, Zone
from schemas.transition import RuleKind

_ZONES = tuple(zone.value for zone in Zone)
_ABOVE_0: Schema = {"type": "number", "exclusiveMinimum": 0}
_DURATIONS = mapping({op: ref("duration") for op in ("gt", "gte", "lt", "lte")}, least=1)


def score_schema() -> Schema:
    """Groups, caps, what missing data does, and the grace."""
    group = mapping({"weight": _ABOVE_0, "inputs": list_of(_input())}, "weight", "inputs")
    when = mapping({"signal": ref("name"), **{op: {"type": "number"} for op in COMPARISONS}}, "signal", least=2)
    groups = named(group, "Inputs that share a weight, by name.")
    groups["propertyNames"] = {"allOf": [ref("name"), {"not": {"enum": [CAP_GROUP, OVERRIDE_GROUP]}}]}
    return mapping(
        {
            "groups": groups,
            "missing": ref("missing"),
            "caps": list_of(
                mapping({"when": when, "at_most": number(0, 100)}, "when", "at_most"),
                "While the signal is in a range, the score is at most so much.",
                least=0,
            ),
            "new_account_grace": described(ref("duration"), "So long after its first event an account has no zone."),
        },
        "groups",
    )


def zones_schema() -> Schema:
    """Red and yellow."""
    boundary = mapping(
        {
            "below": number(0, 100, "The zone is entered when the score is below this for as long as `for`."),
            "clear_above": number(0, 100, "It is left when the score is above this."),
            "for": ref("duration"),
        },
        "below",
        "clear_above",
    )
    return mapping({"red": boundary, "yellow": boundary}, "red", "yellow")


def rules_schema() -> Schema:
    """A list of rules."""
    zones = {"anyOf": [words(_ZONES), list_of(words(_ZONES))]}
    silence = {"factor": number(1, 1000, "Times the usual gap."), "at_least": ref("duration")}
    drop = {"points": {**_ABOVE_0, "maximum": 100}, "within": described(ref("duration"), "Whole days, 1d to 400d.")}
    rule = mapping(
        {
            "name": {"allOf": [ref("rule_name"), {"not": {"const": ZONE_RULE}}]},
            "kind": words(tuple(kind.value for kind in RuleKind), "What it is about: it decides who is told."),
            "label": ref("label"),
            "zone": described(zones, "The account is in one of these zones."),
            "drop": described(mapping(drop, "points", "within"), "Below the highest daily close of so many days."),
            "silence": described(mapping(silence, "factor"), "No use for so many times the account's usual gap."),
            "signal": {
                "type": "object",
                "description": "Signals, and comparisons that all hold.",
                "minProperties": 1,
                "additionalProperties": ref("comparisons"),
            },
            "age": described(_DURATIONS, "Since the contract began, or the first event."),
            "renewal_within": described(ref("duration"), "The renewal date is ahead, at most so far."),
            "when": ref("when"),
            "for": described(ref("duration"), "It must have held so long before it counts."),
            "clear_for": described(ref("duration"), "It must have failed so long before it ends."),
        },
        "name",
        "kind",
    )
    rule["anyOf"] = [{"required": [condition]} for condition in CONDITIONS]
    return list_of(rule, "Conditions beside the zones.", least=0)


def profiles_schema() -> Schema:
    """A list of profiles. What an override holds is not looked into: its paths may be dotted at any depth."""
    override = {
        "type": "object",
        "description": "Dotted paths below score, zones and rules, or nested mappings.",
        "minProperties": 1,
        "propertyNames": {"pattern": f"^({'|'.join(POLICY_KEYS)})(\\..+)?$"},
    }
    profile = mapping({"name": ref("rule_name"), "when": ref("when"), "override": override}, "name", "when", "override")
    return list_of(profile, "The first whose `when` fits is the account's.", least=0)


def missing_schema() -> Schema:
    """What an input without data does."""
    return words(tuple(policy.value for policy in Missing), "What an input without data does to the score.")


def curve_schema() -> Schema:
    """One of three shapes."""
    health = number(0, 100, "0 to 100.")
    point = {"type": "array", "prefixItems": [{"type": "number"}, health], "items": False, "minItems": 2}
    step = mapping({"lt": {"type": "number"}, "lte": {"type": "number"}, "health": health}, "health")
    return {
        "description": "What health a value has.",
        "anyOf": [
            mapping({"points": list_of(point, "[value, health]: straight lines between them.", least=2)}, "points"),
            mapping({"steps": list_of(step, "A health for each range; the last has no end.", least=2)}, "steps"),
            mapping({"half_life": described(ref("duration"), "For recency: halved each half-life.")}, "half_life"),
        ],
    }


def _input() -> Schema:
    return mapping(
        {
            "signal": ref("name"),
            "weight": _ABOVE_0,
            "curve": ref("curve"),
            "missing": ref("missing"),
            "per": described(ref("reference"), "The value is divided by this."),
            "scale": described(_ABOVE_0, "And multiplied by this."),
        },
        "signal",
        "curve",
    )
