"""A log as a busy business writes it: accounts drawn from a Zipf law, a tick after every so many events. Pure.

The same plan gives the same log each time it is walked, so nobody has to hold it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from kenko.dialects.assemble import assemble
from kenko.dialects.cloudevents import encode_event, encode_tick
from kenko.engine.partitioning import murmur2_partition
from kenko.stream.producer import OutRecord
from schemas.base import from_ms
from schemas.usage_event import UsageEvent

EXPONENT: Final = 1.1
EVENTS_A_SECOND: Final = 5_000
"""In event time: 2,500 events are then one tick of half a second."""
START_MS: Final = 1_767_600_000_000
"""2026-01-05T08:00:00Z, a Monday. Not now, or no two runs would have the same log."""
SOURCE: Final = "bench"
_DRAWN: Final = 10_000
"""Accounts that are drawn at once."""
_FEATURES: Final = ("reports", "alerts", "exports", "sharing", "search", "dashboards")
_MIX: Final = ("Feature Used", "page", "Feature Used", "page", "Session Ended", "login", "page")
_CONTRACT_EVERY: Final = 100
"""One event in so many is of a contract, and brings the traits of its account."""
_SEATS: Final = 25


@dataclass(frozen=True)
class ZipfLog:
    """What is written: events and ticks, in order."""

    events: int
    accounts: int
    tick_every: int
    """Events between two ticks. A tick goes to every partition, as a replay writes them."""

    def steps(self) -> Iterator[UsageEvent | int]:
        """Each event, and for each tick its time in ms. The last step is a tick."""
        time_ms = START_MS
        for number, account in enumerate(self._drawn()):
            time_ms = START_MS + number * 1000 // EVENTS_A_SECOND
            yield _event(number, account, time_ms)
            if (number + 1) % self.tick_every == 0 and number + 1 < self.events:
                yield time_ms + 1
        yield time_ms + 1

    def _drawn(self) -> Iterator[int]:
        rng = random.Random(self.accounts)  # noqa: S311 - the same at each run
        ranks = range(self.accounts)
        weights = list(accumulate((rank + 1) ** -EXPONENT for rank in ranks))
        left = self.events
        while left > 0:
            yield from rng.choices(ranks, cum_weights=weights, k=min(left, _DRAWN))
            left -= _DRAWN


class LogRecords:
    """The steps of a log as Kafka records, each on the partition of its key."""

    def __init__(self, topic: str, partitions: int) -> None:
        self._topic = topic
        self._partitions = partitions
        self._homes: dict[str, int] = {}
        self.ends = dict.fromkeys(range(partitions), 0)
        """By partition: records so far, which is where a log that began empty ends."""

    def of(self, step: UsageEvent | int) -> list[OutRecord]:
        """The records of one step: one, or for a tick one to every partition."""
        if isinstance(step, UsageEvent):
            key, value, headers = encode_event(step)
            return [self._record(key, value, headers, self._home(step.account_id))]
        return [
            self._record(*encode_tick(step, source="kenko/replay", id=f"{SOURCE}-{partition}-{step}"), partition)
            for partition in range(self._partitions)
        ]

    def _record(self, key: bytes | None, value: bytes, headers: Any, partition: int) -> OutRecord:
        self.ends[partition] += 1
        return OutRecord(self._topic, key, value, headers, partition)

    def _home(self, account_id: str) -> int:
        home = self._homes.get(account_id)
        if home is None:
            home = self._homes[account_id] = murmur2_partition(account_id.encode(), self._partitions)
        return home


def _event(number: int, account: int, time_ms: int) -> UsageEvent:
    is_contract = number % _CONTRACT_EVERY == 0
    name, properties = ("Contract Signed", _contract(account)) if is_contract else _use(number)
    time = from_ms(time_ms)
    return assemble(
        {
            "id": f"{SOURCE}-{number:010}",
            "source": SOURCE,
            "account_id": f"account-{account:07}",
            "user_id": f"user-{account:07}-{number % _SEATS}",
            "event": name,
            "time": time,
            "received_at": time,
            "properties": properties,
            "backfill": False,
        }
    )


def _contract(account: int) -> dict[str, Any]:
    mrr = 90 * (1 + account % 40)
    return {"seats": _SEATS, "mrr": mrr, "renewal_date": "2026-12-31", "plan": "pro", "owner": "sato@example.com"}


def _use(number: int) -> tuple[str, dict[str, Any]]:
    """As people use a product: 2 key actions to 3 pages, and an end of a session and a login."""
    name = _MIX[number % len(_MIX)]
    if name == "Feature Used":
        return name, {"feature": _FEATURES[number // 7 % len(_FEATURES)], "plan": "pro"}
    if name == "Session Ended":
        return name, {"minutes": 5 + number % 11, "plan": "pro"}
    return name, {"path": f"/{_FEATURES[number // 7 % len(_FEATURES)]}", "plan": "pro"}
