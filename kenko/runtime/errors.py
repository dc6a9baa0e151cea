"""Errors, named by what the caller must do.

    KenkoError
    ├── TransientError      try the same thing again, after `retry_after_s`
    ├── PermanentError      never try it again as it is; `reason` says why and is the metric label
    └── ConfigurationError  a person has to change a setting; the process exits with code 2

Whoever calls a library maps its exceptions to these in one place, beside the call.
"""

from __future__ import annotations


class KenkoError(Exception):
    """Anything of ours that goes wrong in a way we foresaw."""


class TransientError(KenkoError):
    """The same call may succeed later: a broker, Redis or a receiver is away or busy."""

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """Seconds to wait before the next try. At least; the caller may add jitter and back off."""


class PermanentError(KenkoError):
    """The same call will fail again: do not retry, record it with its reason."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        """One of a closed set (a StrEnum's value): log field and metric label."""


class ConfigurationError(KenkoError):
    """The process cannot start as it is set up. The text names the setting and the mend, one line a mistake."""


def is_closed_connection(error: RuntimeError) -> bool:
    """Whether uvloop says that a connection was reset before it was written to. asyncio's own loop says nothing there;
    clients of Kafka and Redis know it as no error of a connection, and would let it end the process.
    """
    return "the handler is closed" in str(error)
