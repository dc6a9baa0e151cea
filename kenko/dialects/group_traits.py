"""Traits of an account in a group call: the plain values; what is nested in them has no meaning for a model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from kenko.dialects.strict_json import check_properties
from schemas.account_traits import AccountTraits, TraitValue

MOST_TEXT: Final = 1_000


def plain_traits(given: Mapping[str, Any], path: str) -> dict[str, TraitValue]:
    """The values that can be traits: texts, numbers, true, false and null. Longer texts and anything nested stay out.

    Raises:
        FieldError: a number or a text that nothing can hold; names the place.
    """
    # A number of a trait is a float: the largest whole numbers, written as one, lie beyond what the scorer takes.
    values = {name: float(value) if type(value) is int else value for name, value in given.items()}
    check_properties(values, path)
    return {name: value for name, value in values.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MOST_TEXT
    return value is None or isinstance(value, (bool, int, float))


def traits_record(  # noqa: PLR0913 - the fields of a record, by keyword
    *, id_: str, source: str, account: str, time: datetime, given: Mapping[str, Any], path: str
) -> AccountTraits:
    """The record of a group call."""
    return AccountTraits(id=id_, source=source, account_id=account, time=time, traits=plain_traits(given, path))
