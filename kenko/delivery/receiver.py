"""Receiver: the port through which a notice leaves, and its in-memory twin."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from hashlib import blake2b
from typing import Protocol

from kenko.alerting.outcome import DeliveryOutcome, SendStatus
from schemas.alert import AlertMessage


class ReceiverKind(StrEnum):
    """Also a metric label."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    MEMORY = "memory"


class Receiver(Protocol):
    """Somebody who is told. `name` is unique in a process and stays when its address changes."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> ReceiverKind: ...

    @property
    def fingerprint(self) -> str:
        """Stands for the address without telling it: a receiver that is gone for good is back with a new one."""

    @property
    def concurrency(self) -> int:
        """Deliveries under way at the same time, at most."""

    @property
    def pause_s(self) -> float:
        """Seconds from the end of one delivery to the start of the next, per place under way."""

    async def deliver(self, message_id: str, message: AlertMessage) -> DeliveryOutcome:
        """One try. Never raises for what the other side does."""


def fingerprint_of(url: str) -> str:
    """Eight bytes of a hash: enough to see that a URL is another one, too little to find it."""
    return blake2b(url.encode(), digest_size=8, person=b"kenko.receiver").hexdigest()


class MemoryReceiver:
    """Keeps what it is told. Answers with `outcomes` in turn, then with DELIVERED."""

    kind = ReceiverKind.MEMORY

    def __init__(
        self,
        name: str = "memory",
        outcomes: Iterable[DeliveryOutcome] = (),
        *,
        fingerprint: str = "memory",
        concurrency: int = 8,
        pause_s: float = 0.0,
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.concurrency = concurrency
        self.pause_s = pause_s
        self.tried: list[tuple[str, AlertMessage]] = []
        """Every try, in order."""
        self.delivered: list[tuple[str, AlertMessage]] = []
        self._outcomes = iter(outcomes)

    async def deliver(self, message_id: str, message: AlertMessage) -> DeliveryOutcome:
        self.tried.append((message_id, message))
        outcome = next(self._outcomes, DeliveryOutcome(SendStatus.DELIVERED, http_status=200))
        if outcome.status is SendStatus.DELIVERED:
            self.delivered.append((message_id, message))
        return outcome
