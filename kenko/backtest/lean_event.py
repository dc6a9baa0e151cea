"""Events of a file without the cost of validation: what is new in a column is checked once, then known."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from pydantic import TypeAdapter, ValidationError

from schemas.base import Identifier
from schemas.usage_event import EventName

_MOST_KNOWN = 1_000_000


class KnownTexts:
    """Which texts of a column are good: of equal ones the first, so that a million rows hold few of them."""

    def __init__(self, column: str, adapter: TypeAdapter[str]) -> None:
        self.column = column
        self.good: dict[str, str] = {}
        """Ask this first: it is the fast way."""
        self._adapter = adapter

    def learn(self, text: str) -> str:
        """Check a text that is new, and answer it. Raises ValueError that names the column and says what is wrong."""
        try:
            self._adapter.validate_python(text)
        except ValidationError as error:
            message = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ValueError(f"{self.column}: {message[0].lower()}{message[1:]}") from None
        if len(self.good) < _MOST_KNOWN:
            self.good[text] = text
        return text


def known_identifiers(column: str) -> KnownTexts:
    """Of a column of ids."""
    return KnownTexts(column, TypeAdapter(Identifier))


def known_names(column: str) -> KnownTexts:
    """Of a column of event names."""
    return KnownTexts(column, TypeAdapter(EventName))


class LeanEvent(Struct, frozen=True, gc=False):
    """A row whose fields the reader has checked. It is a `Usage`, and costs a twentieth of a `UsageEvent`."""

    account_id: str
    user_id: str | None
    event: str
    properties: dict[str, Any]
    source: str
    row: int
    """In its file, from 1: rows carry no ids, and a second run repeats it."""

    @property
    def id(self) -> str:
        """Unique within the file."""
        return str(self.row)
