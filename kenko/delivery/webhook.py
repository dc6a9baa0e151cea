"""Webhook: an alert as a Standard Webhooks 1.0.0 message, signed."""

from __future__ import annotations

from collections.abc import Sequence

from standardwebhooks import Webhook

from kenko.alerting.fit import folded
from kenko.alerting.outcome import DeliveryOutcome, SendError, SendStatus
from kenko.delivery.client import GuardedClient
from kenko.delivery.judge import judge
from kenko.delivery.receiver import ReceiverKind, fingerprint_of
from kenko.runtime.clock import Clock
from schemas.alert import AlertMessage
from schemas.base import from_ms

MAX_BODY = 20_000
"""Bytes: the standard's own advice."""
_KEPT = (64, 32, 16, 8, 4, 0)
"""Contributions kept where all of them are too many; the others become one."""


class WebhookReceiver:
    """Implements `Receiver`. Several secrets sign each message, for the time of a rotation."""

    kind = ReceiverKind.WEBHOOK
    concurrency = 8
    pause_s = 0.0

    def __init__(
        self, client: GuardedClient, url: str, secrets: Sequence[str], clock: Clock, *, name: str = "webhook"
    ) -> None:
        if not secrets:
            raise ValueError("a webhook needs a secret: without a signature a receiver cannot tell who sent it")
        self.name = name
        self.fingerprint = fingerprint_of(url)
        self._client = client
        self._url = url
        self._signers = [Webhook(secret) for secret in secrets]
        self._clock = clock

    async def deliver(self, message_id: str, message: AlertMessage) -> DeliveryOutcome:
        body = body_of(message)
        if body is None:
            return DeliveryOutcome(SendStatus.PERMANENT, error=SendError.TOO_LARGE)
        now_ms = self._clock.now_ms()
        # The time of this try, not of the alert: receivers refuse what is more than five minutes off.
        answer = await self._client.post(self._url, body.encode(), self.headers(message_id, body, now_ms))
        return judge(answer, self._clock.now_ms())

    def headers(self, message_id: str, body: str, now_ms: int) -> dict[str, str]:
        """The signed headers of a message sent at `now_ms`."""
        at = from_ms(now_ms)
        return {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(now_ms // 1000),
            "webhook-signature": " ".join(signer.sign(message_id, at, body) for signer in self._signers),
        }


def body_of(message: AlertMessage) -> str | None:
    """The message as JSON of at most `MAX_BODY` bytes, the same for every try; None if it cannot be made to fit."""
    body = message.model_dump_json()
    for keep in _KEPT:
        if len(body.encode()) <= MAX_BODY:
            return body
        body = message.model_copy(update={"data": folded(message.data, keep)}).model_dump_json()
    return body if len(body.encode()) <= MAX_BODY else None
