"""A load as a software business has it: the same events at each run, made beforehand and in order of time."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from kenko.model.limits import DAY_MS, HOUR_MS
from schemas.base import from_ms
from schemas.usage_event import UsageEvent

START_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z, a Monday."""

_FEATURES = ("reports", "alerts", "exports", "sharing", "search", "dashboards")
_MIX = ("Feature Used", "page", "Feature Used", "page", "Session Ended", "login", "page")
"""What people do, turn by turn: 2 key actions to 3 pages, and an end of a session and a login."""


class Size(NamedTuple):
    """Accounts of one size."""

    share: float
    events_a_day: int
    users: int


SIZES = (Size(0.80, 20, 8), Size(0.15, 200, 40), Size(0.05, 2000, 300))
"""80% of accounts are small, 15% middling, 5% large: nearly all events come from the few."""


def usage(number: int, account_id: str, user: str | None, name: str, time_ms: int, **properties: Any) -> UsageEvent:
    """One event, with an id that no other has."""
    event_id = f"{account_id}-{number:08}"
    time = from_ms(time_ms)
    return UsageEvent(id=event_id, account_id=account_id, user_id=user, event=name, time=time, properties=properties)


def contract(account_id: str, seats: int, time_ms: int = START_MS) -> UsageEvent:
    """The event every account begins with: it brings the traits."""
    told = {"seats": seats, "mrr": seats * 90, "renewal_date": "2024-12-31", "plan": "pro", "owner": "sato@example.com"}
    return usage(0, account_id, None, "Contract Signed", time_ms, **told)


def act(number: int, account_id: str, user: str, time_ms: int) -> UsageEvent:
    """The number decides what is done."""
    name = _MIX[number % len(_MIX)]
    if name == "Feature Used":
        return usage(number, account_id, user, name, time_ms, feature=_FEATURES[number // 7 % len(_FEATURES)])
    if name == "Session Ended":
        return usage(number, account_id, user, name, time_ms, minutes=5 + number % 11)
    return usage(number, account_id, user, name, time_ms)


def typical_account(account_id: str = "acme-corporation") -> list[UsageEvent]:
    """8 users, 60 days, 20 events a day on average (28 on a weekday), three NPS answers and four tickets."""
    events = [contract(account_id, 10)]
    for day in range(60):
        if day % 7 < 5:
            for turn in range(28):
                time_ms = START_MS + day * DAY_MS + 8 * HOUR_MS + turn * HOUR_MS // 3
                events.append(act(day * 28 + turn + 1, account_id, f"user-{(day + turn) % 8}", time_ms))
    told = [("NPS Answered", day, {"score": score}) for day, score in ((20, 9), (30, 7), (45, 10))]
    told += [("Ticket Opened", day, {}) for day in (10, 25, 40, 55)]
    told += [("CSAT Answered", 50, {"score": 4})]
    for number, (name, day, properties) in enumerate(told):
        time_ms = START_MS + day * DAY_MS
        events.append(usage(90_000_000 + number, account_id, f"user-{number % 8}", name, time_ms, **properties))
    return sorted(events, key=lambda event: event.time)


def mixed(accounts: int, past: int, events: int, seed: int = 1) -> tuple[list[UsageEvent], list[UsageEvent]]:
    """Hot and cold accounts: a thin past of eight weeks that fills the windows, then the days to measure.

    Args:
        accounts: how many, of the sizes of `SIZES`.
        past: events of the past, besides one contract an account.
        events: events of the days to measure, as many a day as the accounts' sizes say.
        seed: of the random numbers; the same seed gives the same events.
    """
    rng = random.Random(seed)
    names = [f"account-{number:06}" for number in range(accounts)]
    sizes = [size for size in SIZES for _ in range(round(accounts * size.share))]
    weights = [size.events_a_day for size in sizes]
    busy = list(zip(names, sizes, strict=True))
    now_ms = START_MS + 56 * DAY_MS
    span_ms = DAY_MS * events // sum(weights)
    # Accounts share the past alike, for the cold ones have one too.
    before = [contract(name, size.users) for name, size in busy]
    for number in range(1, past + 1):
        name, size = busy[number % accounts]
        time_ms = START_MS + (now_ms - START_MS) * number // (past + 1)
        before.append(act(number, name, f"user-{rng.randrange(size.users)}", time_ms))
    measured = []
    for number in range(events):
        name, size = rng.choices(busy, weights)[0]
        user = f"user-{rng.randrange(size.users)}"
        measured.append(act(past + 1 + number, name, user, now_ms + span_ms * number // events))
    return before, measured
