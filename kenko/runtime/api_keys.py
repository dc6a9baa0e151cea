"""API keys: made here, kept as hashes in one file, judged in constant time.

A key is `kenko_<id>_<secret>`. The id is no secret: it names the key in lists and logs. Of the whole key only its SHA-256
is kept; 32 random bytes need no slow hash. The file is the only place: an empty Redis locks nobody out and lets nobody in.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from kenko.runtime.errors import ConfigurationError
from schemas.base import Contract, Identifier, UtcTime

PREFIX: Final = "kenko_"
_ID: Final = re.compile(r"[0-9a-f]{8}")
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_KEY: Final = re.compile(rb"kenko_(?P<id>[0-9a-f]{8})_[A-Za-z0-9_-]{43}")
_NO_HASH: Final = "0" * 64
LIVE_FOR_ONE_NAME: Final = 2
"""The old key and the new one while they are rotated."""


class Scope(StrEnum):
    """What a key may do."""

    INGEST = "ingest"
    """Send events, for its sources."""
    READ = "read"
    """See scores, and what is wrong with events."""
    OPERATE = "operate"
    """Tell the alerter something: ack, snooze, silence; set overrides; forget accounts."""


def _matching(pattern: re.Pattern[str], what: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"must be {what}")
        return text

    return AfterValidator(check)


class ApiKey(Contract):
    """One key, without its secret."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, _matching(_ID, "8 hexadecimal digits")] = Field(description="Its public part.")
    hash: Annotated[str, _matching(_HASH, "a SHA-256 in 64 hexadecimal digits")]
    name: Identifier = Field(description="Who holds it: two live keys of one name are a rotation.")
    scopes: tuple[Scope, ...] = Field(min_length=1)
    sources: tuple[Identifier, ...] = Field(default=(), description="What it may send for; empty: anything.")
    events_per_second: float | None = Field(default=None, gt=0, description="Its own rate; null: that of the settings.")
    created_at: UtcTime
    expires_at: UtcTime | None = None
    revoked_at: UtcTime | None = None

    def is_live(self, now: datetime) -> bool:
        """Neither revoked nor expired at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class KeyFile(Contract):
    """All keys, dead ones too: who looks at the list sees what was revoked."""

    model_config = ConfigDict(extra="forbid")

    keys: tuple[ApiKey, ...] = ()


def new_key(id_bytes: bytes, secret: str) -> tuple[str, str, str]:
    """Key, id and hash out of 4 and 32 random bytes, the latter in base64url."""
    id_ = id_bytes.hex()
    key = f"{PREFIX}{id_}_{secret}"
    return key, id_, hash_of(key.encode())


def hash_of(key: bytes) -> str:
    """What the file keeps of a key."""
    return hashlib.sha256(key).hexdigest()


def read_key_file(path: Path) -> KeyFile:
    """The keys in `path`.

    Raises:
        ConfigurationError: it cannot be read, or something in it is wrong; nothing of it counts then.
    """
    try:
        found = KeyFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"  {path}: cannot be read ({error.strerror}). Make one with: kenko keys create"
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigurationError(
            f"  {path}: {place}: {first['msg']}. Write it with: kenko keys create | revoke"
        ) from None
    ids = [key.id for key in found.keys]
    if len(set(ids)) < len(ids):
        raise ConfigurationError(f"  {path}: two keys have the same id. Remove one of them.")
    return found


class KnownKeys:
    """Keys by their id, for judging what is presented."""

    def __init__(self, keys: Iterable[ApiKey] = ()) -> None:
        self._by_id = {key.id.encode(): key for key in keys}

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, presented: bytes, now: datetime) -> ApiKey | None:
        """The live key that `presented` is.

        An unknown id, a wrong secret and a dead key take the same way: one hash, one comparison in constant time.
        """
        shape = _KEY.fullmatch(presented)
        key = self._by_id.get(shape["id"]) if shape is not None else None
        is_it = hmac.compare_digest(hash_of(presented), _NO_HASH if key is None else key.hash)
        return key if is_it and key is not None and key.is_live(now) else None
