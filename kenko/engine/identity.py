"""Hashes that stand for events, people, accounts and transitions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache

from kenko.engine.id_runs import ID_BYTES

_CACHED_HASHES = 65_536
_CACHED_SOURCES = 1024
_USER_BYTES = 4
_ACCOUNT_BYTES = 16
_ACCOUNT_KEY = b"kenko.forget.v1"


def event_digest(source: str, event_id: str) -> bytes:
    """8 bytes for (source, id), the pair that is the same over a producer's retries. Neither holds a NUL."""
    begun = _begun(source).copy()
    begun.update(event_id.encode("utf-8", "surrogatepass"))
    return begun.digest()


@lru_cache(maxsize=_CACHED_SOURCES)
def _begun(source: str) -> hashlib.blake2b:
    """The hash of what stands before the ids of a source: a third of the work."""
    return hashlib.blake2b(f"{source}\0".encode("utf-8", "surrogatepass"), digest_size=ID_BYTES)


def short_hash(score_hash: str) -> bytes:
    """As much of a score hash as a row keeps: 64 bits tell the models of one business apart."""
    return bytes.fromhex(score_hash[:16])


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


def account_digest(account_id: str) -> bytes:
    """16 bytes that stand for a forgotten account: they name nobody, and tell whether a given id is meant.

    Keyed, so that it is no hash that anybody else makes of the same id. So long, because an account that shared one with a
    forgotten account would be dropped in silence.
    """
    text = account_id.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=_ACCOUNT_BYTES, key=_ACCOUNT_KEY).digest()


def transition_id(account_id: str, rule: str, score_hash: str, partition: int, offset: int) -> str:
    """The same whenever the same tick of the same log is applied with the same model."""
    text = "\0".join((account_id, rule, score_hash, str(partition), str(offset)))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
