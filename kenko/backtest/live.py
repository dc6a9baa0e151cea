"""What the running system holds: every account's score, the fences, the alerts. Reads Redis, never writes."""

from __future__ import annotations

from collections import defaultdict
from types import TracebackType
from typing import Self

from kenko.alerting.record import AlertHistory
from kenko.backtest.view import AccountView, view_row
from kenko.engine.scorer import Scorer
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
        return view_row(self._scorer, account_id, found.row.state, found.fence.now_ms)

    async def last_alert(self, account_id: str) -> AlertHistory | None:
        """The account's newest alert that is remembered."""
        histories = await self._alerts[self._reader.partition_of(account_id)].alerts()
        return next((history for history in histories if history.account_id == account_id), None)

    async def scores(self) -> list[HealthScore]:
        """Every account as of its partition's log time."""
        accounts: defaultdict[int, list[str]] = defaultdict(list)
        async for account_id in self._reader.all_accounts():
            accounts[self._reader.partition_of(account_id)].append(account_id)
        found: list[HealthScore] = []
        for partition, ids in accounts.items():
            rows = await self._stores[partition].rows(ids)
            fence = await self._stores[partition].fence()
            if fence is None or fence.now_ms is None:
                continue
            for account_id, row in rows.items():
                if row is not None:
                    state = self._scorer.decode(account_id, row.state)
                    found.append(self._scorer.health(state, fence.now_ms))
        return found

    async def alerts(self) -> list[AlertHistory]:
        """Every alert the alerter remembers, with its deliveries."""
        return await all_alerts(self._client, len(self._alerts), prefix=self._prefix)

    async def waiting(self) -> int:
        """Deliveries that are still to be made."""
        return sum([sum((await store.outbox()).values()) for store in self._alerts])
