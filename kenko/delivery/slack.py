"""Slack: an alert to an incoming webhook, the five-minute way. At least once: Slack has no idempotency key."""

from __future__ import annotations

import orjson

from kenko.alerting.outcome import DeliveryOutcome
from kenko.alerting.slack import slack_payload
from kenko.delivery.client import GuardedClient
from kenko.delivery.judge import judge
from kenko.delivery.receiver import ReceiverKind, fingerprint_of
from kenko.runtime.clock import Clock
from schemas.alert import AlertMessage

_PERMANENT = frozenset({400, 413})
"""Slack does not understand the message, and will not the next time either."""


class SlackReceiver:
    """Implements `Receiver`. Slack takes about one message a second a channel; going on after a 429 risks a ban."""

    kind = ReceiverKind.SLACK
    concurrency = 1
    pause_s = 1.0

    def __init__(self, client: GuardedClient, url: str, clock: Clock, *, name: str = "slack") -> None:
        self.name = name
        self.fingerprint = fingerprint_of(url)
        self._client = client
        self._url = url
        self._clock = clock

    async def deliver(self, message_id: str, message: AlertMessage) -> DeliveryOutcome:  # noqa: ARG002 - the port has it
        """`message_id` goes nowhere: there is no field for it."""
        body = orjson.dumps(slack_payload(message))
        answer = await self._client.post(self._url, body, {"Content-Type": "application/json"})
        return judge(answer, self._clock.now_ms(), permanent=_PERMANENT)
