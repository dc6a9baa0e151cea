"""The story of a seed: what clients write into the log, when, and what is wrong with some of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from kenko.dialects.cloudevents import encode_event, encode_forget, encode_override, encode_traits
from kenko.engine.partitioning import murmur2_partition
from kenko.stream.producer import OutRecord
from schemas.account_traits import AccountTraits
from schemas.base import from_ms
from schemas.forget import Forget
from schemas.override import Override
from schemas.usage_event import UsageEvent
from tests.simulator.clocks import HOUR_MS, START_MS

DAY_MS = 24 * HOUR_MS
LASTS_S = 8 * 3600.0
MODEL = """
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: simulated, version: 1}
signals:
  uses_2h: {match: {event: "*"}, aggregate: count, window: 2h}
  people_3h: {match: {event: "*"}, aggregate: {unique: user_id}, window: 3h}
  minutes_3h: {match: {event: Session Ended, source: app}, aggregate: {sum: properties.minutes}, window: 3h}
  last_seen: {match: {event: "*"}, aggregate: recency}
  nps: {match: {event: NPS Answered}, aggregate: {latest: properties.score}, stale_after: 1d}
score:
  groups:
    use:
      weight: 60
      inputs:
        - {signal: uses_2h, curve: {points: [[0, 0], [4, 100]]}}
        - {signal: people_3h, curve: {points: [[0, 0], [2, 100]]}}
        - {signal: minutes_3h, curve: {points: [[0, 20], [30, 100]]}}
    recency: {weight: 40, inputs: [{signal: last_seen, curve: {points: [[0.05, 100], [0.2, 0]]}}]}
  new_account_grace: 0d
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 74, for: 20m}
rules:
  - {name: detractor, kind: sentiment, signal: {nps: {lte: 6}}}
