"""A small model whose scores can be worked out by hand, events for it, and a log that is folded with a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kenko.engine.partition import PartitionFold
from kenko.engine.recent_ids import RecentIds
from kenko.engine.scorer import Scorer
from kenko.model import load_model
from kenko.runtime.errors import TransientError
from kenko.store.memory_partition import MemoryPartition
from kenko.store.port import Fence, PartitionCommit
from schemas.account_traits import AccountTraits
from schemas.base import from_ms
from schemas.forget import Forget
from schemas.override import Override
from schemas.source_state import SourceState
from schemas.transition import Transition
from schemas.usage_event import UsageEvent

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
T0 = 20_000 * DAY_MS
"""Midnight, and the first day of a five-day period."""

SMALL = """\
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: small, version: 1}
signals:
  logins: {match: {event: Login}, aggregate: count, window: 7d}
  last_seen: {match: {event: "*"}, aggregate: recency}
  nps: {match: {event: NPS}, aggregate: {latest: properties.score}, stale_after: 30d}
score:
  groups:
    use:
      weight: 3
      inputs: [{signal: logins, curve: {points: [[0, 0], [10, 100]]}}]
    recency:
      weight: 1
      inputs: [{signal: last_seen, curve: {half_life: 7d}}]
    sentiment:
      weight: 1
      inputs: [{signal: nps, curve: {points: [[0, 0], [10, 100]]}}]
  caps: [{when: {signal: nps, lte: 3}, at_most: 39}]
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 74, for: 1h}
lifecycle: {started: [Signed], ended: [Cancelled]}
"""

EVERY_KIND = """\
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: every-kind, version: 1}
signals:
  users: {match: {event: "*", not: [Ticket]}, aggregate: {unique: user_id}, window: 2d}
  features: {match: {event: Used}, aggregate: {unique: properties.feature}, window: 7d}
  exports: {match: {event: Used, properties: {rows: {gte: 10}}}, aggregate: count, window: 7d}
  minutes: {match: {event: [Used, Login]}, aggregate: {sum: properties.minutes}, window: 3d}
  days: {match: {event: "*"}, aggregate: active_days, window: 7d}
  nps: {match: {event: NPS}, aggregate: {latest: properties.score}, stale_after: 5d}
  last_seen: {match: {event: "*"}, aggregate: recency}
  last_login: {match: {event: Login}, aggregate: recency}
  onboarding: {milestones: [Login, Used, NPS]}
  unread: {match: {event: Ticket}, aggregate: count, window: 1d}
score:
  groups:
    adoption:
      weight: 50
      inputs:
        - {signal: users, weight: 2, curve: {points: [[0, 0], [2, 70], [3, 100]]}}
        - {signal: features, curve: {points: [[0, 0], [3, 100]]}}
        - {signal: exports, curve: {points: [[0, 100], [5, 0]]}}
        - {signal: minutes, curve: {points: [[-10, 0], [50, 100]]}}
        - {signal: days, weight: 0.3, curve: {points: [[0, 0], [5, 100]]}}
        - {signal: onboarding, curve: {points: [[0, 0], [1, 100]]}}
    sentiment: {weight: 17, inputs: [{signal: nps, curve: {points: [[0, 0], [6, 30], [9, 100]]}}]}
    recency:
      weight: 33
      inputs:
        - {signal: last_seen, curve: {half_life: 12h}}
        - {signal: last_login, missing: neutral, curve: {points: [[1, 100], [4, 0]]}}
  caps:
    - {when: {signal: nps, lte: 3}, at_most: 39}
    - {when: {signal: last_seen, gt: 3, lt: 5}, at_most: 20.5}
  new_account_grace: 1d
zones:
  red: {below: 40, clear_above: 45, for: 2h}
  yellow: {below: 70, clear_above: 74, for: 1h}
