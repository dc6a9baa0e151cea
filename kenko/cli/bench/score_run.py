"""One log of `kenko bench score`: written, read bare, scored, folded, compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from kenko.cli.bench.agreement import differences, fold_log
from kenko.cli.bench.bare_consumer import Read, read_all
from kenko.cli.bench.peer import STOCK_FAUST, Peer, run_peer
from kenko.cli.bench.scoring import Scored, score_all
from kenko.cli.bench.step_bar import StepBar
from kenko.cli.bench.zipf_log import LogRecords, ZipfLog
from kenko.cli.local_stack import LocalStack
from kenko.model import HealthModel
from kenko.runtime.garbage import collect_garbage_rarely
from kenko.runtime.settings import Settings
from kenko.store.client import connect
from kenko.store.keys import PartitionKeys, model_part
from kenko.store.reader import StateReader
from kenko.store.redis_partition import RedisPartitionStore
from kenko.stream.producer import KafkaOutput, OutRecord
from kenko.stream.topics import ensure_topics
from schemas.topics import Topic
from schemas.usage_event import UsageEvent

WRITTEN_AT_ONCE: Final = 20_000


class ScorePlan(NamedTuple):
    """What is measured."""

    events: int
    accounts: int
    tick_every: int
    stock_events: int
    """That stock Faust counts; 0: it is left out."""
    broker: str
    """What a broker is called that the environment names."""


class Result(NamedTuple):
    """What came out."""

    line: dict[str, Any]
    differences: list[str]


async def run_log(stack: LocalStack, model: HealthModel, plan: ScorePlan, bar: StepBar) -> Result:
    """Everything that is compared reads the same records, one after the other, so nobody takes a core from another."""
    given = stack.settings()
    name = f"tick-{plan.tick_every}"
    settings = given.model_copy(
        update={"topic_prefix": f"{given.topic_prefix}{name}.", "redis_prefix": f"{given.redis_prefix}-{name}"}
    )
    environ = {
        **stack.environ(),
        "KENKO_TOPIC_PREFIX": settings.topic_prefix,
        "KENKO_REDIS_PREFIX": settings.redis_prefix,
    }
    log = ZipfLog(plan.events, plan.accounts, plan.tick_every)
    ends = await _write(settings, log, bar.stage(f"{name}: writing the log"))
    collect_garbage_rarely()  # as the scorer does
    read = await read_all(settings, ends, bar.stage(f"{name}: a bare consumer"))
    client = connect(settings.redis_url.get_secret_value())
    try:
        part = model_part(model.name, model.state_hash)
        state = StateReader(client, model=part, partitions=settings.partitions, prefix=settings.redis_prefix)
        scored = await score_all(
            environ, stack.info.logs / f"scorer-{name}.log", state, ends, bar.stage(f"{name}: the scorer")
        )
        peer = await _stock_faust(settings, plan, bar.stage(f"{name}: stock Faust"))
        fold = fold_log(log, model, settings.partitions, bar.stage(f"{name}: the fold"))
        keys = [PartitionKeys(part, p, settings.partitions, settings.redis_prefix) for p in range(settings.partitions)]
        stores = [RedisPartitionStore(client, key) for key in keys]
        accounts = {account_id async for account_id in state.all_accounts()}
        wrong = await differences(fold, stores, accounts, bar.stage(f"{name}: comparing"))
    finally:
        await client.aclose()
    line = {
        "bench": "score",
        "broker": plan.broker if "KENKO_KAFKA_URL" in stack.given else "embedded",
        "partitions": settings.partitions,
        "events": plan.events,
        "accounts": plan.accounts,
        "accounts_seen": len(accounts),
        "tick_every": plan.tick_every,
        **_compared(plan.events, scored, read, peer),
        "left_out": _left_out(plan, peer),
        "evaluated": fold.counts["evaluated"],
        "transitions": fold.counts["transitions"],
        "differences": len(wrong),
    }
    return Result(line, [f"{name}: {text}" for text in wrong])


async def _write(settings: Settings, log: ZipfLog, report: Callable[[float], None]) -> dict[int, int]:
    """Write the log; where each of its partitions ends."""
    await ensure_topics(
        settings.kafka_url,
        partitions=settings.partitions,
        replication=settings.kafka_replication,
        prefix=settings.topic_prefix,
    )
    records = LogRecords(settings.topic(Topic.USAGE_EVENTS), settings.partitions)
    output = KafkaOutput(settings, client_id="kenko-bench")
    await output.start()
    try:
        waiting: list[OutRecord] = []
        written = 0
        for step in log.steps():
            waiting += records.of(step)
            written += isinstance(step, UsageEvent)
            if len(waiting) >= WRITTEN_AT_ONCE:
                await output.send_in_order(waiting)
                waiting = []
                report(written / log.events)
        await output.send_in_order(waiting)
    finally:
        await output.stop()
    return records.ends


async def _stock_faust(settings: Settings, plan: ScorePlan, report: Callable[[float], None]) -> Peer | None:
    wanted = min(plan.stock_events, plan.events - 1)  # the clock starts at the first one
    if not wanted or not STOCK_FAUST.is_file():
        return None
    server, topic = settings.kafka_servers[0], settings.topic(Topic.USAGE_EVENTS)
    session_s = str(settings.kafka_session_timeout_s)
    peer = await run_peer(STOCK_FAUST, server, topic, str(wanted), str(settings.partitions), session_s)
    report(1.0)
    return peer


def _compared(events: int, scored: Scored, read: Read, peer: Peer | None) -> dict[str, float | None]:
    """Rates, and ratios by the clock and by the processor time of the process that is measured."""
    return {
        "rate": round(events / scored.seconds),
        "limit_rate": round(events / read.seconds),
        "ratio_to_limit": round(read.seconds / scored.seconds, 3),
        "cpu_rate": round(events / scored.cpu_seconds),
        "cpu_limit_rate": round(events / read.cpu_seconds),
        "cpu_ratio_to_limit": round(read.cpu_seconds / scored.cpu_seconds, 3),
        "stock_faust_events": None if peer is None else peer.events,
        "stock_faust_rate": None if peer is None else round(peer.events / peer.seconds),
        "ratio_to_stock_faust": None
        if peer is None
        else round(events / scored.seconds * peer.seconds / peer.events, 1),
        "cpu_ratio_to_stock_faust": None
        if peer is None
        else round(events / scored.cpu_seconds * peer.cpu_seconds / peer.events, 1),
    }


def _left_out(plan: ScorePlan, peer: Peer | None) -> list[str]:
    found = ["quix streams: no peer of it is written"]
    if peer is None:
        found.append("stock faust: " + ("not asked for" if not plan.stock_events else "no benchmarks/peers here"))
    return found
