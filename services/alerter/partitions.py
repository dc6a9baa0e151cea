"""Partitions: what this process owns now, and what taking one over involves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from kenko.alerting.record import DeliveryStatus
from kenko.runtime.clock import Clock
from kenko.runtime.logging import get_logger
from kenko.store.alerts import AlertStore
from schemas.base import from_ms
from services.alerter.metrics import AlerterMetrics
from services.alerter.outlast import Outlast

_ANY_TIME_MS = 2**52
"""After every due time: what waits for a retry next week is found too."""

_log = get_logger(__name__)


class Partitions:
    """`owned` maps each partition of this process to its store; only these are dispatched.

    `receivers`: names of the configured ones. `disabled` is filled with what the stores remember.
    """

    def __init__(
        self,
        open_store: Callable[[int], AlertStore],
        receivers: Iterable[str],
        clock: Clock,
        *,
        disabled: dict[str, str],
        metrics: AlerterMetrics,
    ) -> None:
        self._open_store = open_store
        self._receivers = frozenset(receivers)
        self._clock = clock
        self._disabled = disabled
        self._metrics = metrics
        self._outlast = Outlast(metrics)
        self._stores: dict[int, AlertStore] = {}
        self._wanted: set[int] = set()
        self._changed = asyncio.Event()
        self.owned: dict[int, AlertStore] = {}
        self.assigned = False
        """True once there was a first assignment, be it of nothing."""

    def store(self, partition: int) -> AlertStore:
        """The store of a partition, owned or not."""
        if partition not in self._stores:
            self._stores[partition] = self._open_store(partition)
        return self._stores[partition]

    def revoke(self, partitions: Iterable[int]) -> None:
        """They are somebody else's now. What is under way is finished: its lease keeps it ours."""
        gone = set(partitions)
        self._wanted -= gone
        for partition in gone:
            self.owned.pop(partition, None)
        self._metrics.partitions.set(len(self.owned))

    def assign(self, partitions: Iterable[int]) -> None:
        """They are ours now, and no others. Does not wait: a rebalance must not hang on Redis. See `run`."""
        self._wanted = set(partitions)
        self.revoke(set(self.owned) - self._wanted)
        self._changed.set()
        self.assigned = True

    async def run(self, taken: Callable[[int], None]) -> None:
        """Take over what is assigned, one after the other, and tell `taken`; until cancelled."""
        while True:
            missing = sorted(self._wanted - set(self.owned))
            if not missing:
                self._changed.clear()
                await self._changed.wait()
                continue
            store = self.store(missing[0])
            self._disabled.update(await self._outlast("redis", store.disabled))
            await self._outlast("redis", partial(self._retire, store))
            if missing[0] in self._wanted:  # a rebalance may have come in between
                self.owned[missing[0]] = store
                self._metrics.partitions.set(len(self.owned))
                taken(missing[0])

    async def outbox(self) -> Mapping[str, int]:
        """How many deliveries wait on the owned partitions, by receiver."""
        total = dict.fromkeys(sorted(self._receivers), 0)
        for store in list(self.owned.values()):
            for name, number in (await store.outbox()).items():
                total[name] = total.get(name, 0) + number
        return total

    async def _retire(self, store: AlertStore) -> None:
        """What waits for a receiver that is no longer configured is suppressed: it would wait for ever."""
        for name, number in (await store.outbox()).items():
            if number == 0 or name in self._receivers:
                continue
            _log.warning("alerter.receiver_retired", receiver=name, partition=store.partition, deliveries=number)
            while (delivery := (await store.claim(name, _ANY_TIME_MS, 0)).delivery) is not None:
                record = delivery.pending().model_copy(
                    update={
                        "status": DeliveryStatus.SUPPRESSED,
                        "attempts": delivery.attempt - 1,
                        "at": from_ms(self._clock.now_ms()),
                    }
                )
                await store.complete(delivery, record)
