"""MemoryAlertStore: the twin of the Redis one, for tests and for trying things out."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from kenko.alerting.record import AlertHistory, DeliveryRecord, Verdict
from kenko.alerting.state import AlertState
from kenko.engine.identity import account_digest
from kenko.store.alerts import KEPT_ALERTS, AlertWrite, Claim, Delivery, Erased, RecordOutcome, Seen
from schemas.alert import AlertStatus, Notice
from schemas.base import to_ms


@dataclass
class _Remembered:
    firing: Verdict
    resolved: Verdict | None = None
    deliveries: dict[tuple[str, Notice], DeliveryRecord] = field(default_factory=dict)


@dataclass
class _Outbox:
    """Of one receiver."""

    queues: defaultdict[str, deque[Delivery]] = field(default_factory=lambda: defaultdict(deque))
    due: dict[str, int] = field(default_factory=dict)
    """When the head of each account's queue is due."""


class MemoryAlertStore:
    """Implements `AlertStore`."""

    def __init__(self, partition: int = 0, *, kept_alerts: int = KEPT_ALERTS) -> None:
        self._partition = partition
        self._kept = kept_alerts
        self._states: dict[tuple[str, str], bytes] = {}
        self._alerts: dict[str, _Remembered] = {}
        self._outboxes: dict[str, _Outbox] = {}
        self._disabled: dict[str, str] = {}
        self._forgotten: set[bytes] = set()

    @property
    def partition(self) -> int:
        return self._partition

    async def state(self, account_id: str, rule: str) -> Seen:
        raw = self._states.get((account_id, rule))
        return Seen(None if raw is None else msgspec.json.decode(raw, type=AlertState), raw)

    async def record(self, write: AlertWrite) -> RecordOutcome:
        if await self.is_forgotten(write.account_id):
            return RecordOutcome.FORGOTTEN
        place = (write.account_id, write.rule)
        if self._states.get(place) != write.token:
            return RecordOutcome.REFUSED
        if write.verdict is not None:
            self._remember(write.verdict)
        for delivery in write.deliveries():
            outbox = self._outboxes.setdefault(delivery.receiver, _Outbox())
            queue = outbox.queues[delivery.account_id]
            queue.append(delivery)
            outbox.due.setdefault(delivery.account_id, write.now_ms)
            self._note(delivery, delivery.pending())
        for alert_id in self._oldest_first()[: max(len(self._alerts) - self._kept, 0)]:
            del self._alerts[alert_id]
        self._states[place] = msgspec.json.encode(write.decision.state)
        return RecordOutcome.APPLIED

    async def claim(self, receiver: str, now_ms: int, lease_ms: int) -> Claim:
        outbox = self._outboxes.get(receiver)
        if outbox is None or not outbox.due:
            return Claim(None, None)
        account_id, due_ms = min(outbox.due.items(), key=lambda item: (item[1], item[0].encode()))
        if due_ms > now_ms:
            return Claim(None, due_ms)
        outbox.due[account_id] = now_ms + lease_ms
        queue = outbox.queues[account_id]
        queue[0] = queue[0].model_copy(update={"attempt": queue[0].attempt + 1})
        return Claim(queue[0], None)

    async def reschedule(self, delivery: Delivery, at_ms: int) -> bool:
        outbox = self._where_head(delivery)
        if outbox is None:
            return False
        outbox.due[delivery.account_id] = at_ms
        return True

    async def complete(self, delivery: Delivery, record: DeliveryRecord) -> bool:
        outbox = self._where_head(delivery)
        if outbox is None:
            return False
        queue = outbox.queues[delivery.account_id]
        queue.popleft()
        if queue:
            outbox.due[delivery.account_id] = delivery.queued_ms if record.at is None else to_ms(record.at)
        else:
            del outbox.queues[delivery.account_id], outbox.due[delivery.account_id]
        self._note(delivery, record)
        return True

    async def delivery_record(self, alert_id: str, receiver: str, notice: Notice) -> DeliveryRecord | None:
        remembered = self._alerts.get(alert_id)
        return None if remembered is None else remembered.deliveries.get((receiver, notice))

    async def forget(self, account_id: str) -> Erased:
        self._forgotten.add(account_digest(account_id))
        states = [place for place in self._states if place[0] == account_id]
        alerts = [id_ for id_, kept in self._alerts.items() if kept.firing.alert.account_id == account_id]
        waited = 0
        for outbox in self._outboxes.values():
            waited += len(outbox.queues.pop(account_id, ()))
            outbox.due.pop(account_id, None)
        for place in states:
            del self._states[place]
        for alert_id in alerts:
            del self._alerts[alert_id]
        return Erased(len(states), len(alerts), waited)

    async def is_forgotten(self, account_id: str) -> bool:
        return account_digest(account_id) in self._forgotten

    async def outbox(self) -> Mapping[str, int]:
        return {
            name: sum(len(queue) for queue in outbox.queues.values()) for name, outbox in sorted(self._outboxes.items())
        }

    async def disable(self, receiver: str, fingerprint: str) -> None:
        self._disabled[receiver] = fingerprint

    async def disabled(self) -> Mapping[str, str]:
        return dict(self._disabled)

    async def alerts(self, limit: int = KEPT_ALERTS) -> list[AlertHistory]:
        newest_first = reversed(self._oldest_first())
        return [self._history(self._alerts[alert_id]) for alert_id in list(newest_first)[: max(limit, 1)]]

    async def alert(self, alert_id: str) -> AlertHistory | None:
        remembered = self._alerts.get(alert_id)
        return None if remembered is None else self._history(remembered)

    def _remember(self, verdict: Verdict) -> None:
        alert = verdict.alert
        if alert.status is AlertStatus.FIRING:
            self._alerts[alert.id] = _Remembered(firing=verdict)
        elif alert.id in self._alerts:
            self._alerts[alert.id].resolved = verdict

    def _note(self, delivery: Delivery, record: DeliveryRecord) -> None:
        remembered = self._alerts.get(delivery.alert_id)
        if remembered is not None:
            remembered.deliveries[delivery.receiver, delivery.notice] = record

    def _where_head(self, delivery: Delivery) -> _Outbox | None:
        outbox = self._outboxes.get(delivery.receiver)
        queue = None if outbox is None else outbox.queues.get(delivery.account_id)
        return outbox if queue and queue[0].message_id == delivery.message_id else None

    def _oldest_first(self) -> list[str]:
        return sorted(self._alerts, key=lambda i: (self._alerts[i].firing.alert.opened_at, i))

    def _history(self, remembered: _Remembered) -> AlertHistory:
        deliveries = tuple(remembered.deliveries.values())
        return AlertHistory.of(self._partition, remembered.firing, remembered.resolved, deliveries)
