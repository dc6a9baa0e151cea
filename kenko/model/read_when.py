"""Which accounts: `when: {lifecycle: onboarding, trait.seats: {gte: 50}, plan: [pro, max]}`."""

from __future__ import annotations

from kenko.model.nodes import Place, did_you_mean
from kenko.model.read_tests import read_tests, read_values
from kenko.model.signal_spec import Op, PropertyTest
from kenko.model.vocabulary import RENEWAL_DATE, TRAIT_PREFIX, Vocabulary

TOUCHES = ("high", "low", "tech")
_TOUCH = "touch"


def read_when(place: Place, known: Vocabulary) -> tuple[PropertyTest, ...]:
    """Tests on traits: a value, a list of values, or operators. All must hold."""
    tests: list[PropertyTest] = []
    entries = place.entries("a mapping of traits, for example {lifecycle: onboarding}")
    if entries is not None and not place.node.value:
        place.mistake("needs a condition", "for example {lifecycle: onboarding}")
    seen: set[str] = set()
    for key, entry in entries or ():
        name = known.trait(entry, key.removeprefix(TRAIT_PREFIX), in_key=True)
        if name in seen:
            entry.key_mistake(f"the trait {name!r} is here twice")
        found = _read_condition(name or key, entry)
        if name is not None:
            seen.add(name)
            _check_words(name, entry, found)
            tests += found
    return tuple(tests)


def _read_condition(name: str, place: Place) -> list[PropertyTest]:
    if place.is_mapping:
        return read_tests(name, place)
    if place.is_list:
        values = read_values(place)
        return [PropertyTest(property=name, op=Op.IN, operand=values)] if values else []
    value = place.scalar()
    return [] if value is None else [PropertyTest(property=name, op=Op.EQ, operand=value)]


def _check_words(name: str, place: Place, tests: list[PropertyTest]) -> None:
    for test in tests:
        if name == RENEWAL_DATE and test.op is not Op.EXISTS:
            place.mistake("a date cannot be compared here", "use a signal with aggregate: days_to_renewal")
        if name != _TOUCH or test.op not in (Op.EQ, Op.IN):
            continue
        for word in test.operand if isinstance(test.operand, tuple) else (test.operand,):
            if word not in TOUCHES:
                place.mistake(f"{word!r} is no touch", did_you_mean(str(word), TOUCHES))
