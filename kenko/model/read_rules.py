"""Conditions beside the zones: the `rules` of a model."""

from __future__ import annotations

from kenko.model import limits
from kenko.model.names import read_rule_name
from kenko.model.nodes import Place
from kenko.model.read_labels import read_labels
from kenko.model.read_tests import read_comparisons
from kenko.model.read_when import read_when
from kenko.model.score_spec import Drop, Rule, SignalTest, Silence
from kenko.model.signal_spec import Comparison, Op
from kenko.model.vocabulary import Vocabulary
from schemas.health import Zone
from schemas.transition import RuleKind

ZONE_RULE = "zone"
"""The name under which the zones themselves tell of red."""
CONDITIONS = ("zone", "drop", "silence", "signal", "age", "renewal_within", "when")
_HOLDS = ("for", "clear_for")
_KINDS = tuple(kind.value for kind in RuleKind)
_ZONES = tuple(zone.value for zone in Zone)
_AGES = tuple(op.value for op in (Op.GT, Op.GTE, Op.LT, Op.LTE))
_LONGEST_DROP_DAYS = 400
_LARGEST_FACTOR = 1000
_USUAL_SILENCE_MS = 3 * limits.DAY_MS


def read_rules(place: Place, known: Vocabulary) -> tuple[Rule, ...]:
    """The rules that could be read."""
    rules: list[Rule] = []
    lines: dict[str, int] = {}
    for item in place.items("a list of rules"):
        fields = item.fields(("name", "kind", "label", *CONDITIONS, *_HOLDS), required=("name", "kind"))
        if fields is None:
            continue
        name = read_rule_name(fields["name"], "rule", reserved=ZONE_RULE) if "name" in fields else None
        if name in lines:
            fields["name"].mistake(f"the rule {name!r} is here twice", f"the first is on line {lines[name]}")
        elif name is not None:
            lines[name] = fields["name"].node.start_mark.line + 1
        rule = _read_rule(name, item, fields, known)
        if rule is not None:
            rules.append(rule)
    return tuple(rules)


def _read_rule(name: str | None, place: Place, fields: dict[str, Place], known: Vocabulary) -> Rule | None:
    if not any(key in fields for key in CONDITIONS):
        place.mistake("a rule needs a condition", "one of " + ", ".join(CONDITIONS))
    kind = fields["kind"].one_of(_KINDS) if "kind" in fields else None
    rule = Rule(
        name=name or "",
        kind=RuleKind(kind or RuleKind.CHURN),
        labels=read_labels(name or "", fields.get("label")),
        for_ms=_read_hold(fields.get("for")),
        clear_for_ms=_read_hold(fields.get("clear_for")),
        zones=_read_zones(fields["zone"]) if "zone" in fields else (),
        drop=_read_drop(fields["drop"]) if "drop" in fields else None,
        silence=_read_silence(fields["silence"]) if "silence" in fields else None,
        signals=_read_signal_tests(fields["signal"], known) if "signal" in fields else (),
        age=_read_age(fields["age"]) if "age" in fields else (),
        renewal_within_ms=_read_within(fields["renewal_within"]) if "renewal_within" in fields else None,
        when=read_when(fields["when"], known) if "when" in fields else (),
    )
    return None if name is None or kind is None else rule


def _read_hold(place: Place | None) -> int:
    if place is None:
        return 0
    hold = place.duration() or 0
    if hold > limits.MAX_WINDOW_MS:
        place.mistake("at most 365d")
    return hold


def _read_zones(place: Place) -> tuple[Zone, ...]:
    if not place.is_list:
        word = place.one_of(_ZONES)
        return () if word is None else (Zone(word),)
    zones: list[Zone] = []
    for item in place.items():
        word = item.one_of(_ZONES)
        if word in zones:
            item.mistake(f"{word!r} is here twice")
        elif word is not None:
            zones.append(Zone(word))
    if not place.node.value:
        place.mistake("the list is empty")
    return tuple(zones)


def _read_drop(place: Place) -> Drop | None:
    fields = place.fields(("points", "within"), required=("points", "within")) or {}
    points = fields["points"].number_within(0, 100) if "points" in fields else None
    within = fields["within"].duration() if "within" in fields else None
    if points == 0:
        fields["points"].mistake("a drop is above 0")
    days, rest = divmod(within or 0, limits.DAY_MS)
    if within is not None and (rest or not 1 <= days <= _LONGEST_DROP_DAYS):
        fields["within"].mistake(f"a drop is looked for in whole days, 1d to {_LONGEST_DROP_DAYS}d")
    return None if points is None or within is None else Drop(points=points, within_days=days)


def _read_silence(place: Place) -> Silence | None:
    fields = place.fields(("factor", "at_least"), required=("factor",)) or {}
    factor = fields["factor"].number_within(1, _LARGEST_FACTOR) if "factor" in fields else None
    at_least = fields["at_least"].duration() if "at_least" in fields else _USUAL_SILENCE_MS
    if at_least is not None and not limits.HOUR_MS <= at_least <= limits.MAX_WINDOW_MS:
        fields["at_least"].mistake("at_least is 1h to 365d")
    return None if factor is None or at_least is None else Silence(factor=factor, at_least_ms=at_least)


def _read_signal_tests(place: Place, known: Vocabulary) -> tuple[SignalTest, ...]:
    tests: list[SignalTest] = []
    entries = place.entries("a mapping of signals, for example {nps: {lte: 6}}")
    if entries is not None and not place.node.value:
        place.mistake("needs a signal", "for example {nps: {lte: 6}}")
    for name, entry in entries or ():
        is_known = known.has_signal(entry, name)
        if not entry.is_mapping:
            entry.mistake("expected comparisons", "for example {lte: 6}")
            continue
        compared = read_comparisons(entry, "{lte: 6}")
        if is_known and compared:
            tests.append(SignalTest(signal=name, tests=compared))
    return tuple(tests)


def _read_age(place: Place) -> tuple[Comparison, ...]:
    fields = place.fields(_AGES)
    if fields is not None and not place.node.value:
        place.mistake("needs a comparison", "for example {gte: 21d}")
    read = [(Op(op), operand.duration()) for op, operand in (fields or {}).items()]
    return tuple(Comparison(op=op, operand=float(length)) for op, length in read if length is not None)


def _read_within(place: Place) -> int | None:
    within = place.duration()
    if within is not None and not limits.HOUR_MS <= within <= limits.MAX_WINDOW_MS:
        place.mistake("renewal_within is 1h to 365d")
    return within
