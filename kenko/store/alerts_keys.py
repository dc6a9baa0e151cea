"""Every Redis key of the alerter, named once.

    <prefix>:alerts:{<tag>}:states               hash  rule NUL account -> state (JSON)
    <prefix>:alerts:{<tag>}:alerts               zset  alert id -> log time it opened, in ms
    <prefix>:alerts:{<tag>}:alert:<id>           hash  firing, resolved -> verdict; <notice> <receiver> -> delivery record
    <prefix>:alerts:{<tag>}:receivers            set   receivers that were ever written to
    <prefix>:alerts:{<tag>}:disabled             hash  receiver -> fingerprint of the address that is gone
    <prefix>:alerts:{<tag>}:forgotten            set   digests of forgotten accounts
    <prefix>:alerts:{<tag>}:due:<receiver>       zset  account -> wall time its queue's head is due, in ms
    <prefix>:alerts:{<tag>}:outbox:<receiver>    hash  message id -> delivery (JSON)
    <prefix>:alerts:{<tag>}:attempts:<receiver>  hash  message id -> tries begun
    <prefix>:alerts:{<tag>}:queue:<n>:<receiver>:<account>  list  message ids, oldest first; n = bytes of <receiver>

The tag is the one of the partition's scorer keys. Account ids stand last and are never part of a pattern.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kenko.store.keys import DEFAULT_PREFIX, hash_tag
from schemas.alert import Notice

FIRING = "firing"
RESOLVED = "resolved"


@dataclass(frozen=True)
class AlertKeys:
    """The keys of the alerts of one partition."""

    partition: int
    partitions: int
    prefix: str = DEFAULT_PREFIX
    base: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tag = hash_tag(self.partition, self.partitions)
        object.__setattr__(self, "base", f"{self.prefix}:alerts:{{{tag}}}:")

    @property
    def states(self) -> str:
        return self.base + "states"

    @property
    def alerts(self) -> str:
        return self.base + "alerts"

    @property
    def receivers(self) -> str:
        return self.base + "receivers"

    @property
    def disabled(self) -> str:
        return self.base + "disabled"

    @property
    def forgotten(self) -> str:
        return self.base + "forgotten"

    def alert(self, alert_id: str) -> str:
        return f"{self.base}alert:{alert_id}"

    def outbox(self, receiver: str) -> str:
        return f"{self.base}outbox:{receiver}"


def state_field(account_id: str, rule: str) -> str:
    """An account id holds no NUL, so no two pairs give the same field."""
    return f"{rule}\x00{account_id}"


def delivery_field(receiver: str, notice: Notice) -> str:
    """A notice holds no space, so no two pairs give the same field."""
    return f"{notice.value} {receiver}"
