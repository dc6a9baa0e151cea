"""Read the items of a request: the good ones are kept, each bad one is named, with its first mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from kenko.dialects.identifiers import identifier
from kenko.dialects.problems import FieldError, Problem, ProblemCode
from kenko.dialects.request import NOTHING, BadBody, Envelope, RequestParts
from kenko.dialects.sending import Sending
from kenko.dialects.strict_json import parse_object
from schemas.account_traits import AccountTraits
from schemas.usage_event import MAX_EVENT_BYTES, UsageEvent

MAX_EVENTS: Final = 5000
"""Items in one request."""


class DialectName(StrEnum):
    """Which client's language: a label of metrics, and kept with each dead letter, so that it can be read again."""

    PLAIN = "plain"
    CLOUDEVENTS = "cloudevents"
    SEGMENT = "segment"
    POSTHOG = "posthog"
    MIXPANEL = "mixpanel"


class Noted(NamedTuple):
    """A good call that says nothing about use or about an account: an identify, an alias. Nothing is written for it."""

    id: str


Item = UsageEvent | AccountTraits | Noted


class Taken(NamedTuple):
    """A good item."""

    place: int
    """In the request, from 0."""
    raw: bytes
    item: Item


class Refused(NamedTuple):
    """A bad item: what is wrong, and its bytes as they came."""

    problem: Problem
    raw: bytes


class Reading(NamedTuple):
    """What a request holds, in its order."""

    taken: list[Taken]
    refused: list[Refused]


def nothing_more(_reading: Reading) -> Mapping[str, Any]:
    """The answer of a client that needs no field of its own."""
    return NOTHING


class Dialect(NamedTuple):
    """How one kind of client speaks."""

    name: DialectName
    open: Callable[[RequestParts], Envelope]
    """Splits a body; raises BadBody or UnsupportedMedia."""
    read: Callable[[Mapping[str, Any], Envelope, Sending], Item]
    """Reads one parsed item; raises FieldError."""
    id_field: str
    """Where an item has its id, for example 'properties.$insert_id': for naming it in an answer."""
    key_in_body: bool = False
    """Its clients may put the API key into the body, which then has to be opened before they are known."""
    answer: Callable[[Reading], Mapping[str, Any]] = nothing_more
    """Fields that this client needs in the answer besides ours."""
    encoding: str | None = None
    """How the body is compressed, where the client says so elsewhere than in Content-Encoding."""


def read_items(dialect: Dialect, envelope: Envelope, sending: Sending) -> Reading:
    """The items in `envelope`, good and bad.

    Raises:
        BadBody: too many.
    """
    if len(envelope.items) > MAX_EVENTS:
        raise BadBody(None, ProblemCode.TOO_LARGE, f"a request holds at most {MAX_EVENTS} events")
    read = dialect.read
    taken: list[Taken] = []
    refused: list[Refused] = []
    for index, raw in enumerate(envelope.items):
        item: dict[str, Any] = {}
        try:
            item = parse_item(raw)
            taken.append(Taken(index, raw, read(item, envelope, sending)))
        except FieldError as error:
            id_ = _usable_id(item, dialect.id_field)
            refused.append(Refused(Problem(index, id_, error.field, error.code, str(error)), raw))
    return Reading(taken, refused)


def parse_item(raw: bytes) -> dict[str, Any]:
    """The JSON object in an item; raises FieldError."""
    if len(raw) > MAX_EVENT_BYTES:
        raise FieldError(None, ProblemCode.TOO_LARGE, f"an event is at most {MAX_EVENT_BYTES} bytes of JSON")
    return parse_object(raw)


def _usable_id(item: Mapping[str, Any], field: str) -> str | None:
    """The item's own id, if it is fit to be repeated in an answer."""
    value: Any = item
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    try:
        return identifier(value) if isinstance(value, str) else None
    except ValueError:
        return None
