"""Is what the scorer left in Redis what the fold makes of the same log? A fast wrong result is worth nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from typing import Final

from kenko.backtest.fold import OfflineFold
from kenko.cli.bench.zipf_log import ZipfLog
from kenko.model import HealthModel
from kenko.store.port import PartitionStore
from schemas.usage_event import UsageEvent

ROWS_AT_ONCE: Final = 1_000
REPORT_EVERY: Final = 1_000


def fold_log(log: ZipfLog, model: HealthModel, partitions: int, report: Callable[[float], None]) -> OfflineFold:
    """The reference: the engine over the plan of the log, with no broker, no Redis and no event loop."""
    fold = OfflineFold(model, partitions=partitions)
    done = 0
    for step in log.steps():
        if isinstance(step, UsageEvent):
            fold.apply(step)
            done += 1
            if done % REPORT_EVERY == 0:
                report(done / log.events)
        else:
            fold.tick(step)
    return fold


async def differences(
    fold: OfflineFold, stores: Sequence[PartitionStore], accounts: Collection[str], report: Callable[[float], None]
) -> list[str]:
    """What differs, in words that name no account; empty if rows, accounts and counts are the same.

    Args:
        fold: the reference.
        stores: of each partition, what the scorer wrote.
        accounts: every account that the stores hold.
        report: told the share that is compared.
    """
    counts: Counter[str] = Counter()
    missing = other = held = 0
    for partition, store in enumerate(stores):
        fence = await store.fence()
        counts.update({} if fence is None else fence.counts)
        wanted = fold.rows(partition)
        while rows := dict(islice(wanted, ROWS_AT_ONCE)):
            for account_id, row in (await store.rows(rows)).items():
                missing += row is None
                other += row is not None and row.state != rows[account_id].state
            held += len(rows)
        report((partition + 1) / len(stores))
    found = {
        "rows that the store does not have": missing,
        "rows that are not what the fold makes of the log": other,
        "accounts that the fold does not know": len(accounts) - (held - missing),
    }
    return [f"{number:,} {what}" for what, number in found.items() if number] + _of_counts(fold.counts, counts)


def _of_counts(wanted: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    return [
        f"{name}: {found.get(name, 0):,} counted, {wanted.get(name, 0):,} by the fold"
        for name in sorted({*wanted, *found})
        if found.get(name, 0) != wanted.get(name, 0)
    ]
