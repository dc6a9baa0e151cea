"""AlertPolicy: what the owner of the alerts has set."""

from __future__ import annotations

from dataclasses import dataclass

HOUR_MS = 3_600_000
DEFAULT_COOLDOWN_MS = 24 * HOUR_MS
DEFAULT_MAX_ALERT_AGE_MS = 6 * HOUR_MS


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """Durations in milliseconds.

    `cooldown_ms`: the least log time between two notified firings of one account and rule; 0 turns it off.
    `max_alert_age_ms`: a transition older than this tells nobody. Shorter loses more of what happened during an
    outage, longer repeats more when all of Redis was lost.
    `receivers`: names of those who are told.
    """

    receivers: tuple[str, ...] = ()
    cooldown_ms: int = DEFAULT_COOLDOWN_MS
    max_alert_age_ms: int = DEFAULT_MAX_ALERT_AGE_MS

    def __post_init__(self) -> None:
        if self.cooldown_ms < 0 or self.max_alert_age_ms <= 0:
            raise ValueError("cooldown must be 0 or more, max alert age above 0")
