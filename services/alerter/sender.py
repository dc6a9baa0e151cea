"""Sender: one claimed delivery, sent once and recorded."""

from __future__ import annotations

from collections.abc import Callable

from kenko.alerting.outcome import DeliveryOutcome, SendStatus
from kenko.alerting.record import DeliveryStatus
from kenko.alerting.retry import RetryVerdict, next_attempt
from kenko.delivery.receiver import Receiver
from kenko.runtime.clock import Clock
from kenko.runtime.crash import CrashPoint, crash_point
from kenko.runtime.logging import get_logger
from kenko.store.alerts import AlertStore, Delivery
from schemas.alert import Notice
from schemas.base import from_ms
from services.alerter.metrics import SUPPRESSED, AlerterMetrics
from services.alerter.outlast import Outlast

_FINAL = {
    RetryVerdict.DONE: DeliveryStatus.DELIVERED,
    RetryVerdict.EXHAUSTED: DeliveryStatus.EXHAUSTED,
    RetryVerdict.DISABLED: DeliveryStatus.DISABLED,
    RetryVerdict.FAILED: DeliveryStatus.FAILED,
}
_log = get_logger(__name__)


class Sender:
    """To one receiver. `disabled`: fingerprint of each receiver that is gone. `jitter` gives a number in 0 to 1."""

    def __init__(
        self,
        receiver: Receiver,
        clock: Clock,
        *,
        jitter: Callable[[], float],
        disabled: dict[str, str],
        metrics: AlerterMetrics,
    ) -> None:
        self._receiver = receiver
        self._clock = clock
        self._jitter = jitter
        self._disabled = disabled
        self._metrics = metrics
        self._outlast = Outlast(metrics)

    async def send(self, store: AlertStore, delivery: Delivery) -> int:
        """Milliseconds for which the receiver wants to hear nothing; mostly 0."""
        if self._disabled.get(self._receiver.name) == self._receiver.fingerprint:
            await self._finish(store, delivery, DeliveryStatus.DISABLED, RetryVerdict.DISABLED.value)
            return 0
        if delivery.notice is Notice.RESOLVED and not await self._was_told(store, delivery):
            await self._finish(store, delivery, DeliveryStatus.SUPPRESSED, SUPPRESSED)
            return 0
        # Crash here: nothing was sent. It is, when the lease is over.
        crash_point(CrashPoint.ALERT_BEFORE_SEND)
        outcome = await self._receiver.deliver(delivery.message_id, delivery.message)
        # Crash here: the receiver may have it, our record does not say so. It is sent again with the same id.
        if outcome.status is SendStatus.DELIVERED:
            crash_point(CrashPoint.ALERT_ANSWERED)
        decision = next_attempt(delivery.attempt, outcome, self._jitter())
        if decision.verdict is RetryVerdict.RETRY:
            await self._retry(store, delivery, outcome, decision.delay_ms)
            return outcome.retry_after_ms or 0
        if decision.verdict is RetryVerdict.DISABLED:
            self._disabled[self._receiver.name] = self._receiver.fingerprint
            await self._outlast("redis", lambda: store.disable(self._receiver.name, self._receiver.fingerprint))
        await self._finish(store, delivery, _FINAL[decision.verdict], decision.verdict.value, outcome)
        return 0

    async def _was_told(self, store: AlertStore, delivery: Delivery) -> bool:
        """A firing that never arrived needs no end. One that is no longer remembered counts as told."""
        firing = await self._outlast(
            "redis", lambda: store.delivery_record(delivery.alert_id, self._receiver.name, Notice.FIRING)
        )
        return firing is None or firing.status is DeliveryStatus.DELIVERED

    async def _retry(self, store: AlertStore, delivery: Delivery, outcome: DeliveryOutcome, delay_ms: int) -> None:
        now_ms = self._clock.now_ms()
        # Crash before: the lease ends and it is tried again, sooner than planned.
        await self._outlast("redis", lambda: store.reschedule(delivery, now_ms + delay_ms))
        self._metrics.deliveries.labels(self._receiver.kind.value, RetryVerdict.RETRY.value).inc()
        self._log(delivery, "alerter.delivery_postponed", outcome, delay_ms=delay_ms)

    async def _finish(
        self,
        store: AlertStore,
        delivery: Delivery,
        status: DeliveryStatus,
        label: str,
        outcome: DeliveryOutcome | None = None,
    ) -> None:
        now_ms = self._clock.now_ms()
        record = delivery.pending().model_copy(
            update={
                "status": status,
                "attempts": delivery.attempt if outcome is not None else delivery.attempt - 1,
                "at": from_ms(now_ms),
                "latency_ms": max(now_ms - delivery.transition_ms, 0),
                "http_status": None if outcome is None else outcome.http_status,
                "error": None if outcome is None else outcome.error,
            }
        )
        if not await self._outlast("redis", lambda: store.complete(delivery, record)):
            _log.info("alerter.delivery_overtaken", receiver=self._receiver.name, alert_id=delivery.alert_id)
            return
        # Crash here: it is told and recorded. The counters of the next process begin anew.
        crash_point(CrashPoint.ALERT_RECORDED)
        kind = self._receiver.kind.value
        self._metrics.deliveries.labels(kind, label).inc()
        if status is DeliveryStatus.DELIVERED:
            self._metrics.latency.labels(kind).observe(max(now_ms - delivery.transition_ms, 0) / 1000)
        self._log(delivery, "alerter.delivery_finished", outcome, status=status.value)

    def _log(self, delivery: Delivery, event: str, outcome: DeliveryOutcome | None, **facts: object) -> None:
        _log.info(
            event,
            receiver=self._receiver.name,
            alert_id=delivery.alert_id,
            notice=delivery.notice.value,
            attempt=delivery.attempt,
            http_status=None if outcome is None else outcome.http_status,
            error=None if outcome is None or outcome.error is None else outcome.error.value,
            **facts,
        )
