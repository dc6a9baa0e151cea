"""Dispatcher: sends what waits for one receiver. Each receiver has its own, so a dead one delays no other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from kenko.delivery.receiver import Receiver
from kenko.runtime.clock import Clock
from kenko.runtime.logging import get_logger
from kenko.store.alerts import AlertStore, Delivery
from services.alerter.sender import Sender

LEASE_MS = 20_000
"""How long a claimed delivery is kept from everybody else: a whole try and its record. After a crash it waits so long."""
POLL_MS = 5_000
"""At the latest then everything is looked at again: another process may have left something behind."""
_STORE_FAILED_S = 1.0

_log = get_logger(__name__)


class Dispatcher:
    """`stores` are those of the partitions this process owns now; it changes under the dispatcher's feet."""

    def __init__(
        self,
        receiver: Receiver,
        stores: Mapping[int, AlertStore],
        sender: Sender,
        clock: Clock,
        *,
        lease_ms: int = LEASE_MS,
    ) -> None:
        self._receiver = receiver
        self._stores = stores
        self._sender = sender
        self._clock = clock
        self._lease_ms = lease_ms
        self._slots = asyncio.Semaphore(receiver.concurrency)
        self._sending: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._not_before: dict[int, int] = {}
        """By partition: when it is worth asking again. Absent: now."""
        self._held_until_ms = 0
        """The receiver asked for a pause."""
        self._last_partition = -1

    def wake(self, partition: int | None = None) -> None:
        """Something was put into the outbox of `partition`, or (None) of any."""
        if partition is None:
            self._not_before.clear()
        else:
            self._not_before.pop(partition, None)
        self._woken.set()

    async def run(self) -> None:
        """Claim and send until cancelled; what is under way goes on, see `drain`."""
        while True:
            # Before the claim: a claimed delivery must not wait, its lease runs.
            await self._slots.acquire()
            self._woken.clear()
            try:
                work = await self._claim()
            except BaseException as error:
                self._slots.release()
                if not isinstance(error, Exception):
                    raise
                _log.warning("alerter.claim_failed", receiver=self._receiver.name, error=repr(error))
                await asyncio.sleep(_STORE_FAILED_S)
                continue
            if work is None:
                self._slots.release()
                await self._idle()
                continue
            task = asyncio.create_task(self._in_slot(*work), name=f"alerter.send.{self._receiver.name}")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def drain(self, timeout_s: float) -> None:
        """Wait for what is under way. Crash or timeout: sent again by whoever comes next, with the same id."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=timeout_s)
        for task in list(self._sending):
            task.cancel()

    async def _claim(self) -> tuple[AlertStore, Delivery] | None:
        now_ms = self._clock.now_ms()
        if now_ms < self._held_until_ms:
            return None
        # Round robin from the one after the last, so that a busy partition does not starve the others.
        order = sorted(self._stores, key=lambda p: (p <= self._last_partition, p))
        for partition in order:
            store = self._stores.get(partition)
            if store is None or self._not_before.get(partition, 0) > now_ms:
                continue
            claim = await store.claim(self._receiver.name, now_ms, self._lease_ms)
            if claim.delivery is not None:
                self._last_partition = partition
                return store, claim.delivery
            latest_ms = now_ms + POLL_MS
            # A wake that came during the claim counts: it must be looked at again at once.
            if not self._woken.is_set():
                self._not_before[partition] = min(claim.next_due_ms or latest_ms, latest_ms)
        return None

    async def _idle(self) -> None:
        now_ms = self._clock.now_ms()
        next_ms = min((self._not_before.get(p, now_ms) for p in self._stores), default=now_ms + POLL_MS)
        wait_ms = max(next_ms, self._held_until_ms) - now_ms
        try:
            async with asyncio.timeout(max(wait_ms, 10) / 1000):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _in_slot(self, store: AlertStore, delivery: Delivery) -> None:
        try:
            pause_ms = await self._sender.send(store, delivery)
            # It asked everybody to wait, not only this message: going on could get us banned.
            self._held_until_ms = max(self._held_until_ms, self._clock.now_ms() + pause_ms)
            if self._receiver.pause_s > 0:
                await asyncio.sleep(self._receiver.pause_s)
        except Exception:  # noqa: BLE001 - a mistake about one delivery must not stop the others
            # The delivery is still in the outbox: it is claimed again when its lease is over.
            _log.exception("alerter.delivery_failed", receiver=self._receiver.name, alert_id=delivery.alert_id)
        finally:
            self._slots.release()
            self.wake(store.partition)