lifecycle: {started: [Signed], ended: [Cancelled]}
"""


RICH = (Path(__file__).parent / "rich.yaml").read_text(encoding="utf-8")


def make_event(event_name="Login", /, at=T0, *, id_="1", account="acme", user=None, source="api", **properties):
    return UsageEvent(
        id=id_,
        source=source,
        account_id=account,
        user_id=user,
        event=event_name,
        time=from_ms(at),
        properties=properties,
    )


@dataclass
class World:
    """A log, folded into a store. Items of the log are events and tick times (int); the offset is the index."""

    scorer: Scorer
    due_budget: int = 1000
    store: MemoryPartition = field(default_factory=MemoryPartition)
    transitions: dict = field(default_factory=dict)
    scores: dict = field(default_factory=dict)
    """Published scores by account and offset of their tick."""
    fold: PartitionFold | None = None
    most_rows: int | None = None
    """How many rows stay in the working set at a commit; None: all."""

    def run(self, log, *, cuts=((),), interruptions=()):
        """Fold the log with a commit after each offset in `cuts[0]` and at the end.

        `interruptions`: where the n-th commit stops, None to let it pass. After each the fold starts anew, and the
        commits come after the offsets of the next set in `cuts`, for a restart need not cut where the last run did.
        """
        stops = iter(interruptions)
        starts = 0
        self._start()
        offset = 0
        while offset < len(log):
            self._record(offset, log[offset])
            offset += 1
            if offset in cuts[starts % len(cuts)] or offset == len(log):
                stop = next(stops, None)
                self._commit(offset, stop)
                if stop is not None:
                    starts += 1
                    self._start()
                    offset = 0 if self.store.fence() is None else self.store.fence().offset
        return self

    def _start(self):
        fence = self.store.fence()
        known = {} if fence is None else {"now_ms": fence.now_ms, "counts": fence.counts, "silent": fence.silent}
        known["forgotten"] = self.store.forgotten()
        self.fold = PartitionFold(self.scorer, partition=0, due_budget=self.due_budget, **known)

    def _record(self, offset, record):
        fold = self.fold
        if isinstance(record, UsageEvent):
            self._load_with_ids(record.account_id)
            fold.apply(offset, record)
        elif isinstance(record, AccountTraits | Override):
            self._load_with_ids(record.account_id)
            fold.amend(offset, record)
        elif isinstance(record, Forget):
            self._load_with_ids(record.account_id)
            fold.forget(record)
        elif isinstance(record, SourceState):
            fold.hear_of_source(record)
        elif fold.tick(offset, record, None):
            due = fold.select_due(self.store.due(fold.now_ms, self.due_budget + fold.changed_count()))
            fold.adopt(self.store.rows(fold.missing(due), with_ids=False))
            for transition in fold.evaluate(due, offset):
                assert self.transitions.setdefault(transition.id, transition) == transition
                assert Transition.model_validate_json(transition.model_dump_json()) == transition
            for score in fold.take_scores():
                key = score.account_id, score.offset
                assert self.scores.setdefault(key, score) == score

    def _load_with_ids(self, account):
        """As a runner: one that was merely due so far gets its ids with its first record."""
        fold = self.fold
        fold.adopt(self.store.rows(fold.missing([account])))
        fold.adopt(self.store.rows(fold.lacking_ids([account])))

    def _commit(self, offset, stop):
        before = self.store.fence()
        fence = Fence(
            offset=offset,
            now_ms=self.fold.now_ms,
            counts=dict(self.fold.counts),
            log_id="log",
            silent=dict(self.fold.silent),
        )
        commit = PartitionCommit(
            expected=None if before is None else before.offset,
            fence=fence,
            rows=self.fold.drain(),
            erased=self.fold.drain_erased(),
        )
        if stop is None:
            self.store.commit(commit)
            if self.most_rows is not None:
                self.fold.evict(self.most_rows)
        else:
            self.store.interrupt_next_commit(stop)
            with pytest.raises(TransientError):
                self.store.commit(commit)

    def rows(self):
        """Each account's state, and the ids it still remembers, in their order, as the store has them."""
        found, now_ms = {}, self.store.fence().now_ms
        for account, row in self.store.rows(self.store.scores).items():
            state = self.scorer.decode(account, row.state)
            found[account] = (state, RecentIds(row.ids, row.tail, row_offset=state.offset).known(now_ms))
        return found

    def states(self):
        return {account: row[0] for account, row in self.rows().items()}

    def due(self):
        return self.store.due(1 << 60, 1 << 30)


