"""Tests on values: `{gte: 100}`, `{in: [pdf, csv]}`, `{exists: true}`."""

from __future__ import annotations

from collections.abc import Mapping

from kenko.model.nodes import Place
from kenko.model.signal_spec import Comparison, Op, PropertyTest, Scalar

COMPARISONS = tuple(op.value for op in (Op.EQ, Op.GT, Op.GTE, Op.LT, Op.LTE))
"""Tests of a number against a number."""
_NUMERIC = (Op.GT, Op.GTE, Op.LT, Op.LTE)
_OPS = tuple(op.value for op in Op)


def read_property_tests(place: Place) -> tuple[PropertyTest, ...]:
    """Tests on the properties of an event, by property."""
    tests: list[PropertyTest] = []
    for name, wanted in place.entries("a mapping of properties") or ():
        if wanted.is_mapping:
            tests += read_tests(name, wanted)
        else:
            wanted.mistake("expected a test", "for example {gte: 100} or {eq: pro}")
    return tuple(tests)


def read_tests(name: str, place: Place) -> list[PropertyTest]:
    """The tests of one property or trait: a mapping of operators."""
    tests: list[PropertyTest] = []
    fields = place.fields(_OPS)
    if not place.node.value:
        place.mistake("a test needs at least one of " + ", ".join(_OPS))
    for op, operand in (fields or {}).items():
        value = _read_operand(Op(op), operand)
        if value is not None:
            tests.append(PropertyTest(property=name, op=Op(op), operand=value))
    return tests


def read_values(place: Place) -> tuple[Scalar, ...]:
    """A list of values, not empty."""
    values = [value for item in place.items("a list of values") if (value := item.scalar()) is not None]
    if place.is_list and not place.node.value:
        place.mistake("the list is empty")
    return tuple(values)


def read_comparisons(place: Place, example: str) -> tuple[Comparison, ...]:
    """Comparisons of a number: all must hold."""
    fields = place.fields(COMPARISONS)
    if fields is not None and not place.node.value:
        place.mistake("needs a comparison", f"for example {example}")
    return compare(fields or {})


def compare(fields: Mapping[str, Place]) -> tuple[Comparison, ...]:
    """Operators that were found among the fields of something larger."""
    read = [(Op(op), operand.number()) for op, operand in fields.items()]
    return tuple(Comparison(op=op, operand=number) for op, number in read if number is not None)


def _read_operand(op: Op, place: Place) -> Scalar | tuple[Scalar, ...] | None:
    if op in _NUMERIC:
        return place.number()
    if op is Op.IN:
        return read_values(place) or None
    value = place.scalar()
    if op is Op.EXISTS and value is not None and not isinstance(value, bool):
        place.mistake("expected true or false")
        return None
    return value
