"""Read what a shadow and the live model say of the same accounts."""

from __future__ import annotations

from collections import Counter
from heapq import heappush, heappushpop
from typing import NamedTuple

from kenko.alerting.inputs import loss_sentence, measured, strongest
from kenko.alerting.losses import largest_losses
from kenko.engine.scorer import Scorer
from kenko.model import HealthModel
from kenko.runtime.errors import ConfigurationError
from kenko.runtime.settings import Settings
from kenko.store.client import AnyRedis
from kenko.store.disagreement import ZONES, Compared, compare
from kenko.store.keys import PartitionKeys, shadow_part
from kenko.store.keyspaces import live_models
from kenko.store.port import Fence
from kenko.store.redis_partition import RedisPartitionStore
from kenko.store.succession_redis import RedisSuccession
from schemas.health import Zone
from schemas.transition import Receipt, ScoreChange


class Difference(NamedTuple):
    """An account that the two put into different zones."""

    account: Compared
    reason: str
    """What weighs most in the shadow's score; empty where it has none."""


class Report(NamedTuple):
    """What the two say now."""

    shadow: str
    """Name of its keyspace."""
    live: dict[int, str]
    """By partition: the live model."""
    behind: int
    """Offsets that the live model has applied, and the shadow has not."""
    tally: Counter[tuple[str, str]]
    """Accounts by (live zone, shadow zone)."""
    differing: list[Difference]
    """The most telling ones first, at most as many as were asked for."""

    @property
    def accounts(self) -> int:
        return self.tally.total()

    @property
    def disagree(self) -> int:
        return sum(number for (live, other), number in self.tally.items() if live != other)


async def read_report(client: AnyRedis, settings: Settings, model: HealthModel, limit: int) -> Report:
    """Of every partition, one after the other.

    Raises:
        ConfigurationError: there is no such shadow.
        TransientError: Redis is away.
    """
    live = await live_models(client, settings.partitions, prefix=settings.redis_prefix)
    shadow = shadow_part(model.name, model.state_hash, model.score_hash, set(live.values()))
    tally: Counter[tuple[str, str]] = Counter()
    found: list[tuple[tuple[bool, float, str], int, Compared]] = []
    fences: dict[int, Fence] = {}
    behind = 0
    for partition, name in live.items():
        keys = PartitionKeys(shadow, partition, settings.partitions, settings.redis_prefix)
        succession = RedisSuccession(client, keys, "")
        fence, theirs = await succession.store(shadow).fence(), await succession.store(name).fence()
        if fence is not None:
            fences[partition] = fence
        behind += max(0, (theirs.offset if theirs else 0) - (fence.offset if fence else 0))
        async for page in compare(succession, name, shadow):
            tally.update((account.live.zone, account.other.zone) for account in page)
            for account in page:
                if account.differs:
                    push = heappush if len(found) < limit else heappushpop
                    push(found, (_telling(account), partition, account))
    if not fences:
        raise ConfigurationError(
            f"There is no shadow {shadow} beside the live model. Start one: KENKO_SHADOW=true with KENKO_MODEL set to this"
            " file, and everything else as the scorers have it, python -m services.scorer."
        )
    reasons = _Reasons(client, settings, model, shadow, fences)
    differing = [
        Difference(account, await reasons.of(account.account_id, partition))
        for _, partition, account in sorted(found, reverse=True)
    ]
    return Report(shadow, live, behind, tally, differing)


def _telling(account: Compared) -> tuple[bool, float, str]:
    """Who would be red comes first, then who moves furthest."""
    before, after = account.live.score or 0.0, account.other.score or 0.0
    return account.other.zone == Zone.RED, abs(after - before), account.account_id


class _Reasons:
    """What weighs most in the shadow's score of an account."""

    def __init__(
        self, client: AnyRedis, settings: Settings, model: HealthModel, shadow: str, fences: dict[int, Fence]
    ) -> None:
        self._client = client
        self._settings = settings
        self._scorer = Scorer(model)
        self._shadow = shadow
        self._fences = fences

    async def of(self, account_id: str, partition: int) -> str:
        fence = self._fences.get(partition)
        keys = PartitionKeys(self._shadow, partition, self._settings.partitions, self._settings.redis_prefix)
        (row,) = (await RedisPartitionStore(self._client, keys).rows([account_id], with_ids=False)).values()
        if row is None or fence is None or fence.now_ms is None:
            return ""
        found = self._scorer.health(self._scorer.decode(account_id, row.state), fence.now_ms, fence.silent)
        receipt = Receipt(
            score=found.score,
            standing=found.standing,
            contributions=found.contributions,
            change=ScoreChange(before=None, after=found.score),
        )
        if found.zone is Zone.GREEN:
            return next((f"{measured(item, compared=False)}." for item in strongest(receipt)), "")
        return next((loss_sentence(loss) for loss in largest_losses(receipt, 1)), "")


def cells(report: Report) -> list[tuple[str, list[int]]]:
    """The tally as a table: a row a live zone, a column a shadow zone, both in the order of `ZONES`."""
    return [(live, [report.tally[live, other] for other in ZONES]) for live in ZONES]
