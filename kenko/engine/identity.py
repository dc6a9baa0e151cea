"""Hashes that stand for events, people and transitions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache

from kenko.engine.rows import ID_BYTES

_CACHED_HASHES = 65_536
_USER_BYTES = 4


def event_digest(source: str, event_id: str) -> bytes:
    """8 bytes for (source, id), the pair that is the same over a producer's retries. Neither holds a NUL."""
    text = f"{source}\0{event_id}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=ID_BYTES).digest()


def short_hash(score_hash: str) -> str:
    """As much of a score hash as a row keeps: 64 bits tell the models of one business apart."""
    return score_hash[:16]


def tie_break(digest: bytes) -> bytes:
    """Enough of an event's digest to order events of one millisecond, and short enough to be kept with a value."""
    return digest[:4]


def keyed_hash(key: bytes) -> Callable[[str], int]:
    """A cached 32-bit hash under `key`: without the key nobody can tell whose it is by trying.

    Short, because a row holds one for each user: of 10,000 users in an account two share one with a chance of 1%.
    """

    @lru_cache(maxsize=_CACHED_HASHES)
    def hashed(text: str) -> int:
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_USER_BYTES, key=key).digest()
        return int.from_bytes(digest, "big")

    return hashed


def transition_id(account_id: str, rule: str, score_hash: str, partition: int, offset: int) -> str:
    """The same whenever the same tick of the same log is applied with the same model."""
    text = "\0".join((account_id, rule, score_hash, str(partition), str(offset)))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
