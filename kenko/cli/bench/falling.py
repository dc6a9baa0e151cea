"""The load of `kenko bench latency`: a steady stream of use, and in it one event in a hundred that takes an account into red.

The falling accounts are healthy at first: 63 days of use, scored before anything is measured. Then one of their people
answers the NPS question with 0, and the default model holds such an account at 39 of 100 at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import yaml

from kenko.cli.examples import DEFAULT_MODEL
from kenko.dialects.cloudevents import encode_event
from kenko.dialects.record import KafkaRecord
from kenko.model.limits import DAY_MS
from schemas.base import from_ms
from schemas.usage_event import UsageEvent

ONE_IN: Final = 100
"""One event in so many takes an account into red."""
FALLS: Final = b"falls-"
"""The ids of falling accounts begin so."""
_PAST_EVENTS: Final = 20
_PAST_DAYS: Final = 63
"""Longer than the default model's onboarding, whose red begins lower."""
_STEADY_NAMES: Final = ("Feature Used", "page", "Session Ended", "login", "page")


class FallingLoad(NamedTuple):
    """Records of the usage-events topic, ready to be sent."""

    past: list[KafkaRecord]
    """What makes the falling accounts healthy."""
    warm: list[KafkaRecord]
    """Steady use without a fall."""
    measured: list[KafkaRecord]
    """Steady use, and a fall in every `ONE_IN` of them."""

    @property
    def falls(self) -> int:
        return len(self.measured) // ONE_IN


def make_load(*, events: int, warm: int, accounts: int, now_ms: int) -> FallingLoad:
    """`events` to measure after `warm` others; steady use is spread evenly over `accounts` accounts."""
    steady = _steady(accounts, now_ms)
    return FallingLoad(
        past=[encode_event(event) for fall in range(events // ONE_IN) for event in _past(fall, now_ms)],
        warm=[next(steady) for _ in range(warm)],
        measured=[
            encode_event(_fall(number // ONE_IN, now_ms)) if number % ONE_IN == ONE_IN - 1 else next(steady)
            for number in range(events)
        ],
    )


def model_without_hold() -> str:
    """The default model as YAML, with zones that count at once: what is measured is the service, not patience."""
    model = yaml.safe_load(DEFAULT_MODEL.read_text(encoding="utf-8"))
    for zone in model["zones"].values():
        zone["for"] = "0s"
    del model["tests"]  # they expect the holds
    return yaml.safe_dump(model, allow_unicode=True, sort_keys=False)


def account_of(fall: int) -> str:
    """The account of the `fall`-th fall, from 0."""
    return f"{FALLS.decode()}{fall}"


def _past(fall: int, now_ms: int) -> Iterator[UsageEvent]:
    """Evenly over nine weeks, from three users of three features."""
    first_ms, step_ms = now_ms - _PAST_DAYS * DAY_MS, _PAST_DAYS * DAY_MS // _PAST_EVENTS
    for number in range(_PAST_EVENTS):
        yield _event(
            f"past-{number}",
            account_of(fall),
            "Feature Used",
            first_ms + number * step_ms,
            user=f"user-{number % 3}",
            feature=f"f{number % 3}",
        )


def _fall(fall: int, now_ms: int) -> UsageEvent:
    return _event("fall", account_of(fall), "NPS Answered", now_ms, user="user-0", score=0)


def _steady(accounts: int, now_ms: int) -> Iterator[KafkaRecord]:
    number = 0
    while True:
        account = f"steady-{number * 7919 % accounts}"
        name = _STEADY_NAMES[number % len(_STEADY_NAMES)]
        told: dict[str, Any] = {"feature": f"f{number % 23}", "minutes": 5 + number % 11}
        yield encode_event(_event(f"steady-{number}", account, name, now_ms, user=f"user-{number % 37}", **told))
        number += 1


def _event(id_: str, account_id: str, name: str, time_ms: int, *, user: str, **properties: Any) -> UsageEvent:
    return UsageEvent(
        id=f"{account_id}-{id_}",
        source="bench",
        account_id=account_id,
        user_id=user,
        event=name,
        time=from_ms(time_ms),
        received_at=None,
        properties=properties,
    )
