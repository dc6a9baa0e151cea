"""Dispatcher: sends what waits for one receiver. Each receiver has its own, so a dead one delays no other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from kenko.delivery.receiver import Receiver
from kenko.runtime.clock import Clock
from kenko.runtime.crash import CrashPoint, crash_point
from kenko.runtime.logging import get_logger
from kenko.store.alerts import AlertStore, Claim, Delivery
from services.alerter.sender import Sender

LEASE_MS = 20_000
"""How long a claimed delivery is kept from everybody else: a whole try and its record. After a crash it waits so long."""
POLL_MS = 5_000
"""At the latest then everything is looked at again: another process may have left something behind."""
_STORE_FAILED_S = 1.0

_log = get_logger(__name__)


class Dispatcher:
    """`stores` are those of the partitions this process owns now; it changes under the dispatcher's feet."""

    def __init__(  # noqa: PLR0913 - the ports it works with; durations by keyword
        self,
        receiver: Receiver,
        stores: Mapping[int, AlertStore],
        sender: Sender,
        clock: Clock,
        *,
        lease_ms: int = LEASE_MS,
        poll_ms: int = POLL_MS,
    ) -> None:
        self._receiver = receiver
        self._stores = stores
        self._sender = sender
        self._clock = clock
        self._lease_ms = lease_ms
        self._poll_ms = poll_ms
        self._slots = asyncio.Semaphore(receiver.concurrency)
        self._sending: set[asyncio.Task[None]] = set()
        self._under_way: set[str] = set()
        """Message ids. One whose lease is over (Redis is away for longer, the clock was set) is not sent beside itself."""
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
            # Before the claims: a claimed delivery must not wait, its lease runs.
            await self._slots.acquire()
            self._woken.clear()
            now_ms = self._clock.now_ms()
            partitions = self._worth_asking(now_ms)
            if not partitions:
                self._slots.release()
                await self._idle()
                continue
            places = 1
            while places < len(partitions) and not self._slots.locked():
                await self._slots.acquire()
                places += 1
            # Several partitions at once: one after the other, the last one would wait for the round trips of all before.
            claims = [asyncio.create_task(self._claim(partition, now_ms)) for partition in partitions[:places]]
            try:
                await asyncio.wait(claims)
            finally:
                failed = self._take_up(claims)
            if failed is not None:
                _log.warning("alerter.claim_failed", receiver=self._receiver.name, error=repr(failed))
                await asyncio.sleep(_STORE_FAILED_S)

    async def drain(self, timeout_s: float) -> None:
        """Wait for what is under way. Crash or timeout: sent again by whoever comes next, with the same id."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=timeout_s)
        for task in list(self._sending):
            task.cancel()

    def _worth_asking(self, now_ms: int) -> list[int]:
        """The partitions that may have something to send, in the order in which they are asked."""
        if now_ms < self._held_until_ms:
            return []
        # Round robin from the one after the last, so that a busy partition does not starve the others.
        order = sorted(self._stores, key=lambda p: (p <= self._last_partition, p))
        return [partition for partition in order if self._not_before.get(partition, 0) <= now_ms]

    async def _claim(self, partition: int, now_ms: int) -> tuple[AlertStore, Delivery] | None:
        store = self._stores.get(partition)
        if store is None:
            return None
        latest_ms = now_ms + self._poll_ms
        # Before the claim: a wake that comes during it takes this away again.
        self._not_before[partition] = latest_ms
        try:
            claim = await self._claim_new(store, now_ms)
        except BaseException:
            self._not_before.pop(partition, None)
            raise
        if claim.delivery is not None:  # there may be more
            # Crash here: its lease keeps it for a while, then whoever comes next sends it.
            crash_point(CrashPoint.ALERT_CLAIMED)
            self._under_way.add(claim.delivery.message_id)
            self._not_before.pop(partition, None)
            self._last_partition = partition
            return store, claim.delivery
        if partition in self._not_before and claim.next_due_ms is not None:
            self._not_before[partition] = min(claim.next_due_ms, latest_ms)
        return None

    async def _claim_new(self, store: AlertStore, now_ms: int) -> Claim:
        """The next delivery that is not under way here. A claim of one that is prolongs its lease."""
        while True:
            claim = await store.claim(self._receiver.name, now_ms, self._lease_ms)
            if claim.delivery is None or claim.delivery.message_id not in self._under_way:
                return claim

    def _take_up(self, claims: Iterable[asyncio.Task[tuple[AlertStore, Delivery] | None]]) -> BaseException | None:
        """Send what was claimed, and give the other places back. Answers why a claim failed, if one did.

        A claim that is cut off may have been made all the same: that delivery waits for its lease.
        """
        failed = None
        for claim in claims:
            if not claim.done():
                claim.cancel()
            elif (error := claim.exception()) is not None:
                failed = error
            elif (work := claim.result()) is not None:
                task = asyncio.create_task(self._in_slot(*work), name=f"alerter.send.{self._receiver.name}")
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
                continue
            self._slots.release()
        return failed

    async def _idle(self) -> None:
        now_ms = self._clock.now_ms()
        next_ms = min((self._not_before.get(p, now_ms) for p in self._stores), default=now_ms + self._poll_ms)
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
            self._under_way.discard(delivery.message_id)
            self._slots.release()
            self.wake(store.partition)
