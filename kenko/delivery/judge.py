"""Judge: what an answer means for the delivery."""

from __future__ import annotations

from collections.abc import Container

from kenko.alerting.outcome import DeliveryOutcome, SendError, SendStatus
from kenko.alerting.retry import parse_retry_after
from kenko.delivery.client import Answer

GONE = 410


def judge(answer: Answer, now_ms: int, *, permanent: Container[int] = ()) -> DeliveryOutcome:
    """2xx is delivered, 410 is gone for good, `permanent` statuses refuse the message, all else is worth a retry.

    A redirect is a failure: it is not followed, and the receiver has to give its new address.
    """
    status = answer.status
    if status is None:
        return DeliveryOutcome(SendStatus.RETRY, error=answer.error)
    if 200 <= status < 300:
        return DeliveryOutcome(SendStatus.DELIVERED, http_status=status)
    if status == GONE:
        return DeliveryOutcome(SendStatus.DISABLED, http_status=status, error=SendError.STATUS)
    if status in permanent:
        return DeliveryOutcome(SendStatus.PERMANENT, http_status=status, error=SendError.STATUS)
    wait_ms = parse_retry_after(answer.retry_after, now_ms)
    return DeliveryOutcome(SendStatus.RETRY, http_status=status, retry_after_ms=wait_ms, error=SendError.STATUS)
