"""The virtual receiver, and its own record: what it was sent, what it took, and what it answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from kenko.alerting.outcome import DeliveryOutcome, SendError, SendStatus
from kenko.delivery.receiver import ReceiverKind
from schemas.alert import AlertMessage
from tests.simulator.network import Network
from tests.simulator.virtual_loop import RUNNING, Process


class Answer(StrEnum):
    """What a receiver does with a message. It keeps it at OK and at LOST."""

    OK = "ok"
    LOST = "lost"
    """It takes it, and its answer does not come in time."""
    ERROR = "error"
    TIMEOUT = "timeout"
    BUSY = "busy"
    """429, with how long to wait."""
    GONE = "gone"
    """410: now and for ever."""


@dataclass(frozen=True)
class Try:
    """One message as it arrived."""

    at_s: float
    sender: Process
    receiver: str
    message_id: str
    message: AlertMessage
    answer: Answer

    @property
    def taken(self) -> bool:
        return self.answer in {Answer.OK, Answer.LOST}


class SimulatedReceiver:
    """Implements `Receiver`. One instance serves all processes: it is the other side."""

    kind = ReceiverKind.MEMORY
    concurrency = 2
    pause_s = 0.0

    def __init__(self, name: str, network: Network, random: Random) -> None:
        self.name = name
        self.fingerprint = name
        self.tries: list[Try] = []
        self.answers: list[Answer] = []
        """What it does with the next messages; then it takes all."""
        self.is_gone = False
        self.kill_sender: Callable[[Process], object] | None = None
        """What becomes of whoever sends the next message that is taken, just before the answer arrives."""
        self._network = network
        self._random = random

    async def deliver(self, message_id: str, message: AlertMessage) -> DeliveryOutcome:
        """The answer as the alerter's client tells it."""
        network, sender = self._network, RUNNING.get()
        network.count += 1
        network.each_call()
        answered = network.loop.create_future()
        if sender is not None and not sender.killed:
            network.loop.later(network.latency_s(), self._arrive, sender, message_id, message, answered)
        return await answered

    def _arrive(self, sender: Process, message_id: str, message: AlertMessage, answered) -> None:
        answer = Answer.GONE if self.is_gone else self.answers.pop(0) if self.answers else Answer.OK
        self.is_gone = answer is Answer.GONE
        network = self._network
        self.tries.append(Try(network.loop.time(), sender, self.name, message_id, message, answer))
        late_s = self._random.uniform(5.0, 12.0) if answer in {Answer.LOST, Answer.TIMEOUT} else network.latency_s()
        if answer is Answer.OK and self.kill_sender is not None:
            network.loop.later(late_s * 0.9, self.kill_sender, sender)
            self.kill_sender = None
        network.loop.later(late_s, _answer, answered, _OUTCOMES[answer])


_OUTCOMES = {
    Answer.OK: DeliveryOutcome(SendStatus.DELIVERED, http_status=200),
    Answer.LOST: DeliveryOutcome(SendStatus.RETRY, error=SendError.TIMEOUT),
    Answer.ERROR: DeliveryOutcome(SendStatus.RETRY, http_status=500, error=SendError.STATUS),
    Answer.TIMEOUT: DeliveryOutcome(SendStatus.RETRY, error=SendError.TIMEOUT),
    Answer.BUSY: DeliveryOutcome(SendStatus.RETRY, http_status=429, retry_after_ms=40_000, error=SendError.STATUS),
    Answer.GONE: DeliveryOutcome(SendStatus.DISABLED, http_status=410, error=SendError.STATUS),
}


def _answer(answered, outcome: DeliveryOutcome) -> None:
    if not answered.done():
        answered.set_result(outcome)
