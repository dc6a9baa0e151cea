"""Which alerts should come of transitions: the alerter's own pure decisions, one after another."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kenko.alerting.decide import decide
from kenko.alerting.policy import AlertPolicy
from kenko.alerting.reason import Reason
from kenko.alerting.state import AlertState
from schemas.alert import Alert, AlertStatus
from schemas.base import to_ms
from schemas.transition import Transition


@dataclass(frozen=True)
class ExpectedAlert:
    """One red episode."""

    alert: Alert
    """As it fired. Its id depends on offsets, which a log with repeated events does not share."""
    reason: Reason
    resolve_reason: Reason | None = None
    owner: str | None = None
    """Who looks after the account; None where nobody is known."""

    @property
    def told(self) -> bool:
        """True if a receiver is told of it."""
        return not self.reason.suppresses

    @property
    def end_told(self) -> bool:
        """True if a receiver is told that it is over."""
        return self.resolve_reason is not None and not self.resolve_reason.suppresses


class AlertExpectation:
    """Follows the transitions of a log."""

    def __init__(self, policy: AlertPolicy) -> None:
        self._policy = policy
        self._states: dict[tuple[str, str], AlertState] = {}
        self._open: dict[tuple[str, str], int] = {}
        self.alerts: list[ExpectedAlert] = []
        """In the order in which they fired."""

    def follow(self, transition: Transition) -> None:
        """The next transition. It is judged at its own time: the alerter reads the time behind it."""
        place = (transition.account_id, transition.rule)
        decision = decide(self._states.get(place), transition, to_ms(transition.time), self._policy)
        self._states[place] = decision.state
        if decision.alert is None:
            return
        if decision.alert.status is AlertStatus.RESOLVED:
            number = self._open.pop(place)
            self.alerts[number] = replace(self.alerts[number], resolve_reason=decision.reason)
        else:
            self._open[place] = len(self.alerts)
            self.alerts.append(ExpectedAlert(decision.alert, decision.reason, owner=transition.account.owner))
