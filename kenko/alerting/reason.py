"""Reason: the one word that says what was decided about a transition, and why."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Log field, metric label and part of the alert's record: the same word in all three."""

    OPENED = "opened"
    """An account entered red, or a rule began to hold: a new alert, and its receivers are told."""
    RESOLVED = "resolved"
    """It left red, or the rule holds no more: those who were told of the firing are told of the end."""
    DUPLICATE = "duplicate"
    """At or below the newest transition already seen for this account and rule."""
    STILL_OPEN = "still_open"
    """Red, or the rule holding, again while the alert is open: one alert an episode."""
    NOTHING_OPEN = "nothing_open"
    """A change that neither begins nor ends an episode."""
    TOO_OLD = "too_old"
    """Older than `max_alert_age`: the state follows, nobody is told. A replay of an old log stays silent."""
    BACKFILL = "backfill"
    """Caused while history was being loaded into the account: the state follows, nobody is told."""
    NO_RECEIVER = "no_receiver"
    """No receiver is configured."""
    COOLDOWN = "cooldown"
    """A new episode too soon after the last one that was told."""
    FORGOTTEN = "forgotten"
    """The account is forgotten: nothing is kept of the change, and nobody is told."""
    NOT_TOLD = "not_told"
    """The end of an episode of whose start nobody was told."""

    @property
    def suppresses(self) -> bool:
        """True where there was something to say and it was kept back."""
        return self in _SUPPRESSING


_SUPPRESSING = frozenset({Reason.TOO_OLD, Reason.BACKFILL, Reason.NO_RECEIVER, Reason.COOLDOWN, Reason.NOT_TOLD})