"""


class Written(StrEnum):
    """What a record of the story is. The faults of the load are among them."""

    EVENT = "event"
    TRAITS = "traits"
    OVERRIDE = "override"
    FORGET = "forget"
    DUPLICATE = "duplicate id (F8)"
    CONFLICT = "one id, two bodies (F8)"
    LATE = "late (F9)"
    YEAR_OLD = "a year old (F9)"
    FUTURE = "from the future (F9)"
    POISON = "poison (F13)"
    HOT = "hot account (F12)"
    MISROUTED = "misrouted"


@dataclass(frozen=True)
class Line:
    """One record that a client writes at `at_s`."""

    at_s: float
    written: Written
    record: OutRecord


class Story:
    """Draws lines. Accounts are used in spells, so that they fall red by time and come back."""

    def __init__(self, random: Random, *, topic: str, partitions: int) -> None:
        self._random = random
        self._topic = topic
        self._partitions = partitions
        self._serial = 0
        self._events: list[UsageEvent] = []
        self.accounts = [f"account-{number}" for number in range(random.randint(5, 9))]
        self.forgotten = random.choice(self.accounts) if random.random() < 0.3 else None
        self.silent_source = random.random() < 0.2
        """Whether `app` says nothing in the second half."""

    def lines(self, bursts: int) -> list[Line]:
        random, lines = self._random, []
        spells = {account: self._spells() for account in self.accounts}
        for _ in range(bursts):
            at_s = random.uniform(0.0, LASTS_S)
            active = [a for a in self.accounts if any(begin <= at_s < end for begin, end in spells[a])]
            count = random.randint(1, 8) if active else 0
            lines += [self._line(at_s + random.uniform(0.0, 20.0), random.choice(active)) for _ in range(count)]
            if random.random() < 0.03:
                account = random.choice(self.accounts)
                lines += [
                    Line(at_s + n * 0.05, Written.HOT, self._routed(self._event(account, at_s))) for n in range(40)
                ]
        if self.forgotten is not None:
            at_s = random.uniform(LASTS_S / 2, LASTS_S)
            lines.append(Line(at_s, Written.FORGET, self._forget(self.forgotten, at_s)))
        return sorted(lines, key=lambda line: line.at_s)

    def _spells(self) -> list[tuple[float, float]]:
        random = self._random
        begins = [random.uniform(0.0, LASTS_S * 0.8) for _ in range(random.randint(1, 3))]
        return [(begin, begin + random.uniform(1800.0, 9000.0)) for begin in begins]

    def _line(self, at_s: float, account: str) -> Line:
        kind = self._random.choices(list(_LIKELY), list(_LIKELY.values()))[0]
        make = {
            Written.TRAITS: self._traits,
            Written.OVERRIDE: self._override,
            Written.DUPLICATE: self._duplicate,
            Written.CONFLICT: self._conflict,
            Written.POISON: self._poison,
            Written.MISROUTED: self._misrouted,
        }.get(kind)
        if make is not None:
            return Line(at_s, kind, make(account, at_s))
        ago_ms = {
            Written.LATE: self._random.randint(HOUR_MS, 30 * DAY_MS),
            Written.YEAR_OLD: 400 * DAY_MS,
            Written.FUTURE: -3 * HOUR_MS,
        }.get(kind, self._random.randint(-5 * 60_000, 5 * 60_000))
        return Line(at_s, kind, self._routed(self._event(account, at_s, ago_ms)))

    def _event(self, account: str, at_s: float, ago_ms: int = 0) -> UsageEvent:
        random = self._random
        self._serial += 1
        name = random.choices(["Session Ended", "Report Exported", "NPS Answered"], [6, 3, 1])[0]
        properties: dict[str, object] = {"minutes": random.choice([1, 2.5, 0.1, 12])}
        if name == "NPS Answered":
            properties = {"score": random.randint(0, 10)}
        source = "crm" if self.silent_source and at_s > LASTS_S / 2 else random.choice(["app", "crm"])
        event = UsageEvent(
            id=f"e{self._serial}",
            source=source,
            account_id=account,
            user_id=f"user-{random.randrange(4)}",
            event=name,
            time=from_ms(_ms(at_s) - ago_ms),
            properties=properties,
        )
        self._events.append(event)
        return event

    def _routed(self, event: UsageEvent, partition: int | None = None) -> OutRecord:
        key, value, headers = encode_event(event)
        return OutRecord(self._topic, key, value, tuple(headers), self._home(key) if partition is None else partition)

    def _home(self, key: bytes | None) -> int:
        return 0 if key is None else murmur2_partition(key, self._partitions)

    def _duplicate(self, account: str, at_s: float) -> OutRecord:
        return self._routed(self._random.choice(self._events) if self._events else self._event(account, at_s))

    def _conflict(self, account: str, at_s: float) -> OutRecord:
        before = self._random.choice(self._events) if self._events else self._event(account, at_s)
        return self._routed(before.model_copy(update={"properties": {"minutes": 99}}))

    def _misrouted(self, account: str, at_s: float) -> OutRecord:
        event = self._event(account, at_s)
        wrong = (self._home(account.encode()) + self._random.randrange(1, self._partitions)) % self._partitions
        return self._routed(event, wrong)

    def _traits(self, account: str, at_s: float) -> OutRecord:
        self._serial += 1
        time = from_ms(_ms(at_s) - self._random.randrange(HOUR_MS))
        traits = {"name": f"Name {self._serial}", "mrr": float(self._serial)}
        return self._own(
            encode_traits(AccountTraits(id=f"t{self._serial}", account_id=account, time=time, traits=traits))
        )

    def _override(self, account: str, at_s: float) -> OutRecord:
        self._serial += 1
        record = Override(
            id=f"o{self._serial}",
            account_id=account,
            time=from_ms(_ms(at_s)),
            score=self._random.choice([0.0, 20.0, 90.0, None]),
            until=from_ms(_ms(at_s) + self._random.randint(1, 3) * HOUR_MS),
            reason="They told us so.",
            author="sato@example.com",
        )
        return self._own(encode_override(record))

    def _forget(self, account: str, at_s: float) -> OutRecord:
        record = Forget(id=f"f-{account}", account_id=account, time=from_ms(_ms(at_s)), author="sato@example.com")
        return self._own(encode_forget(record))

    def _own(self, encoded) -> OutRecord:
        return OutRecord(self._topic, encoded.key, encoded.value, tuple(encoded.headers), self._home(encoded.key))

    def _poison(self, account: str, _at_s: float) -> OutRecord:
        key, value = self._random.choice(
            [(account.encode(), b"\xff\x00"), (None, b"{}"), (account.encode(), None), (b"\xff", b'{"event": 3}')]
        )
        return OutRecord(self._topic, key, value, (), self._random.randrange(self._partitions))


_LIKELY = {
    Written.EVENT: 100,
    Written.TRAITS: 4,
    Written.OVERRIDE: 4,
    Written.DUPLICATE: 8,
    Written.CONFLICT: 2,
    Written.LATE: 8,
    Written.YEAR_OLD: 2,
    Written.FUTURE: 2,
    Written.POISON: 4,
    Written.MISROUTED: 6,
}


def _ms(at_s: float) -> int:
    return START_MS + round(at_s * 1000)
