"""Handler: one record of the transitions topic, decided and recorded. Nothing it does leaves with an exception."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kenko.alerting.decide import Decision, decide
from kenko.alerting.policy import AlertPolicy
from kenko.alerting.reason import Reason
from kenko.runtime.clock import Clock
from kenko.runtime.logging import get_logger
from kenko.store.alerts import AlertStore, AlertWrite, RecordOutcome
from kenko.stream.dead_letter import dead_letter_record
from kenko.stream.producer import Output
from schemas.base import to_ms
from schemas.dead_letter import DeadLetterReason
from schemas.forget import Forget
from schemas.tick import Tick
from schemas.transition import Transition
from services.alerter.log_time import LogTime
from services.alerter.metrics import AlerterMetrics
from services.alerter.outlast import Outlast
from services.alerter.record_in import InvalidRecordError, RecordIn, decode

_log = get_logger(__name__)


class TransitionHandler:
    """`stores` gives the alert store of a partition, `recorded` is told of each partition that has something to send."""

    def __init__(  # noqa: PLR0913 - put together in one place, by keyword
        self,
        *,
        policy: AlertPolicy,
        stores: Callable[[int], AlertStore],
        log_time: LogTime,
        clock: Clock,
        output: Output,
        dead_letter_topic: str,
        recorded: Callable[[int], None],
        metrics: AlerterMetrics,
    ) -> None:
        self._policy = policy
        self._stores = stores
        self._log_time = log_time
        self._clock = clock
        self._output = output
        self._dead_letter_topic = dead_letter_topic
        self._recorded = recorded
        self._metrics = metrics
        self._outlast = Outlast(metrics)

    async def handle(self, record: RecordIn) -> Reason | None:
        """What was decided; None for a tick, a forget or a dead letter. Returns when it is durable: only then may it be acked.

        Crash before: read again, nothing has happened. Crash after: read again, and a DUPLICATE.
        """
        try:
            content = decode(record)
            if isinstance(content, Tick):
                self._log_time.tick(record.partition, to_ms(content.time))
                return None
            if isinstance(content, Forget):
                await self._forget(record, content)
                return None
            self._metrics.transitions.inc()
            return await self._decide(record, content)
        except InvalidRecordError as error:
            await self._bury(record, error.dead, str(error))
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not stop every alert behind it
            _log.exception("alerter.transition_failed", partition=record.partition, offset=record.offset)
            text = f"the alerter could not process it: {type(error).__name__}"
            await self._bury(record, DeadLetterReason.INVALID, text)
        return None

    async def holds(self, record: RecordIn) -> bool:
        """Whether the store still knows what was recorded of a record that was handled; True where nothing is recorded."""
        try:
            content = decode(record)
        except InvalidRecordError:
            return True
        store = self._stores(record.partition)
        if isinstance(content, Transition):
            seen = await self._outlast("redis", lambda: store.state(content.account_id, content.rule))
            if seen.state is not None and seen.state.covers(content):
                return True
        if isinstance(content, Tick):
            return True
        return await self._outlast("redis", lambda: store.is_forgotten(content.account_id))

    async def _decide(self, record: RecordIn, transition: Transition) -> Reason:
        store = self._stores(record.partition)
        while True:
            seen = await self._outlast("redis", lambda: store.state(transition.account_id, transition.rule))
            now_ms = self._log_time.now_ms(record.partition, to_ms(transition.time))
            decision = decide(seen.state, transition, now_ms, self._policy)
            if decision.reason is Reason.DUPLICATE:
                break
            write = AlertWrite(
                account_id=transition.account_id,
                rule=transition.rule,
                token=seen.token,
                decision=decision,
                transition_ms=record.timestamp_ms,
                now_ms=self._clock.now_ms(),
            )
            outcome = await self._outlast("redis", partial(store.record, write))
            if outcome is RecordOutcome.FORGOTTEN:
                # A replay of the scorer tells again what came before the forget.
                self._metrics.decisions.labels(Reason.FORGOTTEN.value).inc()
                return Reason.FORGOTTEN
            if outcome is RecordOutcome.APPLIED:
                break
            # Somebody else moved the state between the two, or our own write had its answer lost: look again.
        self._tell(record, transition, decision)
        return decision.reason

    async def _forget(self, record: RecordIn, forget: Forget) -> None:
        """Crash before or between: read again, and what is left goes. Nobody is told of the end of an open alert."""
        store = self._stores(record.partition)
        erased = await self._outlast("redis", partial(store.forget, forget.account_id))
        self._metrics.forgets.inc()
        _log.info(
            "alerter.account_forgotten",
            alerts=erased.alerts,
            deliveries=erased.deliveries,
            partition=record.partition,
            offset=record.offset,
        )

    def _tell(self, record: RecordIn, transition: Transition, decision: Decision) -> None:
        self._metrics.decisions.labels(decision.reason.value).inc()
        if decision.receivers:
            self._recorded(record.partition)
        _log.info(
            "alerter.decided",
            reason=decision.reason.value,
            rule=transition.rule,
            alert_id=None if decision.alert is None else decision.alert.id,
            transition_id=transition.id,
            partition=record.partition,
            offset=record.offset,
        )

    async def _bury(self, record: RecordIn, reason: DeadLetterReason, message: str) -> None:
        """Crash before or after: read and buried again; a dead letter may stand there twice, never not at all."""
        letter = dead_letter_record(
            record,
            self._dead_letter_topic,
            reason=reason,
            message=message,
            app="alerter",
            source_topic=record.topic,
        )
        await self._outlast("kafka", lambda: self._output.send([letter]))
        self._metrics.dead_letters.labels(reason.value).inc()
        _log.warning(
            "alerter.dead_lettered",
            reason=reason.value,
            message=message,
            partition=record.partition,
            offset=record.offset,
        )
