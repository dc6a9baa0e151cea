"""What a model's own file expects of it: the `tests` of a model."""

from __future__ import annotations

from collections.abc import Collection

from kenko.model.golden import GoldenTest
from kenko.model.nodes import Place, did_you_mean
from kenko.model.read_golden_events import read_events, read_offset
from kenko.model.read_profiles import NO_PROFILE
from kenko.model.read_tests import read_comparisons
from schemas.health import Standing, Zone

NO_ZONE = "none"
EXPECTED_ZONES = (*(zone.value for zone in Zone), NO_ZONE)
EXPECTED_STANDINGS = tuple(standing.value for standing in Standing)
_EXPECT = ("zone", "standing", "score", "rules", "profile")


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
        at_ms = read_offset(fields["at"]) if "at" in fields else None
        file, events = read_events(fields["events"]) if "events" in fields else (None, ())
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
