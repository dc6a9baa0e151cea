"""Whether an account is gone from Redis: asked again and again, until it is or the time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from kenko.cli.amend import Written
from kenko.runtime.clock import Clock
from kenko.store.alerts_keys import AlertKeys
from kenko.store.alerts_redis import RedisAlertStore
from kenko.store.client import AnyRedis
from kenko.store.keys import PartitionKeys
from kenko.store.keyspaces import erase, keyspaces
from kenko.store.redis_partition import RedisPartitionStore

ASK_AGAIN_S: Final = 0.2


class Held(NamedTuple):
    """What Redis holds of an account."""

    rows: int
    """0 or 1."""
    alerts: int


@dataclass(frozen=True)
class Gone:
    """How far the services are."""

    scorer: bool
    alerter: bool

    @property
    def everywhere(self) -> bool:
        return self.scorer and self.alerter

    def waits_for(self) -> str:
        """The services that have not forgotten it yet, in words."""
        return " and ".join(
            name for name, done in (("the scorer", self.scorer), ("the alerter", self.alerter)) if not done
        )


class Holders:
    """Those who hold state of one account in Redis: its partition's scorer and alerter, and models of former times."""

    def __init__(self, client: AnyRedis, account_id: str, keys: PartitionKeys) -> None:
        """`keys`: those of the account's partition under the model that runs."""
        self._client = client
        self._account_id = account_id
        self._keys = keys
        self._scored = RedisPartitionStore(client, keys)
        self._alerts = RedisAlertStore(client, AlertKeys(keys.partition, keys.partitions, keys.prefix))

    async def held(self) -> Held:
        """What there is of it now. Raises TransientError where Redis is away; so do the others."""
        row = (await self._scored.rows([self._account_id]))[self._account_id]
        alerts = [history for history in await self._alerts.alerts() if history.account_id == self._account_id]
        return Held(int(row is not None), len(alerts))

    async def gone(self, written: Written) -> Gone:
        """Whether the scorer has passed the record that asks for it, and the alerter has heard of it."""
        fence = await self._scored.fence()
        scorer = fence is not None and fence.offset > written.offset
        alerter = scorer and await self._alerts.is_forgotten(self._account_id)
        return Gone(scorer=scorer, alerter=alerter and not (await self.held()).alerts)

    async def wait(self, written: Written, *, limit_s: float, clock: Clock, told: Callable[[str], None]) -> Gone:
        """Until it is gone, at most `limit_s` seconds; `told` hears each time who is waited for."""
        deadline = clock.monotonic() + limit_s
        while True:
            gone = await self.gone(written)
            if gone.everywhere or clock.monotonic() >= deadline:
                return gone
            told(gone.waits_for())
            await asyncio.sleep(ASK_AGAIN_S)

    async def former(self) -> list[PartitionKeys]:
        """The keyspaces of other models."""
        keys = self._keys
        found = await keyspaces(self._client, keys.partition, keys.partitions, prefix=keys.prefix)
        return [k for k in found if k.model != keys.model]

    async def erase_former(self) -> list[str]:
        """Take it out of the keyspaces of other models; the names of those that held it."""
        return [k.model for k in await self.former() if await erase(self._client, k, self._account_id)]
