"""The shadow's own part of the scorer: which keyspace it has, and how often it disagrees with the live model."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from kenko.runtime.clock import Clock
from kenko.runtime.errors import TransientError
from kenko.runtime.logging import get_logger
from kenko.store.disagreement import compare
from kenko.store.succession import Succession
from kenko.stream.reader import PartitionReader

LOOK_EVERY_S: Final = 30.0
FIRST_LOOK_S: Final = 1.0
"""While there is nothing to compare."""
REST: Final = 10
"""A look reads every account, so this many times as long as it took is rested."""

Tally = Mapping[tuple[str, str], int]
"""Accounts by (live zone, shadow zone)."""

_log = get_logger(__name__)


class ShadowWatch:
    """Compares the accounts of the partitions this process owns, again and again."""

    def __init__(
        self,
        *,
        reader: PartitionReader,
        succession: Callable[[int], Succession],
        clock: Clock,
        found: Callable[[Tally], None],
    ) -> None:
        """`succession` of a partition; `found` is told what a whole look has found."""
        self._reader = reader
        self._succession = succession
        self._clock = clock
        self._found = found

    async def run(self) -> None:
        while True:
            begun, rest_s = self._clock.monotonic(), FIRST_LOOK_S
            try:
                tally = await self.look()
                self._found(tally)
                if tally:
                    rest_s = max(LOOK_EVERY_S, REST * (self._clock.monotonic() - begun))
            except TransientError as error:
                _log.warning("scorer.shadow_not_compared", error=str(error))
            await asyncio.sleep(rest_s)

    async def look(self) -> Tally:
        """What they say now."""
        tally: Counter[tuple[str, str]] = Counter()
        for partition, _ in list(self._reader.owned()):
            succession = self._succession(partition)
            live = await succession.live_fence()
            if live is not None:
                async for page in compare(succession, live.model, succession.own):
                    tally.update((account.live.zone, account.other.zone) for account in page)
                    await asyncio.sleep(0)  # the runners' turn
        return tally
