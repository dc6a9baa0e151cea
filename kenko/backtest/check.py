"""Compare what the running system holds with what the offline fold says. Pure; every difference is a line of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from kenko.alerting.episode import message_id
from kenko.alerting.record import AlertHistory
from kenko.backtest.expected import ExpectedAlert
from schemas.alert import Alert, Notice
from schemas.health import HealthScore

_ALERT_FIELDS = ("rule", "zone", "score", "score_before", "cause", "title", "reason", "next_step")
"""What a person reads of an alert. Its id and its receipt's offsets depend on how often an event was sent."""


def compare_scores(expected: Iterable[HealthScore], actual: Iterable[HealthScore]) -> list[str]:
    """Differences of any field of any account."""
    wanted = {health.account_id: health for health in expected}
    found = {health.account_id: health for health in actual}
    lines = [f"{account}: is not in Redis" for account in sorted(wanted.keys() - found.keys())]
    lines += [f"{account}: is in Redis, but not in the file" for account in sorted(found.keys() - wanted.keys())]
    for account in sorted(wanted.keys() & found.keys()):
        lines += _fields(account, wanted[account].model_dump(), found[account].model_dump())
    return lines


def compare_alerts(
    expected: Iterable[ExpectedAlert], histories: Iterable[AlertHistory], received: Mapping[str, int]
) -> list[str]:
    """Differences between the alerts that should be and those that are.

    Each expected one must be in the record, in the same words; what was to be told must have reached the receiver
    once under one id, its end too; what was kept back must say the same reason.

    Args:
        expected: of the offline fold.
        histories: of the alerter, read from Redis.
        received: how often each message id came to the receiver.
    """
    wanted = {_key(item.alert): item for item in expected}
    found = {_key(history.alert): history for history in histories}
    lines = [f"{_name(key)}: is missing" for key in sorted(wanted.keys() - found.keys())]
    lines += [f"{_name(key)}: nobody expected it" for key in sorted(found.keys() - wanted.keys())]
    known: set[str] = set()
    for key in sorted(wanted.keys() & found.keys()):
        item, history = wanted[key], found[key]
        name = _name(key)
        for field in _ALERT_FIELDS:
            lines += _differ(f"{name}: {field}", getattr(item.alert, field), getattr(history.alert, field))
        lines += _differ(f"{name}: told because", item.reason, history.reason)
        lines += _differ(f"{name}: end told because", item.resolve_reason, history.resolve_reason)
        ids = {notice: message_id(history.id, notice) for notice in Notice}
        known.update(ids.values())
        told = {
            Notice.FIRING: item.told,
            Notice.RESOLVED: item.end_told,
        }
        for notice, times in told.items():
            lines += _differ(f"{name}: deliveries of {notice}", int(times), received.get(ids[notice], 0))
    lines += [f"the receiver got {message}, which no alert explains" for message in sorted(received.keys() - known)]
    return lines


def zones_of(scores: Iterable[HealthScore]) -> Counter[str]:
    """Accounts by zone; those without one by their standing."""
    return Counter(str(health.zone or health.standing) for health in scores)


def _key(alert: Alert) -> tuple[str, str, str]:
    return alert.account_id, alert.rule, alert.opened_at.isoformat()


def _name(key: tuple[str, str, str]) -> str:
    return f"alert of {key[0]} at {key[2]}"


def _fields(account: str, wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    return [line for field in wanted for line in _differ(f"{account}: {field}", wanted[field], found[field])]


def _differ(what: str, wanted: object, found: object) -> list[str]:
    return [] if wanted == found else [f"{what} should be {wanted}, is {found}"]
