"""What the running system holds: every account's score, the fences, the alerts. Reads Redis, never writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Final, Self

from kenko.alerting.record import AlertHistory
from kenko.backtest.family import child_of, has_parent
from kenko.backtest.view import AccountView, view_row
from kenko.engine.rollup import Child
from kenko.engine.scorer import Scorer
from kenko.engine.state import AccountState
from kenko.model import HealthModel
from kenko.runtime.settings import Settings
from kenko.store.alerts_keys import AlertKeys
from kenko.store.alerts_reader import all_alerts
from kenko.store.alerts_redis import RedisAlertStore
from kenko.store.client import connect
from kenko.store.keys import PartitionKeys, model_part
from kenko.store.port import Fence
from kenko.store.reader import StateReader
from kenko.store.redis_partition import RedisPartitionStore
from schemas.health import HealthScore

ROWS_AT_ONCE: Final = 500
"""So that a partition with many accounts is not held in memory, nor asked for in one command."""


class LiveState:
    """Async context manager over one Redis and one model."""

    def __init__(self, settings: Settings, model: HealthModel) -> None:
        self._scorer = Scorer(model)
        self._client = connect(settings.redis_url.get_secret_value())
        name, count, prefix = model_part(model.name, model.state_hash), settings.partitions, settings.redis_prefix
        self._prefix = prefix
        self._reader = StateReader(self._client, model=name, partitions=count, prefix=prefix)
        self._stores = [
            RedisPartitionStore(self._client, PartitionKeys(name, partition, count, prefix))
            for partition in range(count)
        ]
        self._alerts = [
            RedisAlertStore(self._client, AlertKeys(partition, count, prefix)) for partition in range(count)
        ]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def fences(self) -> dict[int, Fence | None]:
        """Where each partition stands."""
        return await self._reader.fences()

    async def view(self, account_id: str) -> AccountView | None:
        """The account as of its partition's log time; None if it is not known, or no tick has come yet."""
        found = await self._reader.find(account_id)
        if found.row is None or found.fence is None or found.fence.now_ms is None:
            return None
        return view_row(self._scorer, account_id, found.row.state, found.fence.now_ms, found.fence.silent)

    async def last_alert(self, account_id: str) -> AlertHistory | None:
        """The account's newest alert that is remembered."""
        histories = await self._alerts[self._reader.partition_of(account_id)].alerts()
        return next((history for history in histories if history.account_id == account_id), None)

    async def scores(self) -> list[HealthScore]:
        """Every account as of its partition's log time."""
        return [self._scorer.health(state, now_ms, silent) async for state, now_ms, silent in self._states()]

    async def children(self, parent: str) -> list[Child]:
        """The accounts whose parent this is. Reads every row: no index knows the children of an account."""
        return [
            child_of(self._scorer, state, now_ms, silent)
            async for state, now_ms, silent in self._states()
            if has_parent(state, parent)
        ]

    async def _states(self) -> AsyncIterator[tuple[AccountState, int, Mapping[str, int]]]:
        """Every account, with its partition's log time and silent sources; none where no tick has come yet."""
        accounts: defaultdict[int, list[str]] = defaultdict(list)
        async for account_id in self._reader.all_accounts():
            accounts[self._reader.partition_of(account_id)].append(account_id)
        for partition, ids in accounts.items():
            for start in range(0, len(ids), ROWS_AT_ONCE):
                rows = await self._stores[partition].rows(ids[start : start + ROWS_AT_ONCE])
                # The fence after the rows: then its log time is not before the last evaluation of any of them.
                fence = await self._stores[partition].fence()
                if fence is None or fence.now_ms is None:
                    break
                for account_id, row in rows.items():
                    if row is not None:
                        yield self._scorer.decode(account_id, row.state), fence.now_ms, fence.silent

    async def alerts(self) -> list[AlertHistory]:
        """Every alert the alerter remembers, with its deliveries."""
        return await all_alerts(self._client, len(self._alerts), prefix=self._prefix)

    async def waiting(self) -> int:
        """Deliveries that are still to be made."""
        return sum([sum((await store.outbox()).values()) for store in self._alerts])