@pytest.fixture(scope="session")
def small():
    return Scorer(load_model(SMALL))


@pytest.fixture(scope="session")
def small_text():
    return SMALL


@pytest.fixture(scope="session")
def every_kind():
    return Scorer(load_model(EVERY_KIND))


@pytest.fixture(scope="session")
def rich():
    return Scorer(load_model(RICH))


@pytest.fixture(scope="session")
def rich_text():
    return RICH


@pytest.fixture(scope="session", params=["every-kind", "rich"])
def any_model(request, every_kind, rich):
    """Models between which every part of the language is used."""
    return rich if request.param == "rich" else every_kind


@pytest.fixture(scope="session")
def event():
    return make_event


@pytest.fixture(scope="session")
def world():
    return World


@pytest.fixture(scope="session")
def start():
    return T0


LIVE = """\
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: words, version: 1}
lifecycle: {started: [Signed], renewed: [Renewed], ended: [Cancelled], onboarding: 10d, renewal: 30d}
traits:
  events: [Account Updated]
  names: {renewal_date: [term_end], mrr: [revenue]}
  touch: {high: 1000, low: 100}
signals:
  logins: {match: {event: Login}, aggregate: count, window: 7d}
  crm_use: {match: {event: Deal, source: crm}, aggregate: count, window: 2d}
  nps: {match: {event: NPS}, aggregate: {nps: properties.score}, stale_after: 30d}
  setup: {milestones: [Login, Deal]}
score:
  groups:
    use: {weight: 1, inputs: [{signal: logins, curve: {points: [[0, 0], [10, 100]]}}]}
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 74, for: 0s}
"""


class Live:
    """A log that is written while it runs: records at days, ticks, and what comes of them."""

    def __init__(self, world, event, start, rest=""):
        self.event, self.start = event, start
        self.world = world(Scorer(load_model(LIVE + rest)))
        self.log = []

    def at(self, day, event_name, *, times=1, source="api", **properties):
        for _ in range(times):
            made = self.event(
                event_name, self.start + int(day * DAY_MS), id_=str(len(self.log)), source=source, **properties
            )
            self.log.append(made)

    def told(self, day, **traits):
        self.log.append(
            AccountTraits(
                id=str(len(self.log)), account_id="acme", time=from_ms(self.start + int(day * DAY_MS)), traits=traits
            )
        )

    def override(self, day, score, until=None):
        self.log.append(
            Override(
                id=str(len(self.log)),
                account_id="acme",
                time=from_ms(self.start + int(day * DAY_MS)),
                score=score,
                until=None if until is None else from_ms(self.start + int(until * DAY_MS)),
                reason="a merger",
                author="sato",
            )
        )

    def source(self, name, since=None):
        self.log.append(
            SourceState(source=name, silent_since=None if since is None else from_ms(self.start + int(since * DAY_MS)))
        )

    def tick(self, day):
        self.log.append(self.start + int(day * DAY_MS))

    def ticks(self, first, last, step=0.5):
        for number in range(int((last - first) / step) + 1):
            self.tick(first + number * step)

    def run(self):
        self.world.run(self.log)
        self.state = self.world.states()["acme"]
        self.scorer = self.world.scorer
        return list(self.world.transitions.values())

    def health(self, day):
        now_ms = self.start + int(day * DAY_MS)
        return self.scorer.health(self.state, now_ms, self.world.store.fence().silent)

    def facts(self, day):
        return self.scorer.facts(self.state, self.start + int(day * DAY_MS))


@pytest.fixture
def live(world, event, start):
    return lambda rest="": Live(world, event, start, rest)


@pytest.fixture(scope="session")
def live_text():
    return LIVE
