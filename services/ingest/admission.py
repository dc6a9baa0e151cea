"""Whether a request is let in: its key, how many wrong ones its address has tried, and what its key has sent lately."""

from __future__ import annotations

from typing import Final

from kenko.runtime.api_keys import Scope
from kenko.runtime.clock import Clock
from schemas.base import from_ms
from services.ingest.answers import Refusal, RefusalCode
from services.ingest.auth import AuthOutcome, Keyring, Sender
from services.ingest.metrics import IngestMetrics
from services.ingest.rates import Buckets

WRONG_KEYS_AT_ONCE_S: Final = 30.0
"""From one address: as many at once as in so many seconds. A key that counts is never held up by it."""
BURST_S: Final = 10.0
"""A key may send as much at once as in so many seconds."""


class Admission:
    """Asked before the body is read, again for a key in the body, and told what was sent."""

    def __init__(
        self,
        keyring: Keyring,
        clock: Clock,
        metrics: IngestMetrics,
        *,
        events_per_second: float,
        wrong_keys_per_second: float,
    ) -> None:
        self._keyring = keyring
        self._clock = clock
        self._metrics = metrics
        self._wrong = Buckets(wrong_keys_per_second, WRONG_KEYS_AT_ONCE_S)
        self._sent = Buckets(events_per_second, BURST_S)

    def admit(self, key: bytes | None, address: str, scope: Scope = Scope.INGEST) -> Sender:
        """Whose request it is.

        Raises:
            Refusal: the key does not count, or its holder has sent too much lately.
        """
        outcome, sender = self._keyring.judge(key, scope, from_ms(self._clock.now_ms()))
        now_s = self._clock.monotonic()
        if outcome is not AuthOutcome.ADMITTED:
            self._turn_away(outcome, address, now_s)
        self._metrics.auth.labels(outcome.value).inc()
        wait_s = self._sent.of(sender.name, now_s, sender.events_per_second).wait_s(now_s)
        if wait_s > 0 and scope is Scope.INGEST:
            self._metrics.throttled.inc()
            raise Refusal(
                RefusalCode.RATE_LIMITED,
                "this key has sent more than it may: send the same again after Retry-After, with the same ids",
                retry_after_s=wait_s,
            )
        return sender

    def spent(self, sender: Sender, events: int) -> None:
        """A request of `sender` held so many events; one without any counts as one."""
        self._sent.of(sender.name, self._clock.monotonic(), sender.events_per_second).spend(max(1, events))

    def _turn_away(self, outcome: AuthOutcome, address: str, now_s: float) -> None:
        """Raises the refusal. The same for every key that does not count: no guess learns from it."""
        bucket = self._wrong.of(address, now_s)
        wait_s = bucket.wait_s(now_s)
        if wait_s > 0:
            self._metrics.auth.labels(AuthOutcome.THROTTLED.value).inc()
            raise Refusal(RefusalCode.RATE_LIMITED, "too many keys that do not count", retry_after_s=wait_s)
        bucket.spend(1)
        self._metrics.auth.labels(outcome.value).inc()
        raise Refusal(
            RefusalCode.UNAUTHORIZED,
            "a valid API key is required: Authorization: Bearer KEY, or Basic with the key as user name,"
            " or X-API-Key, or where your client library puts it",
            headers={"WWW-Authenticate": 'Bearer realm="kenko"'},
        )
