"""Who may send: an API key as Bearer token, as the user name of Basic, or as X-API-Key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from enum import StrEnum

from pydantic import SecretStr


class AuthOutcome(StrEnum):
    """For the log and the metric; the client is told the same whatever it is."""

    ADMITTED = "admitted"
    NO_KEY = "no_key"
    UNKNOWN_KEY = "unknown_key"


class Keyring:
    """The keys that are known, as SHA-256 digests. Without any, everybody is admitted (KENKO_ENV=dev)."""

    def __init__(self, keys: Iterable[SecretStr]) -> None:
        self._digests = [_digest(key.get_secret_value().encode()) for key in keys]

    @property
    def is_open(self) -> bool:
        return not self._digests

    def judge(self, authorization: str | None, api_key: str | None) -> AuthOutcome:
        """Whether a request with these two headers is admitted."""
        if self.is_open:
            return AuthOutcome.ADMITTED
        presented = presented_key(authorization, api_key)
        if presented is None:
            return AuthOutcome.NO_KEY
        digest = _digest(presented)
        # Every key is compared, each in constant time: how long it takes says nothing about how near a guess was.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return AuthOutcome.ADMITTED if any(matches) else AuthOutcome.UNKNOWN_KEY


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
