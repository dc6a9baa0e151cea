"""Identifiers: the same rule as schemas.base.Identifier, checked fast where that is enough."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from pydantic import TypeAdapter, ValidationError

from schemas.base import Identifier
from schemas.usage_event import RESERVED_PREFIX, EventName

MAX_LENGTH: Final = 200
_IDENTIFIER: Final = TypeAdapter(Identifier)
_EVENT_NAME: Final = TypeAdapter(EventName)


def identifier(text: str) -> str:
    """`text`, if it is an identifier.

    Raises:
        ValueError: says what is wrong, without the field's name.
    """
    # ASCII and printable leaves out all control characters; outer white space can then only be a blank.
    if text.isascii() and text.isprintable() and 0 < len(text) <= MAX_LENGTH and text[0] != " " and text[-1] != " ":
        return text
    return _checked(_IDENTIFIER, text)


def identifier_of(raw: bytes) -> str:
    """The identifier in UTF-8 bytes; raises ValueError as `identifier`."""
    try:
        return identifier(raw.decode())
    except UnicodeDecodeError:
        raise ValueError("must be UTF-8") from None


common_identifier = lru_cache(maxsize=16_384)(identifier)
"""As `identifier`, remembering the newest."""
common_identifier_of = lru_cache(maxsize=16_384)(identifier_of)
"""As `identifier_of`, remembering the newest: for accounts, sources and users, which come again and again."""


def event_name(text: str) -> str:
    """`text`, if it is the name of an event; raises ValueError as `identifier`."""
    if is_reserved(text):
        return _checked(_EVENT_NAME, text)
    return identifier(text)


common_event_name = lru_cache(maxsize=4096)(event_name)
"""As `event_name`, remembering the newest."""


def is_reserved(text: str) -> bool:
    """Names of our own records: ticks, traits, overrides."""
    return text[: len(RESERVED_PREFIX)].lower() == RESERVED_PREFIX


@lru_cache(maxsize=4096)
def event_name_of(raw: bytes) -> str:
    """The event's name in UTF-8 bytes; raises ValueError as `identifier`."""
    try:
        return event_name(raw.decode())
    except UnicodeDecodeError:
        raise ValueError("must be UTF-8") from None


def _checked(rule: TypeAdapter[str], text: str) -> str:
    try:
        return rule.validate_python(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        message = first["msg"].removeprefix("Value error, ")
        raise ValueError(message[:1].lower() + message[1:]) from None
