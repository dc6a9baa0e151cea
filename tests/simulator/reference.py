"""The reference: one fold over each partition's log, in one pass, with one commit at its end; and the episodes in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from kenko.alerting.episode import alert_id_of
from kenko.dialects.record import InvalidRecord
from kenko.engine.partition import PartitionFold
from kenko.engine.partitioning import murmur2_partition
from kenko.store.memory_partition import MemoryPartition
from kenko.store.port import Fence, PartitionCommit
from kenko.stream.decode import Item, decode
from schemas.base import to_ms
from schemas.forget import Forget
from schemas.health import ScoreUpdate
from schemas.source_state import SourceState
from schemas.tick import Tick
from schemas.transition import Transition
from schemas.usage_event import UsageEvent
from tests.simulator.broker import Log
from tests.simulator.world import COOLDOWN_MS, LOG_ID, SCORER


@dataclass
class Folded:
    """What one pass over a log gives."""

    core: MemoryPartition
    counts: Counter[str]
    transitions: list[Transition]
    scores: list[ScoreUpdate]
    accounts: list[str]
    forgotten: set[str]
    dead: list[int]
    """Offsets of the records that are dead letters."""
    forwarded: list[int]
    """Offsets of the records that belong to another partition."""


class _Pass:
    def __init__(self, log: Log, partitions: int, due_budget: int) -> None:
        self._log = log
        self._partitions = partitions
        self._fold = PartitionFold(SCORER, partition=log.partition, due_budget=due_budget)
        self._copied: set[tuple[int, int]] = set()
        self.folded = Folded(MemoryPartition(), self._fold.counts, [], [], [], set(), [], [])

    def run(self, end: int) -> Folded:
        records = [record for record in self._log.records if record.offset < end]
        for item in decode(records, 0, log_id=LOG_ID, partitions=self._partitions):
            self._take(item)
        fold, folded = self._fold, self.folded
        fence = Fence(offset=end, log_id=LOG_ID, now_ms=fold.now_ms, counts=dict(fold.counts), silent=fold.silent)
        folded.core.commit(PartitionCommit(None, fence, fold.drain(), fold.drain_erased()))
        return folded

    def _take(self, item: Item) -> None:
        fold, folded, content = self._fold, self.folded, item.content
        if isinstance(content, InvalidRecord):
            if item.record.key is not None and item.record.key.decode(errors="replace") in folded.forgotten:
                fold.counts["forgotten"] += 1
            else:
                fold.counts[f"dead_lettered.{content.reason}"] += 1
                folded.dead.append(item.offset)
        elif isinstance(content, Tick):
            if fold.tick(item.offset, to_ms(content.time), item.record.timestamp):
                folded.transitions += fold.evaluate(fold.select_due([]), item.offset)
                folded.scores += fold.take_scores()
        elif isinstance(content, SourceState):
            fold.hear_of_source(content)
        elif self._is_ours(item, content.account_id):
            fold.adopt(dict.fromkeys(fold.missing([content.account_id])))
            if content.account_id not in folded.accounts:
                folded.accounts.append(content.account_id)
            if isinstance(content, Forget):
                fold.forget(content)
                folded.forgotten.add(content.account_id)
            else:
                (fold.apply if isinstance(content, UsageEvent) else fold.amend)(item.offset, content)

    def _is_ours(self, item: Item, account_id: str) -> bool:
        if item.origin is not None:
            place = (item.origin.partition, item.origin.offset)
            if place in self._copied:
                self._fold.counts["forwarded_duplicate"] += 1
                return False
            self._copied.add(place)
            return True
        if murmur2_partition(account_id.encode(), self._partitions) == self._log.partition:
            return True
        self._fold.counts["forwarded"] += 1
        self.folded.forwarded.append(item.offset)
        return False


def fold_log(log: Log, *, end: int, partitions: int, due_budget: int) -> Folded:
    """What the records of `log` below `end` make."""
    return _Pass(log, partitions, due_budget).run(end)


@dataclass
class Episode:
    """One time in red, or one time that a rule holds."""

    alert_id: str
    account_id: str
    rule: str
    opened_ms: int
    told: bool
    """Not, if it comes too soon after the last one that was told."""
    is_over: bool = False


@dataclass
class _Line:
    open: Episode | None = None
    told_ms: int | None = None
    episodes: list[Episode] = field(default_factory=list)


def episodes(transitions: Sequence[Transition]) -> list[Episode]:
    """All episodes of the accounts of a partition."""
    lines: dict[tuple[str, str], _Line] = {}
    for transition in transitions:
        line = lines.setdefault((transition.account_id, transition.rule), _Line())
        now_ms = to_ms(transition.time)
        if transition.active and line.open is None:
            told = line.told_ms is None or now_ms - line.told_ms >= COOLDOWN_MS
            line.open = Episode(alert_id_of(transition), transition.account_id, transition.rule, now_ms, told)
            line.told_ms = now_ms if told else line.told_ms
            line.episodes.append(line.open)
        elif not transition.active and line.open is not None:
            line.open.is_over = True
            line.open = None
    return [episode for line in lines.values() for episode in line.episodes]
