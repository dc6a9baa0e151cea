"""Every Redis key of the scorer, named once.

    <prefix>:<model>:{<tag>}:fence           hash    offset, now, counts, log, heard, forwarded: the only commit point of the partition;
                                                    role, where the keyspace is not live (see `roles`)
    <prefix>:<model>:{<tag>}:layout          string  what the rows hold, so that another model can read them
    <prefix>:<model>:{<tag>}:forgotten       set     digests of forgotten accounts, 16 bytes each: nothing of them is taken in
    <prefix>:<model>:{<tag>}:row:<account>   string  the account's encoded state, and the newest of its recent event ids
    <prefix>:<model>:{<tag>}:ids:<account>   list    chunks of the account's other recent event ids, oldest first; few accounts have it
    <prefix>:<model>:{<tag>}:due             zset    account -> due time in ms; 0 = touched since it was last scored
    <prefix>:<model>:{<tag>}:scores          zset    account -> score in hundredths; -1 = it has none (every account is in here)
    <prefix>:{<tag>}:live                    string  `<model>` of the keyspace that is live: what happens in it is told

`<prefix>` is the setting KENKO_REDIS_PREFIX, by default "kenko". `<model>` is the model's name and state hash, so a
model that needs other state has a keyspace of its own. `<tag>` is `p<partition>of<partitions>-<n>`: with another
number of partitions an account may belong to another one, so that state is not mixed with this one.

Redis Cluster hashes only what stands between the first `{` and the next `}`: all keys of a partition lie in one slot,
which is what lets one script commit them. `n` is the smallest number that puts partition p of N into the middle of
the p-th of N equal stretches of the 16,384 slots, so any nodes of equal size get equal numbers of partitions.
An account id stands last and is never part of a pattern: it may hold any character, braces and colons too.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from itertools import count

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

DEFAULT_PREFIX = "kenko"
MAX_PARTITIONS = 4096
"""With more the stretches of slots get too narrow to have a middle."""

BEING_DROPPED = "being dropped"
"""Stands for the log of a fence whose keyspace is on its way out: no scorer starts there, and none commits."""

_UNSAFE = re.compile(r"[{}\s\x00-\x1f\x7f]")


def model_part(name: str, state_hash: str) -> str:
    """`<model>`: a model that needs other state has a keyspace of its own."""
    return f"{name}-{state_hash[:8]}"


def shadow_part(name: str, state_hash: str, score_hash: str, live: Collection[str]) -> str:
    """`<model>` of a shadow: the one its model would have, so that a cut-over finds it built. Where that is live, which is
    so when only weights, curves, zones or rules differ, a keyspace of its own beside it.
    """
    own = model_part(name, state_hash)
    return f"{own}-{score_hash[:8]}" if own in live else own


@cache
def hash_tag(partition: int, partitions: int) -> str:
    """The hash tag of a partition, without braces.

    Raises:
        ValueError: `partition` is not below `partitions`, or there are more than `MAX_PARTITIONS`.
    """
    if not 0 <= partition < partitions <= MAX_PARTITIONS:
        raise ValueError(f"partition {partition} of {partitions}: need 0 <= partition < partitions <= {MAX_PARTITIONS}")
    width = REDIS_CLUSTER_HASH_SLOTS / partitions
    middle = (partition + 0.5) * width
    tags = (f"p{partition}of{partitions}-{n}" for n in count())
    return next(tag for tag in tags if abs(key_slot(tag.encode()) - middle) <= width / 4)


def live_key(partition: int, partitions: int, prefix: str = DEFAULT_PREFIX) -> str:
    """The live pointer of a partition."""
    return f"{prefix}:{{{hash_tag(partition, partitions)}}}:live"


@dataclass(frozen=True)
class PartitionKeys:
    """The keys of one partition under one model.

    Raises:
        ValueError: `prefix` or `model` holds a brace or white space: a brace would move the keys to another slot.
    """

    model: str
    partition: int
    partitions: int
    prefix: str = DEFAULT_PREFIX
    base: str = field(init=False, repr=False)
    """What every key of the partition begins with."""

    def __post_init__(self) -> None:
        for name, value in (("prefix", self.prefix), ("model", self.model)):
            if not value or _UNSAFE.search(value):
                raise ValueError(f"{name} {value!r} must not be empty and must hold neither braces nor white space")
        tag = hash_tag(self.partition, self.partitions)
        object.__setattr__(self, "base", f"{self.prefix}:{self.model}:{{{tag}}}:")

    @property
    def fence(self) -> str:
        return self.base + "fence"

    @property
    def due(self) -> str:
        return self.base + "due"

    @property
    def forgotten(self) -> str:
        return self.base + "forgotten"

    @property
    def layout(self) -> str:
        return self.base + "layout"

    @property
    def live(self) -> str:
        """One for all models, in the same slot."""
        return live_key(self.partition, self.partitions, self.prefix)

    @property
    def scores(self) -> str:
        return self.base + "scores"

    def row(self, account_id: str) -> str:
        return f"{self.base}row:{account_id}"

    def ids(self, account_id: str) -> str:
        return f"{self.base}ids:{account_id}"

    @property
    def slot(self) -> int:
        """The slot of Redis Cluster in which all of them lie."""
        return int(key_slot(self.fence.encode()))
