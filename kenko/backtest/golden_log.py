"""What a golden test writes in place, as the log would have it: events, and records of traits and overrides."""

from __future__ import annotations

from collections.abc import Iterable

from kenko.backtest.event_file import FileEvent
from kenko.model.golden import GoldenEvent, GoldenOverride, GoldenTest, GoldenTraits
from schemas.account_traits import AccountTraits
from schemas.base import from_ms
from schemas.override import Override

BEGINNING_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z, a Monday: when a test begins whose events are written in place. Dates in them count on it."""
ACCOUNT = "account"
"""Account of what is written in place, where the test names none."""
SOURCE = "test"
"""Who sent it, where the test names nobody."""

Told = AccountTraits | Override


def events_in_place(test: GoldenTest) -> list[FileEvent]:
    """The events that are written in the model's file, repeats written out, in the order of their times."""
    events = [record for record in test.events if isinstance(record, GoldenEvent)]
    moments = [(time_ms, event) for event in events for time_ms in _times(event)]
    moments.sort(key=lambda moment: moment[0])
    account = test.account or ACCOUNT
    return [_event(number, account, *moment) for number, moment in enumerate(moments, start=1)]


def told_in_place(test: GoldenTest) -> list[Told]:
    """The records of traits and overrides that are written there, in the order of the file."""
    account, told = test.account or ACCOUNT, []
    for number, record in enumerate(test.events, start=1):
        if not isinstance(record, GoldenEvent):
            told.append(_told(f"{SOURCE}-told-{number}", account, record))
    return told


def _times(event: GoldenEvent) -> Iterable[int]:
    step = event.every_ms or 0
    return (BEGINNING_MS + event.at_ms + number * step for number in range(event.times))


def _event(number: int, account: str, time_ms: int, event: GoldenEvent) -> FileEvent:
    body: dict[str, object] = {
        "id": f"test-{number}",
        "source": event.source or SOURCE,
        "account_id": account,
        "event": event.event,
        "time": from_ms(time_ms).isoformat(),
        "properties": dict(event.properties),
    }
    if event.user_id is not None:
        body["user_id"] = event.user_id
    return FileEvent(number, time_ms, account, body)


def _told(id_: str, account: str, record: GoldenTraits | GoldenOverride) -> Told:
    time = from_ms(BEGINNING_MS + record.at_ms)
    if isinstance(record, GoldenTraits):
        return AccountTraits(id=id_, source=SOURCE, account_id=account, time=time, traits=dict(record.traits))
    return Override(
        id=id_,
        source=SOURCE,
        account_id=account,
        time=time,
        score=record.score,
        until=None if record.until_ms is None else from_ms(BEGINNING_MS + record.until_ms),
        reason="the test says so",
        author=SOURCE,
    )
