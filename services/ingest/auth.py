"""Who may send: an API key as Bearer token, as the user name of Basic, as X-API-Key, or in the body of some clients."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from pydantic import SecretStr

from kenko.runtime.api_keys import KnownKeys, Scope


class AuthOutcome(StrEnum):
    """For the log and the metric; the client is told the same whatever it is."""

    ADMITTED = "admitted"
    NO_KEY = "no_key"
    UNKNOWN_KEY = "unknown_key"
    """Wrong, revoked, expired, or without the scope."""
    THROTTLED = "throttled"
    """Too many keys that do not count, from one address."""


class Sender(NamedTuple):
    """Whoever holds a key."""

    name: str
    """Names the key in limits; it is no secret."""
    sources: tuple[str, ...] = ()
    """What it may send for; empty: anything."""
    events_per_second: float | None = None
    """Its own rate; None: that of the settings."""


ANYBODY: Final = Sender("anybody")


class Keyring:
    """The keys that count: those of the settings, as SHA-256 digests, and those of the keys file as it stands.

    Without either, everybody is admitted (KENKO_ENV=dev).
    """

    def __init__(self, keys: Iterable[SecretStr], known: Callable[[], KnownKeys] | None = None) -> None:
        """`known`: the keys of the file, asked at each request."""
        self._digests = [_digest(key.get_secret_value().encode()) for key in keys]
        self._known = known

    @property
    def is_open(self) -> bool:
        return not self._digests and self._known is None

    def judge(self, presented: bytes | None, scope: Scope, now: datetime) -> tuple[AuthOutcome, Sender]:
        """Whether this key may do what `scope` says, and whose it is."""
        if self.is_open:
            return AuthOutcome.ADMITTED, ANYBODY
        if presented is None:
            return AuthOutcome.NO_KEY, ANYBODY
        digest = _digest(presented)
        # Every key is compared, each in constant time: how long it takes says nothing about how near a guess was.
        matches = [number for number, known in enumerate(self._digests) if hmac.compare_digest(digest, known)]
        key = self._known().find(presented, now) if self._known is not None else None
        if matches:
            return AuthOutcome.ADMITTED, Sender(f"settings:{matches[0]}")
        if key is not None and scope in key.scopes:
            return AuthOutcome.ADMITTED, Sender(key.id, key.sources, key.events_per_second)
        return AuthOutcome.UNKNOWN_KEY, ANYBODY


def presented_key(authorization: str | None, api_key: str | None) -> bytes | None:
    """The key in the headers; Authorization first."""
    scheme, _, credentials = (authorization or "").partition(" ")
    credentials = credentials.strip()
    match scheme.lower():
        case "bearer" if credentials:
            return credentials.encode()
        case "basic" if credentials:
            return _user_of_basic(credentials)
        case _:
            return api_key.strip().encode() if api_key and api_key.strip() else None


def _user_of_basic(credentials: str) -> bytes | None:
    try:
        user = base64.b64decode(credentials, validate=True).partition(b":")[0]
    except (binascii.Error, ValueError):
        return None
    return user or None


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
