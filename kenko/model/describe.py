"""A whole model in words, by heading: what `kenko model explain` prints and `kenko model diff` compares."""

from __future__ import annotations

from collections import Counter

from kenko.model.golden import GoldenTest
from kenko.model.phrases import Phrases
from kenko.model.score_spec import Profile
from kenko.model.spec import Calibration, HealthModel, Lifecycle, Traits
from kenko.model.words import Words, listed, number
from kenko.model.words_policy import Parts, Sections, policy_sections

MOST_EVENTS = 6
"""Of a longer list of events, a person reads so many."""
_EVENTS = ("started", "renewed", "upgraded", "downgraded", "ended")


def describe(model: HealthModel, words: Words) -> Sections:
    """All that decides a result, in the order in which people ask for it."""
    base = policy_sections(model.base, words)
    return {
        "about": {"name": model.name},
        "measured": {words.signal_name(signal.name): words.signal(signal) for signal in model.signals},
        **base,
        "profiles": _profiles(model.profiles, base, words),
        "facts": _lifecycle(model.lifecycle, words) | _traits(model.traits, words),
        "calibration": {} if model.calibration is None else _calibration(model.calibration, words),
    }


def describe_words(model: HealthModel) -> Sections:
    """What people read and what is tested: it decides no result."""
    labels = {signal.name: _labels(signal.labels, signal.unit) for signal in model.signals}
    for policy in model.policies:
        for rule in policy.rules:
            labels.setdefault(f"rule {rule.name}", _labels(rule.labels, ""))
    return {
        "about": {"version": str(model.version), "description": model.description},
        "labels": labels,
        "tests": {test.name: _test(test) for test in model.tests},
    }


def words_of(model: HealthModel, phrases: Phrases, language: str) -> Words:
    """Words that call signals and rules by their labels in `language`."""
    rules = {rule.name: rule.label(language) for policy in reversed(model.policies) for rule in policy.rules}
    signals = {signal.name: signal.label(language) for signal in model.signals}
    return Words(phrases, _told_apart(signals), _told_apart(rules), MOST_EVENTS)


def _told_apart(labels: dict[str, str]) -> dict[str, str]:
    """Those that share a label have their names behind it."""
    times = Counter(labels.values())
    return {name: f"{label} ({name})" if times[label] > 1 else label for name, label in labels.items()}


def _profiles(profiles: tuple[Profile, ...], base: Sections, words: Words) -> Parts:
    """For each profile whom it is for, and all in which it differs from the base."""
    found: Parts = {}
    for place, profile in enumerate(profiles, start=1):
        found[f"{place}. {profile.name}"] = words.tests(profile.when)
        for heading, parts in policy_sections(profile.policy, words).items():
            for name in dict.fromkeys((*parts, *base[heading])):
                if parts.get(name) != base[heading].get(name):
                    key = f"{profile.name} / {words.say(heading)} / {name}"
                    found[key] = parts.get(name, words.say("none"))
    return found


def _lifecycle(lifecycle: Lifecycle, words: Words) -> Parts:
    found = {words.say(key): listed(getattr(lifecycle, key)) for key in _EVENTS if getattr(lifecycle, key)}
    if lifecycle.onboarding_ms is not None:
        found[words.say("phase_onboarding")] = words.length(lifecycle.onboarding_ms)
    if lifecycle.renewal_ms is not None:
        found[words.say("phase_renewal")] = words.length(lifecycle.renewal_ms)
    return found


def _traits(traits: Traits, words: Words) -> Parts:
    found = {words.say("trait_events"): listed(traits.events)} if traits.events else {}
    found |= {f"trait.{name}": listed(properties) for name, properties in traits.aliases}
    if traits.high_touch_mrr is not None:
        found[words.say("high_touch")] = number(traits.high_touch_mrr)
    if traits.low_touch_mrr is not None:
        found[words.say("low_touch")] = number(traits.low_touch_mrr)
    return found


def _calibration(calibration: Calibration, words: Words) -> Parts:
    points = {
        words.say("probability", score=number(score)): f"{probability * 100:.3g} %"
        for score, probability in calibration.points
    }
    return {words.say("within"): words.length(calibration.within_ms), **points}


def _labels(labels: tuple[tuple[str, str], ...], unit: str) -> str:
    return listed([*(f"{language}: {text}" for language, text in labels), *([f"[{unit}]"] if unit else [])])


def _test(test: GoldenTest) -> str:
    events = test.file or f"{sum(event.times for event in test.events):,} events"
    wanted = [
        *(f"{key} {value}" for key in ("zone", "standing", "profile") if (value := getattr(test, key)) is not None),
        *(f"score {c.op.value} {number(c.operand)}" for c in test.score),
        *([] if test.rules is None else [f"rules [{listed(test.rules)}]"]),
    ]
    return f"{events}, {test.account or 'its account'}, at {Words().length(test.at_ms)}: {listed(wanted)}"
