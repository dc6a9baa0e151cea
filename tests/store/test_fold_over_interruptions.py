"""The fold over a store whose commits stop half way again and again: the end is that of a run without a fault."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from kenko.engine import recent_ids
from kenko.engine.partition import PartitionFold
from kenko.engine.scorer import Scorer
from kenko.model import load_model
from kenko.runtime.errors import TransientError
from kenko.store.memory_partition import Interruption, MemoryPartition
from kenko.store.port import CommitOutcome, Fence, PartitionCommit
from schemas.base import from_ms
from schemas.usage_event import UsageEvent

START_MS = 1_772_000_000_000
HOUR_MS = 3_600_000

MODEL = """
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: small, version: 1}
signals:
  events_7d: {match: {event: "*"}, aggregate: count, window: 7d}
  users_7d: {match: {event: "*"}, aggregate: {unique: user_id}, window: 7d}
  last_seen: {match: {event: "*"}, aggregate: recency}
score:
  groups:
    use:
      weight: 70
      inputs:
        - {signal: events_7d, curve: {points: [[0, 0], [10, 100]]}}
        - {signal: users_7d, curve: {points: [[0, 0], [3, 100]]}}
    recency: {weight: 30, inputs: [{signal: last_seen, curve: {half_life: 2d}}]}
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 74, for: 1h}
"""


def make_log(draw):
    """Events of six accounts, repeats among them, and ticks some hours apart; the last ticks are days after."""
    log, now_ms, sent = [], START_MS, []
    for _ in range(150):
        if draw.random() < 0.2:
            now_ms += draw.randrange(8) * HOUR_MS
            log.append(now_ms)
        elif sent and draw.random() < 0.2:
            log.append(draw.choice(sent))
        else:
            event = UsageEvent(
                id=f"e{len(sent)}",
                account_id=f"account-{draw.randrange(6)}",
                user_id=f"user-{draw.randrange(4)}",
                event="Report Exported",
                time=from_ms(now_ms - draw.randrange(3 * HOUR_MS)),
            )
            sent.append(event)
            log.append(event)
    return [*log, *(now_ms + day * 24 * HOUR_MS for day in range(1, 10))]


class Runner:
    """Applies a log behind the fence and commits at random places. Transitions count when produced, before the commit."""

    def __init__(self, scorer, log, *, seed, interruption_rate):
        self.scorer, self.log = scorer, log
        self.draw, self.interruption_rate = random.Random(seed), interruption_rate
        self.store, self.produced = MemoryPartition(), {}

    def run(self):
        while (self.store.fence() or Fence(0, "log")).offset < len(self.log):
            with suppress(TransientError):  # after which a runner builds a new fold and reads on from the fence
                self.run_from(self.store.fence())
        return self

    def run_from(self, fence):
        expected = fence and fence.offset
        fold = PartitionFold(
            self.scorer, partition=3, now_ms=fence and fence.now_ms, counts=fence.counts if fence else None
        )
        for offset in range(expected or 0, len(self.log)):
            self.apply(fold, offset)
            if self.draw.random() < 0.15 or offset == len(self.log) - 1:
                if self.draw.random() < self.interruption_rate:
                    self.store.interrupt_next_commit(self.draw.choice(list(Interruption)))
                new = Fence(offset + 1, "log", fold.now_ms, fold.counts)
                assert self.store.commit(PartitionCommit(expected, new, fold.drain())) is CommitOutcome.APPLIED
                expected = offset + 1

    def apply(self, fold, offset):
        record = self.log[offset]
        if isinstance(record, UsageEvent):
            fold.adopt(self.store.rows(fold.missing([record.account_id])))
            fold.adopt(self.store.rows(fold.lacking_ids([record.account_id])))
            fold.apply(offset, record)
            return
        fold.tick(offset, record, None)
        due = fold.select_due(self.store.due(fold.now_ms, 1000))
        fold.adopt(self.store.rows(fold.missing(due), with_ids=False))
        for transition in fold.evaluate(due, offset):
            assert self.produced.setdefault(transition.id, transition) == transition


def result(store, scorer):
    accounts = sorted(store.scores)
    rows = store.rows(accounts)
    return {
        "offset": store.fence().offset,
        "now": store.fence().now_ms,
        "health": {a: scorer.health(scorer.decode(a, rows[a].state), store.fence().now_ms) for a in accounts},
        "offsets": {a: scorer.decode(a, rows[a].state).offset for a in accounts},
        "due": store.due(2**50, 100),
        "scores": store.scores,
    }


@pytest.mark.parametrize("tail_bytes", [13, 40])
@pytest.mark.parametrize("seed", range(20))
def test_the_end_is_that_of_a_run_without_a_fault(seed, tail_bytes, monkeypatch):
    monkeypatch.setattr(recent_ids, "TAIL_BYTES", tail_bytes)  # so that an account of some events has chunks
    scorer = Scorer(load_model(MODEL))
    log = make_log(random.Random(seed))
    clean = Runner(scorer, log, seed=0, interruption_rate=0).run()
    assert clean.produced

    tried = Runner(scorer, log, seed=seed, interruption_rate=0.6).run()

    assert result(tried.store, scorer) == result(clean.store, scorer)
    assert tried.produced == clean.produced
