"""Run a model's golden tests: fold the events of each with a tick an hour, and compare what is found at its time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kenko.backtest.event_file import BadLine, FileEvent
from kenko.backtest.fold import OfflineFold
from kenko.backtest.golden_log import BEGINNING_MS, Told, told_in_place
from kenko.backtest.plan import Step, TickAll, plan
from kenko.backtest.run import read_file_event
from kenko.backtest.view import AccountView
from kenko.model import HealthModel
from kenko.model.golden import GoldenTest
from kenko.model.limits import HOUR_MS
from kenko.model.signal_spec import Comparison, Op
from schemas.base import to_ms

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
    told = dict(enumerate(told_in_place(test), start=1))
    # Places of their own in the order of times; at the same time what is known of an account comes before its events.
    places = [FileEvent(-number, to_ms(record.time), record.account_id, {}) for number, record in told.items()]
    log = sorted([*places, *events], key=lambda place: place.time_ms)
    accounts = sorted({place.account_id for place in log})
    if not accounts:
        return _failed(test, "there are no events")
    if test.account is None and len(accounts) > 1:
        return _failed(test, f"the events are of {len(accounts):,} accounts: say which one with 'account'")
    account = test.account or accounts[0]
    if account not in accounts:
        return _failed(test, f"there is no event of the account {account!r}")
    # From the first event of the file, whoever's it is: so all tests on one file speak of the same days.
    until_ms = (BEGINNING_MS if test.file is None else log[0].time_ms) + test.at_ms
    mine = [place for place in log if place.account_id == account]
    fold = OfflineFold(model, partitions=1)
    # Received at the end: no event is in the future.
    bad = _fold(fold, plan(mine, interval_ms=HOUR_MS, until_ms=until_ms), told, until_ms)
    if bad:
        return _failed(test, *(f"event {line.line}: {line.message}" for line in bad))
    view = fold.view(account)
    if view is None:
        return _failed(test, "nothing is known of the account: no event came before that time")
    found = _found(view)
    return GoldenResult(test, tuple(_compare(test, found)), found)


def _fold(fold: OfflineFold, steps: Iterable[Step], told: Mapping[int, Told], received_ms: int) -> list[BadLine]:
    """Take the steps in; answers the events that ingest would refuse."""
    bad: list[BadLine] = []
    for step in steps:
        if isinstance(step, TickAll):
            fold.tick(step.time_ms)
            continue
        for place in step.events:
            if place.line < 0:
                fold.amend(told[-place.line])
                continue
            event = read_file_event(place, received_ms)
            if isinstance(event, BadLine):
                bad.append(event)
            else:
                fold.apply(event)
    return bad


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
