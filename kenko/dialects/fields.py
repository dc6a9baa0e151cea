"""Read the fields of a JSON event; every error names the field as the client wrote it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from kenko.dialects.identifiers import event_name, identifier, identifier_of, is_reserved
from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.strict_json import check_properties, kind_of
from kenko.dialects.times import Received, is_in_the_future, parse_time
from schemas.base import Properties

_T = TypeVar("_T")


def account_key(key: bytes | None) -> str:
    """The account in a Kafka record's key."""
    if key is None:
        raise FieldError("key", ProblemCode.MISSING, "is null: it must be the account id")
    try:
        return identifier_of(key)
    except ValueError as error:
        raise FieldError("key", ProblemCode.INVALID, f"must be the account id: {error}") from None


def required(item: Mapping[str, Any], field: str, meaning: str) -> str:
    """The identifier under `field`; `meaning` tells the sender what belongs there if it is missing."""
    if item.get(field) is None:
        raise FieldError(field, ProblemCode.MISSING, f"is required: {meaning}")
    return _text(item, field, identifier)


def optional(item: Mapping[str, Any], field: str) -> str | None:
    """The identifier under `field`, or None if it is absent or null."""
    return None if item.get(field) is None else _text(item, field, identifier)


def name(item: Mapping[str, Any], field: str) -> str:
    """The event's name under `field`: none of our own."""
    if item.get(field) is None:
        raise FieldError(field, ProblemCode.MISSING, "is required: what happened, for example 'Report Exported'")
    value = item[field]
    if isinstance(value, str) and is_reserved(value):
        message = "names that begin with 'kenko.' are reserved for Kenko's own records"
        raise FieldError(field, ProblemCode.RESERVED, message)
    return _text(item, field, event_name)


def time(item: Mapping[str, Any], field: str, received: Received) -> datetime:
    """The event time under `field`; where there is none, the time it was received."""
    if item.get(field) is None:
        if received.at is None:
            raise FieldError(field, ProblemCode.MISSING, "is required: when it happened")
        return received.at
    parsed = _text(item, field, _parse)
    if received.ms is not None and is_in_the_future(parsed, received.ms):
        message = "is more than an hour in the future: check the sender's clock"
        raise FieldError(field, ProblemCode.IN_THE_FUTURE, message)
    return parsed


def optional_time(item: Mapping[str, Any], field: str) -> datetime | None:
    """The time under `field`, or None if it is absent or null."""
    return None if item.get(field) is None else _text(item, field, _parse)


def properties(item: Mapping[str, Any], field: str) -> Properties:
    """The free JSON object under `field`; none is an empty one."""
    value = item.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FieldError(field, ProblemCode.INVALID, f"must be a JSON object, not {kind_of(value)}")
    check_properties(value, field)
    return value


def _text(item: Mapping[str, Any], field: str, rule: Callable[[str], _T]) -> _T:
    value = item[field]
    if not isinstance(value, str):
        raise FieldError(field, ProblemCode.INVALID, f"must be a string, not {kind_of(value)}")
    try:
        return rule(value)
    except ValueError as error:
        raise FieldError(field, ProblemCode.INVALID, str(error)) from None


def _parse(text: str) -> datetime:
    return parse_time(text.encode())
