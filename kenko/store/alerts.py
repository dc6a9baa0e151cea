"""AlertStore: what the alerter asks of a store: the alerts of one partition, and the outbox of what is to be told.

The outbox of one account and receiver is a queue. Only its head can be claimed, so a resolved never overtakes its
firing: it waits until the firing is delivered or given up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from kenko.alerting.decide import Decision
from kenko.alerting.episode import message_id
from kenko.alerting.record import AlertHistory, DeliveryRecord, DeliveryStatus, Verdict
from kenko.alerting.state import AlertState
from schemas.alert import AlertMessage, Notice
from schemas.base import Contract, from_ms

KEPT_ALERTS = 2000
"""Alerts a partition remembers, newest first; the state that decides about new ones does not depend on them."""


class RecordOutcome(StrEnum):
    """What became of a record."""

    APPLIED = "applied"
    """All of it is in the store."""
    REFUSED = "refused"
    """None of it is: the state is not the one the decision was made from. Read it again and decide again."""
    FORGOTTEN = "forgotten"
    """None of it is, now and later: the account is forgotten."""


class Seen(NamedTuple):
    """The state of one account and rule as read; `token` is handed back with the decision made from it."""

    state: AlertState | None
    token: bytes | None


class Delivery(Contract):
    """One notice to one receiver, as it waits in the outbox. Times in milliseconds since 1970-01-01 UTC, wall time."""

    receiver: str
    message: AlertMessage
    transition_ms: int
    """Kafka's timestamp of the transition's record: the latency counts from here."""
    queued_ms: int
    attempt: int = 0
    """The number of this try; the first is 1. 0 while it waits."""

    @property
    def account_id(self) -> str:
        return self.message.data.account_id

    @property
    def alert_id(self) -> str:
        return self.message.data.id

    @property
    def notice(self) -> Notice:
        return self.message.type

    @property
    def message_id(self) -> str:
        """What the receiver dedupes on."""
        return message_id(self.alert_id, self.notice)

    def pending(self) -> DeliveryRecord:
        """The record of it while it waits."""
        return DeliveryRecord(
            receiver=self.receiver,
            notice=self.notice,
            status=DeliveryStatus.PENDING,
            queued_at=from_ms(self.queued_ms),
        )


@dataclass(frozen=True)
class AlertWrite:
    """One decision, to be recorded as a whole."""

    account_id: str
    rule: str
    token: bytes | None
    """Of the state that the decision was made from."""
    decision: Decision
    transition_ms: int
    now_ms: int
    """Wall time."""

    @property
    def verdict(self) -> Verdict | None:
        """What is added to the alert's record; None where the decision concerns no alert."""
        alert = self.decision.alert
        return None if alert is None else Verdict(alert=alert, reason=self.decision.reason)

    def deliveries(self) -> list[Delivery]:
        """What goes into the outbox: one for each receiver that is told."""
        alert, notice = self.decision.alert, self.decision.notice
        if alert is None or notice is None:
            return []
        # The time of the transition, not of the sending: a retry has the same body, byte for byte.
        message = AlertMessage(type=notice, timestamp=alert.updated_at, data=alert)
        return [
            Delivery(receiver=name, message=message, transition_ms=self.transition_ms, queued_ms=self.now_ms)
            for name in self.decision.receivers
        ]


class Erased(NamedTuple):
    """How much of an account was taken away."""

    states: int
    alerts: int
    deliveries: int
    """Those that waited in the outboxes."""


class Claim(NamedTuple):
    """The answer to a claim: a delivery, or when it is worth asking again (None: nothing waits)."""

    delivery: Delivery | None
    next_due_ms: int | None


class AlertStore(Protocol):
    """The alerts of one partition.

    Every method raises `TransientError` when the store is away, busy or full (try again: nothing is lost) and
    `PermanentError` when a person has to mend something.
    """

    @property
    def partition(self) -> int:
        """The partition it belongs to."""

    async def state(self, account_id: str, rule: str) -> Seen:
        """What the last decision about this account and rule left."""

    async def record(self, write: AlertWrite) -> RecordOutcome:
        """State, alert and outbox entries: all of it or, if the state is not the one seen, nothing.

        Crash before: the transition is read again, nothing has happened. Crash after: it is read again and is a
        DUPLICATE, and whoever owns the partition next finds the deliveries in the outbox.
        """

    async def claim(self, receiver: str, now_ms: int, lease_ms: int) -> Claim:
        """The next delivery that is due to `receiver`, kept from everybody else until `now_ms + lease_ms`.

        It counts as a try from now on. Crash after: somebody claims it again when the lease is over, with the same
        message id; if the receiver had taken it, it sees the id twice.
        """

    async def reschedule(self, delivery: Delivery, at_ms: int) -> bool:
        """Try it again at `at_ms`. False: it is not the head of its queue any more (somebody completed it)."""

    async def complete(self, delivery: Delivery, record: DeliveryRecord) -> bool:
        """Take it off the outbox with its outcome; the next of its queue is due at once. False as above.

        Written after the send. Crash before: sent again, with the same id. Crash after: nothing is repeated.
        """

    async def delivery_record(self, alert_id: str, receiver: str, notice: Notice) -> DeliveryRecord | None:
        """How one notice to one receiver stands; None if there is none, or the alert is no longer remembered."""

    async def forget(self, account_id: str) -> Erased:
        """Take away all there is of an account, tell nobody, and refuse from now on to record anything of it.

        Crash before or between: asked again, it goes on where it stopped. A delivery that is under way is not held up; its
        outcome is not recorded.
        """

    async def is_forgotten(self, account_id: str) -> bool:
        """Whether `forget` was asked of this account."""

    async def outbox(self) -> Mapping[str, int]:
        """How many deliveries wait, by receiver; each receiver that was ever written to has its number."""

    async def disable(self, receiver: str, fingerprint: str) -> None:
        """Remember that `receiver` is gone for good as long as it has this fingerprint."""

    async def disabled(self) -> Mapping[str, str]:
        """Fingerprint of each receiver that is gone for good."""

    async def alerts(self, limit: int = KEPT_ALERTS) -> list[AlertHistory]:
        """The newest alerts with their deliveries, by opening time, newest first."""

    async def alert(self, alert_id: str) -> AlertHistory | None:
        """One alert with its deliveries."""
