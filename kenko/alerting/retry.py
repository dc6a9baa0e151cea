"""Retry: when to try again, as data. The schedule is the one of Standard Webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum

from kenko.alerting.outcome import DeliveryOutcome, SendStatus
from schemas.base import to_ms

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS

SCHEDULE_MS = (
    0,
    5 * SECOND_MS,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    2 * HOUR_MS,
    5 * HOUR_MS,
    10 * HOUR_MS,
    14 * HOUR_MS,
    20 * HOUR_MS,
    24 * HOUR_MS,
)
"""The wait before the first, second, … try, each counted from the end of the try before."""

JITTER_SHARE = 0.2
"""A wait is lengthened by up to this share, so that receivers that failed together are not tried together."""

MAX_RETRY_AFTER_MS = HOUR_MS
"""More than this a receiver cannot ask for: an absurd value must not silence an alert."""


class RetryVerdict(StrEnum):
    """What becomes of the delivery after a try."""

    DONE = "done"
    RETRY = "retry"
    EXHAUSTED = "exhausted"
    """Tried as often as the schedule says."""
    DISABLED = "disabled"
    FAILED = "failed"
    """Not worth another try: the message itself is refused."""


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """`delay_ms` from now to the next try; 0 unless the verdict is RETRY."""

    verdict: RetryVerdict
    delay_ms: int = 0


def next_attempt(attempt: int, outcome: DeliveryOutcome, jitter: float) -> RetryDecision:
    """What follows try number `attempt` (the first is 1). `jitter` is in 0 to 1, drawn by the caller."""
    if outcome.status is not SendStatus.RETRY:
        return RetryDecision(_FINAL[outcome.status])
    if attempt >= len(SCHEDULE_MS):
        return RetryDecision(RetryVerdict.EXHAUSTED)
    asked = min(max(outcome.retry_after_ms or 0, 0), MAX_RETRY_AFTER_MS)
    wait = max(SCHEDULE_MS[attempt], asked)
    return RetryDecision(RetryVerdict.RETRY, round(wait * (1 + JITTER_SHARE * jitter)))


def parse_retry_after(value: str | None, now_ms: int) -> int | None:
    """Milliseconds from a Retry-After header: seconds or an HTTP date, clamped to 0 to `MAX_RETRY_AFTER_MS`.

    None for no header and for one that means nothing.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # A thousand digits are a number too; their length alone says that it is beyond the clamp.
        return MAX_RETRY_AFTER_MS if len(text) > 9 else min(int(text) * SECOND_MS, MAX_RETRY_AFTER_MS)
    try:
        date = parsedate_to_datetime(text)
        # An HTTP date is in GMT; without a zone, RFC 9110 knows no other.
        until_ms = to_ms(date if date.tzinfo is not None else date.replace(tzinfo=UTC))
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return min(max(until_ms - now_ms, 0), MAX_RETRY_AFTER_MS)


_FINAL = {
    SendStatus.DELIVERED: RetryVerdict.DONE,
    SendStatus.DISABLED: RetryVerdict.DISABLED,
    SendStatus.PERMANENT: RetryVerdict.FAILED,
}
