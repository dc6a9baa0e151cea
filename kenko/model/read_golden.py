"""What a model's own file expects of it: the `tests` of a model."""

from __future__ import annotations

from collections.abc import Collection

from yaml.nodes import ScalarNode

from kenko.model import limits
from kenko.model.durations import parse_duration
from kenko.model.golden import GoldenEvent, GoldenTest
from kenko.model.nodes import Place, describe, did_you_mean
from kenko.model.read_profiles import NO_PROFILE
from kenko.model.read_tests import read_comparisons
from kenko.model.signal_spec import Scalar
from schemas.health import Standing, Zone

MOST_EVENTS = 20_000
"""Most events of a test, repeats counted."""
LONGEST_MS = 1000 * limits.DAY_MS
NO_ZONE = "none"
EXPECTED_ZONES = (*(zone.value for zone in Zone), NO_ZONE)
EXPECTED_STANDINGS = tuple(standing.value for standing in Standing)
_EXPECT = ("zone", "standing", "score", "rules", "profile")
_EVENT = ("event", "user", "at", "every", "until", "properties")


class GoldenReader:
    """Reads tests against the names of the model's rules and profiles; None: nobody knows them well enough."""

    def __init__(self, rules: Collection[str] | None, profiles: Collection[str] | None) -> None:
        self._rules = rules
        self._profiles = None if profiles is None else (*profiles, NO_PROFILE)

    def read(self, place: Place) -> tuple[GoldenTest, ...]:
        """The tests that could be read."""
        tests: list[GoldenTest] = []
        lines: dict[str, int] = {}
        for item in place.items("a list of tests"):
            test = self._read_test(item)
            if test is None:
                continue
            if test.name in lines:
                item.mistake(f"the test {test.name!r} is here twice", f"the first is on line {lines[test.name]}")
            lines.setdefault(test.name, test.line)
            tests.append(test)
        return tuple(tests)

    def _read_test(self, place: Place) -> GoldenTest | None:
        required = ("name", "events", "at", "expect")
        fields = place.fields((*required, "account"), required=required)
        if fields is None:
            return None
        name = fields["name"].text() if "name" in fields else None
        at_ms = _read_offset(fields["at"]) if "at" in fields else None
        file, events = _read_events(fields["events"]) if "events" in fields else (None, ())
        account = fields["account"].text("the id of an account") if "account" in fields else None
        test = GoldenTest(
            name=name or "",
            line=place.node.start_mark.line + 1,
            file=file,
            events=events,
            account=account,
            at_ms=at_ms or 0,
        )
        if "expect" in fields:
            test = self._read_expect(fields["expect"], test)
        return None if name is None or at_ms is None else test

    def _read_expect(self, place: Place, test: GoldenTest) -> GoldenTest:
        fields = place.fields(_EXPECT) or {}
        if place.is_mapping and not place.node.value:
            place.mistake("expects nothing", "for example {zone: red}")
        return GoldenTest(
            name=test.name,
            line=test.line,
            file=test.file,
            events=test.events,
            account=test.account,
            at_ms=test.at_ms,
            zone=fields["zone"].one_of(EXPECTED_ZONES) if "zone" in fields else None,
            standing=fields["standing"].one_of(EXPECTED_STANDINGS) if "standing" in fields else None,
            score=read_comparisons(fields["score"], "{lt: 40}") if "score" in fields else (),
            rules=self._read_rules(fields["rules"]) if "rules" in fields else None,
            profile=_read_known(fields["profile"], "profile", self._profiles) if "profile" in fields else None,
        )

    def _read_rules(self, place: Place) -> tuple[str, ...]:
        names: list[str] = []
        for item in place.items("a list of rules"):
            name = _read_known(item, "rule", self._rules)
            if name in names:
                item.mistake(f"{name!r} is here twice")
            elif name is not None:
                names.append(name)
        return tuple(names)


def _read_known(place: Place, what: str, known: Collection[str] | None) -> str | None:
    name = place.text(f"the name of a {what}")
    if name is None or known is None or name in known:
        return name
    place.mistake(f"unknown {what} {name!r}", did_you_mean(name, known))
    return None


def _read_events(place: Place) -> tuple[str | None, tuple[GoldenEvent, ...]]:
    if not place.is_list:
        return place.text("a file of events, or a list of events"), ()
    if not place.node.value:
        place.mistake("the list is empty", "an account without any event is not known at all")
    events = tuple(event for item in place.items() if (event := _read_event(item)) is not None)
    if sum(event.times for event in events) > MOST_EVENTS:
        place.mistake(f"a test has at most {MOST_EVENTS:,} events, repeats counted")
    return None, events


def _read_event(place: Place) -> GoldenEvent | None:
    fields = place.fields(_EVENT, required=("event", "at"))
    if fields is None:
        return None
    name = fields["event"].text("an event name") if "event" in fields else None
    user = fields["user"].text("the id of a user") if "user" in fields else None
    at_ms = _read_offset(fields["at"]) if "at" in fields else None
    every_ms = fields["every"].duration() if "every" in fields else None
    until_ms = _read_offset(fields["until"]) if "until" in fields else None
    for key, other in (("every", "until"), ("until", "every")):
        if key in fields and other not in fields:
            fields[key].key_mistake(f"{key!r} goes with {other!r}", "for example at: 0d, every: 1d, until: 20d")
    if every_ms is not None and every_ms < limits.MINUTE_MS:
        fields["every"].mistake("at least a minute")
        every_ms = None
    if at_ms is not None and until_ms is not None and until_ms < at_ms:
        fields["until"].mistake("ends before it begins")
    properties = _read_properties(fields["properties"]) if "properties" in fields else ()
    if name is None or at_ms is None:
        return None
    return GoldenEvent(
        event=name, at_ms=at_ms, user_id=user, properties=properties, every_ms=every_ms, until_ms=until_ms
    )


def _read_properties(place: Place) -> tuple[tuple[str, Scalar], ...]:
    entries = place.entries("a mapping of properties") or []
    read = [(name, entry.scalar()) for name, entry in entries]
    return tuple((name, value) for name, value in read if value is not None)


def _read_offset(place: Place) -> int | None:
    """A length of time from the beginning; a `+` before it is welcome."""
    node = place.node
    length = parse_duration(node.value.removeprefix("+")) if isinstance(node, ScalarNode) else None
    if length is None:
        place.mistake(f"expected a length of time, found {describe(node)}", "for example 21d or +21d")
    elif length > LONGEST_MS:
        place.mistake("at most 1000d")
        return None
    return length
