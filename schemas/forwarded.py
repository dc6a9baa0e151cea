"""Forwarded: where a record of the usage-events log was read that the scorer has copied to the right partition.

On the topic a copy is the key, value and headers of the record it was read from, and behind them the headers below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Self

from pydantic import Field

from schemas.base import Contract

HEADER_PREFIX: Final = "kenko.forwarded."


class Forwarded(Contract):
    """The headers of a copy: `kenko.forwarded.<field>` each, the last ones of the record, in this order."""

    log: str = Field(description="The log that offsets count in: cluster, topic, number of partitions.")
    partition: int = Field(ge=0, description="Where the record stood.")
    offset: int = Field(ge=0, description="Where the record stood.")
    timestamp: int = Field(ge=-1, description="When the log took it in, in ms since 1970; -1: not known.")

    def headers(self) -> list[tuple[str, bytes]]:
        """The headers of a copy, ready for a Kafka record."""
        return [(HEADER_PREFIX + name, str(value).encode()) for name, value in self.model_dump().items()]

    @classmethod
    def from_headers(cls, headers: Sequence[tuple[str, bytes | None]]) -> Self:
        """The reverse of `headers`: what the last headers of a record say.

        Raises:
            ValueError: they are not the headers of a copy.
        """
        last = headers[-len(cls.model_fields) :]
        if [name for name, _ in last] != _NAMES:
            raise ValueError(f"the last headers are not {', '.join(_NAMES)}")
        return cls.model_validate({name.removeprefix(HEADER_PREFIX): (value or b"").decode() for name, value in last})


_NAMES: Final = [HEADER_PREFIX + name for name in Forwarded.model_fields]
LAST_HEADER: Final = _NAMES[-1]
"""The name of a copy's last header: what a copy is known by."""
