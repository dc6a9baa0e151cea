"""The checker's own truth: one plain fold over the accepted log, and what the alerter should make of its transitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from kenko.alerting.decide import decide
from kenko.alerting.episode import message_id
from kenko.alerting.policy import AlertPolicy
from kenko.alerting.state import AlertState
from kenko.dialects.cloudevents import decode_record
from kenko.dialects.record import InvalidRecord
from kenko.engine.partition import PartitionFold
from kenko.engine.rows import Row
from kenko.engine.scorer import Scorer
from kenko.model import HealthModel
from schemas.base import to_ms
from schemas.source_state import SourceState
from schemas.tick import Tick
from schemas.transition import Transition

POLICY = AlertPolicy(receivers=("webhook",), cooldown_ms=0)


class Reference:
    """One partition of the log: nothing is committed, nothing is lost."""

    def __init__(self, model: HealthModel, partition: int) -> None:
        self.rows: dict[str, Row] = {}
        self.transitions: list[Transition] = []
        self._due: dict[str, int] = {}
        self._next = 0
        self.fold = PartitionFold(Scorer(model), partition=partition)

    def take(self, records: Iterable[Any], end: int) -> None:
        """Apply the records from where the last call ended, below offset `end`."""
        for record in records:
            if self._next <= record.offset < end:
                self._take(record)
        self._next = end
        for change in self.fold.drain():
            ids = self.rows[change.account_id].ids if change.account_id in self.rows else []
            self.rows[change.account_id] = Row(change.state, [*ids, *change.id_chunks])
            self._due.pop(change.account_id, None)
            if change.due_ms is not None:
                self._due[change.account_id] = change.due_ms

    def switch(self, model: HealthModel) -> None:
        """What follows is read by workers with another model of the same state."""
        old = self.fold
        self.fold = PartitionFold(
            Scorer(model), partition=old.partition, now_ms=old.now_ms, counts=dict(old.counts), silent=old.silent
        )
        self.fold.adopt(self.rows)

    @property
    def counts(self) -> Counter[str]:
        return self.fold.counts

    def _take(self, record: Any) -> None:
        fold = self.fold
        try:
            content = decode_record(record.key, record.value, record.headers, record.timestamp)
        except InvalidRecord as refusal:
            fold.counts[f"dead_lettered.{refusal.reason}"] += 1
            return
        if isinstance(content, Tick):
            if fold.tick(record.offset, to_ms(content.time), record.timestamp):
                self.transitions += fold.evaluate(fold.select_due(self._stored_due()), record.offset)
                fold.take_scores()
        elif isinstance(content, SourceState):
            fold.hear_of_source(content)
        else:
            fold.adopt(dict.fromkeys(fold.missing([content.account_id])))
            fold.apply(record.offset, content)

    def _stored_due(self) -> list[tuple[int, str]]:
        return sorted((due_ms, account) for account, due_ms in self._due.items())


def expected_messages(transitions: Iterable[Transition]) -> list[str]:
    """Ids of all messages that one receiver should get for these transitions, read once and in order."""
    states: dict[tuple[str, str], AlertState] = {}
    ids = []
    for transition in transitions:
        place = transition.account_id, transition.rule
        decision = decide(states.get(place), transition, to_ms(transition.time), POLICY)
        states[place] = decision.state
        if decision.alert is not None and decision.notice is not None and decision.receivers:
            ids.append(message_id(decision.alert.id, decision.notice))
    return ids
