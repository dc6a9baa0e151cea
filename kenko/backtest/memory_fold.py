"""MemoryFold: the engine with its working set as the only store. No row is encoded and none is loaded.

`OfflineFold` goes through a store as the service does, and is the reference; this one gives the same scores and the same
transitions in a fraction of the time, for files of millions of events. Accounts do not touch each other, so it gathers
some thousand records and then takes one account after another through them: what belongs to an account is then in the
processor's cache, which is worth a factor of two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kenko.backtest.account_fold import AccountFold, Ticks
from kenko.engine.partition import Outcome
from kenko.engine.recent_ids import CUT_SHORT
from kenko.engine.scorer import Scorer
from kenko.engine.state import AccountState
from kenko.engine.telling import Teller
from kenko.engine.usage import Usage
from kenko.model import HealthModel
from kenko.model.hashes import with_due_budget
from kenko.model.limits import DUE_BUDGET
from schemas.transition import Transition

GATHERED = 50_000
"""Events that are gathered before accounts are taken through them: some 20 MB."""

_COUNTED = (*(outcome.value for outcome in Outcome), "ignored_values", CUT_SHORT, "ticks", "evaluated", "transitions")
"""In the order in which they are shown."""


class MemoryFold:
    """Apply events and ticks; `flush` takes every account through them."""

    def __init__(self, model: HealthModel, *, ids_repeat: bool = True) -> None:
        """`ids_repeat` False: no two events have the same source and id, so nobody looks for repeats."""
        self.scorer = Scorer(model)
        self.now_ms: int | None = None
        """The newest tick; None before the first."""
        self._counts: Counter[str] = Counter()
        self._teller = Teller(self.scorer, 0, with_due_budget(model.score_hash, DUE_BUDGET))
        self._ids_repeat = ids_repeat
        self._accounts: dict[str, AccountFold] = {}
        self._ticks = Ticks()
        self._flushed_ms: int | None = None
        self._end = self._flushed_end = 0
        """Offsets: of the next record, and of the first one that no account was taken through."""

    @property
    def gathered(self) -> int:
        """Events since the last flush."""
        return self._end - self._flushed_end - len(self._ticks.times)

    @property
    def counts(self) -> Counter[str]:
        """Events by outcome, ticks, accounts evaluated, transitions: as of the last flush."""
        return Counter({name: self._counts[name] for name in _COUNTED if name in self._counts})

    def apply(self, time_ms: int, event: Usage) -> None:
        """The next event of the log, at `time_ms`."""
        account = self._accounts.get(event.account_id)
        if account is None:
            account = self._accounts[event.account_id] = AccountFold(
                event.account_id, self.scorer, self._teller, self._counts, ids_repeat=self._ids_repeat
            )
        account.waiting.append((self._end, time_ms, event))
        self._end += 1

    def tick(self, time_ms: int) -> None:
        """A tick, not earlier than the one before. However many accounts are due, all are evaluated at it."""
        self._ticks.add(self._end, time_ms)
        self._end += 1
        self.now_ms = time_ms

    def flush(self) -> list[tuple[int, list[Transition]]]:
        """Take every account through what was gathered: the ticks since the last flush, each with what it caused."""
        ticks, self._ticks = self._ticks, Ticks()
        before_ms, self._flushed_ms, self._flushed_end = self._flushed_ms, self.now_ms, self._end
        for account in self._accounts.values():
            if account.waiting or (ticks.times and account.is_due(ticks.times[-1])):
                account.through(ticks, before_ms)
        self._counts["ticks"] += len(ticks.times)
        return [(time_ms, ticks.transitions(place)) for place, time_ms in enumerate(ticks.times)]

    def states(self) -> Iterator[AccountState]:
        """Every account that has state, in the order of their first events, as of the last flush."""
        return (account.state for account in self._accounts.values() if account.state is not None)
