"""Take the dead letters of one account out of their topic.

Kafka cannot delete a record from the middle of a log. So the letters of others are written again, behind the last letter of
the account, and then everything before is deleted.

1. The letters of others, up to the account's last one, are appended: key, value, headers and timestamp as they were.
   Stopped here: they stand there twice. A letter that is retried twice changes nothing twice, for its ids are the same.
2. Everything up to the account's last letter is deleted. Stopped here, some partitions are done; run it again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from kenko.cli.dlq.of_account import is_of
from kenko.runtime.errors import TransientError
from kenko.stream.browser import Bounds
from kenko.stream.producer import Output, OutRecord
from kenko.stream.trim import Trimmer

AT_ONCE: Final = 500
"""Records that wait for their acknowledgement together."""
ROUNDS: Final = 5
"""Letters may be written while we look. A forgotten account gets no new ones, so the second round finds the last of them."""


class LetterLog(Protocol):
    """The dead letters, as `TopicBrowser` reads them."""

    async def bounds(self) -> dict[int, Bounds]:
        """Where each partition begins and ends now."""

    def read(self, ranges: Mapping[int, Bounds]) -> AsyncIterator[Any]:
        """The records in these ranges."""


@dataclass
class Purged:
    """What was done."""

    letters: int = 0
    """Of the account; they are gone."""
    rewritten: int = 0
    """Of others; they stand behind where they stood."""


async def purge(
    account_id: str,
    topic: str,
    *,
    open_log: AbstractAsyncContextManager[LetterLog],
    output: Output,
    trimmer: Trimmer,
) -> Purged:
    """Take the account's letters out of `topic`.

    Raises:
        TransientError: no broker answers, or letters of the account come as fast as they go.
        PermanentError: the broker cannot or may not delete records; then nothing was written either.
    """
    done = Purged()
    async with open_log as log:
        for _ in range(ROUNDS):
            bounds = await log.bounds()
            last = await _last_of(account_id, log, bounds, done)
            if not last:
                return done
            ranges = {p: Bounds(bounds[p].start, offset + 1) for p, offset in last.items()}
            # Changes nothing, and tells whether it can be done: before letters of others stand there twice for nothing.
            await trimmer.delete_before(topic, {p: there.start for p, there in ranges.items()})
            done.rewritten += await _write_again(account_id, topic, log, ranges, output)
            await trimmer.delete_before(topic, {p: there.end for p, there in ranges.items()})
    raise TransientError(
        f"dead letters of this account came in while they were taken out, {ROUNDS} times. Run it again"
    )


async def _last_of(account_id: str, log: LetterLog, bounds: Mapping[int, Bounds], done: Purged) -> dict[int, int]:
    """By partition the offset of the account's last letter; no partition without one."""
    last: dict[int, int] = {}
    async for record in log.read(bounds):
        if is_of(record.key, record.value, record.headers, account_id):
            last[record.partition] = record.offset
            done.letters += 1
    return last


async def _write_again(
    account_id: str, topic: str, log: LetterLog, ranges: Mapping[int, Bounds], output: Output
) -> int:
    """Append the letters of others; returns how many when every replica has them."""
    number, waiting = 0, list[OutRecord]()
    async for record in log.read(ranges):
        if is_of(record.key, record.value, record.headers, account_id):
            continue
        number += 1
        waiting.append(
            OutRecord(topic, record.key, record.value, record.headers, record.partition, max(record.timestamp, 0))
        )
        if len(waiting) == AT_ONCE:
            await output.send(waiting)
            waiting = []
    await output.send(waiting)
    return number
