"""Run a model's golden tests: fold the events of each with a tick an hour, and compare what is found at its time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kenko.alerting.policy import AlertPolicy
from kenko.backtest.event_file import FileEvent
from kenko.backtest.plan import plan
from kenko.backtest.run import Judge, run
from kenko.backtest.view import AccountView
from kenko.model import HealthModel
from kenko.model.golden import GoldenEvent, GoldenTest
from kenko.model.limits import HOUR_MS
from kenko.model.signal_spec import Comparison, Op
from schemas.base import from_ms

BEGINNING_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z, a Monday: when a test begins whose events are written in place. Dates in them count on it."""
ACCOUNT = "account"
"""Account of events that are written in place, where the test names none."""
NONE = "none"

_HOLDS = {
    Op.EQ: lambda found, wanted: found == wanted,
    Op.GT: lambda found, wanted: found > wanted,
    Op.GTE: lambda found, wanted: found >= wanted,
    Op.LT: lambda found, wanted: found < wanted,
    Op.LTE: lambda found, wanted: found <= wanted,
}


@dataclass(frozen=True)
class Found:
    """What an account is at the time of a test."""

    zone: str
    standing: str
    score: float | None
    rules: tuple[str, ...]
    profile: str

    def __str__(self) -> str:
        score = "no score" if self.score is None else f"score {self.score:.2f}"
        rules = f"rules {', '.join(self.rules)}" if self.rules else "no rule holds"
        return f"zone {self.zone}, {self.standing}, {score}, {rules}, profile {self.profile}"


@dataclass(frozen=True)
class GoldenResult:
    """How a test went."""

    test: GoldenTest
    failures: tuple[str, ...]
    """What should be and what is, a line each; empty: it passed."""
    found: Found | None = None
    """None: nothing is known of the account."""

    @property
    def has_passed(self) -> bool:
        """True if all is as the test expects."""
        return not self.failures


def run_golden(model: HealthModel, test: GoldenTest, events: Sequence[FileEvent]) -> GoldenResult:
    """Fold `events` until the test's time, and compare.

    Args:
        model: what is tested.
        test: of the model.
        events: in the order of their times. Those of other accounts are left out.
    """
    accounts = sorted({event.account_id for event in events})
    if not accounts:
        return _failed(test, "there are no events")
    if test.account is None and len(accounts) > 1:
        return _failed(test, f"the events are of {len(accounts):,} accounts: say which one with 'account'")
    account = test.account or accounts[0]
    if account not in accounts:
        return _failed(test, f"there is no event of the account {account!r}")
    # From the first event of the file, whoever's it is: so all tests on one file speak of the same days.
    until_ms = min(event.time_ms for event in events) + test.at_ms
    mine = [event for event in events if event.account_id == account]
    steps = plan(mine, interval_ms=HOUR_MS, until_ms=until_ms)
    # Received at the end: no event is in the future.
    backtest = run(steps, Judge(model, 1, AlertPolicy(), until_ms))
    if backtest.bad:
        return _failed(test, *(f"event {bad.line}: {bad.message}" for bad in backtest.bad))
    view = backtest.fold.view(account)
    if view is None:
        return _failed(test, "nothing is known of the account: no event came before that time")
    found = _found(view)
    return GoldenResult(test, tuple(_compare(test, found)), found)


def events_in_place(test: GoldenTest) -> list[FileEvent]:
    """The events that are written in the model's file, repeats written out, in the order of their times."""
    moments = [(time_ms, event) for event in test.events for time_ms in _times(event)]
    moments.sort(key=lambda moment: moment[0])
    account = test.account or ACCOUNT
    return [_event(number, account, *moment) for number, moment in enumerate(moments, start=1)]


def _times(event: GoldenEvent) -> Iterable[int]:
    step = event.every_ms or 0
    return (BEGINNING_MS + event.at_ms + number * step for number in range(event.times))


def _event(number: int, account: str, time_ms: int, event: GoldenEvent) -> FileEvent:
    body: dict[str, object] = {
        "id": f"test-{number}",
        "source": "test",
        "account_id": account,
        "event": event.event,
        "time": from_ms(time_ms).isoformat(),
        "properties": dict(event.properties),
    }
    if event.user_id is not None:
        body["user_id"] = event.user_id
    return FileEvent(number, time_ms, account, body)


def _found(view: AccountView) -> Found:
    health = view.health
    return Found(
        zone=NONE if health.zone is None else health.zone.value,
        standing=health.standing.value,
        score=health.score,
        rules=view.rules,
        profile=view.profile or NONE,
    )


def _compare(test: GoldenTest, found: Found) -> Iterable[str]:
    for name, wanted, is_so in (
        ("zone", test.zone, found.zone),
        ("standing", test.standing, found.standing),
        ("profile", test.profile, found.profile),
    ):
        if wanted is not None and wanted != is_so:
            yield f"{name}: expected {wanted}, found {is_so}"
    failing = [c for c in test.score if found.score is None or not _HOLDS[c.op](found.score, c.operand)]
    if failing:
        score = NONE if found.score is None else f"{found.score:.2f}"
        yield f"score: expected {' and '.join(_say(c) for c in failing)}, found {score}"
    if test.rules is not None and set(test.rules) != set(found.rules):
        yield f"rules: expected {_list(test.rules)}, found {_list(found.rules)}"


def _say(comparison: Comparison) -> str:
    return f"{comparison.op.value} {comparison.operand:g}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(sorted(names)) or NONE


def _failed(test: GoldenTest, *why: str) -> GoldenResult:
    return GoldenResult(test, why)
