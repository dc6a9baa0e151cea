"""An HTTP request as the dialects see it, and what stands in it before any event is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kenko.dialects.problems import FieldError

NOTHING: Mapping[str, Any] = {}


class BadBody(FieldError):  # noqa: N818 - named for what it is
    """The body as a whole cannot be read: there is no event to keep."""


class UnsupportedMedia(ValueError):  # noqa: N818 - as above
    """A Content-Type that the path does not take. The text names those that it takes."""


class RequestParts(NamedTuple):
    """One request, decompressed. Header names are in lower case."""

    path: str
    content_type: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


class Envelope(NamedTuple):
    """A body split into items, each of which is read for itself, so that a bad one costs no good one."""

    items: list[bytes]
    """The raw JSON of each."""
    around: Mapping[str, Any] = NOTHING
    """What stands beside the items and is meant for all: `sentAt`, `context`."""
    key: str | None = None
    """The API key, for clients that put it into the body."""
    backfill: bool = False
    """The client says that this is history."""
    terse: bool = False
    """The client reads no JSON: `1` is what it takes for an answer."""
