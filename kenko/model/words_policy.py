"""A policy in words: shares, curves, limits, zones, rules. Each part has a name, so that two policies can be compared."""

from __future__ import annotations

from kenko.model.score_spec import Boundary, Curve, HalfLife, Input, Points, Policy, Rule, Step
from kenko.model.words import Words, listed, number

Parts = dict[str, str]
"""Name of a part -> the part in words, in the order of the model."""
Sections = dict[str, Parts]
"""Key of the heading -> its parts."""


def policy_sections(policy: Policy, words: Words) -> Sections:
    """A policy, by heading."""
    return {
        "shares": shares(policy, words),
        "inputs": {_place(group.name, i, words): _input(i, words) for group in policy.groups for i in group.inputs},
        "limits": _limits(policy, words),
        "zones": {
            words.say("red"): _boundary(policy.zones.red, words),
            words.say("yellow"): _boundary(policy.zones.yellow, words),
        },
        "rules": {words.rule_name(rule.name): rule_words(rule, words) for rule in policy.rules},
    }


def shares(policy: Policy, words: Words) -> Parts:
    """What part of the score each group and input is while all have data, in percent."""
    found: Parts = {}
    whole = sum(group.weight for group in policy.groups)
    for group in policy.groups:
        part = group.weight / whole
        found[group.name] = _percent(part)
        inside = sum(i.weight for i in group.inputs)
        for i in group.inputs:
            found[_place(group.name, i, words)] = _percent(part * i.weight / inside)
    return found


def rule_words(rule: Rule, words: Words) -> str:
    """What a rule is about, and its conditions."""
    parts: list[str] = []
    if rule.zones:
        parts.append(words.say("in_zone", zones=listed(words.say(zone.value) for zone in rule.zones)))
    if rule.drop is not None:
        length = words.length(rule.drop.within_days * 86_400_000)
        parts.append(words.say("drop", points=number(rule.drop.points), length=length))
    if rule.silence is not None:
        length = words.length(rule.silence.at_least_ms)
        parts.append(words.say("silence", factor=number(rule.silence.factor), length=length))
    parts += [words.comparisons(words.signal_name(test.signal), test.tests) for test in rule.signals]
    if rule.age:
        parts.append(words.lengths(words.say("age"), rule.age))
    if rule.renewal_within_ms is not None:
        parts.append(words.say("renewal_within", length=words.length(rule.renewal_within_ms)))
    if rule.when:
        parts.append(words.tests(rule.when))
    if rule.for_ms:
        parts.append(words.say("held", length=words.length(rule.for_ms)))
    if rule.clear_for_ms:
        parts.append(words.say("cleared", length=words.length(rule.clear_for_ms)))
    return f"{words.say('kind_' + rule.kind.value)}: {'; '.join(parts)}"


def _place(group: str, i: Input, words: Words) -> str:
    return f"{group} / {words.signal_name(i.signal)}"


def _percent(part: float) -> str:
    return f"{part * 100:.3g} %"


def _input(i: Input, words: Words) -> str:
    curve = _curve(i.curve, words)
    if i.per is not None:
        curve = words.say("per", scale=number(i.scale), per=words.reference(i.per), curve=curve)
    return words.say(i.missing.value, curve=curve)


def _curve(curve: Curve, words: Words) -> str:
    if isinstance(curve, HalfLife):
        return words.say("half_life", length=words.length(curve.half_life_ms))
    if isinstance(curve, Points):
        return listed(words.say("point", x=number(x), health=number(health)) for x, health in curve.points)
    return listed(_step(step, words) for step in curve.steps)


def _step(step: Step, words: Words) -> str:
    if step.edge is None:
        return words.say("step_else", health=number(step.health))
    key = "step_lte" if step.is_inclusive else "step_lt"
    return words.say(key, x=number(step.edge), health=number(step.health))


def _limits(policy: Policy, words: Words) -> Parts:
    found: Parts = {}
    for cap in policy.caps:
        condition = words.comparisons(words.signal_name(cap.signal), cap.tests)
        found[condition] = words.say("at_most", score=number(cap.at_most))
    if policy.new_account_grace_ms:
        found[words.say("grace")] = words.say("grace_is", length=words.length(policy.new_account_grace_ms))
    return found


def _boundary(boundary: Boundary, words: Words) -> str:
    below, above = number(boundary.below), number(boundary.clear_above)
    if not boundary.for_ms:
        return words.say("zone", below=below, above=above)
    return words.say("zone_for", below=below, above=above, length=words.length(boundary.for_ms))
