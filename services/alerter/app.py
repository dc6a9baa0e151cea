"""The alerter, put together: a Faust agent that decides and records, and a dispatcher for each receiver."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from kenko.delivery.client import GuardedClient
from kenko.runtime.clock import Clock, SystemClock
from kenko.runtime.errors import ConfigurationError, KenkoError
from kenko.runtime.health import CheckResult, Probes
from kenko.runtime.lifecycle import Stop
from kenko.runtime.logging import get_logger
from kenko.runtime.ops_server import OpsServer
from kenko.store.alerts_keys import AlertKeys
from kenko.store.alerts_redis import RedisAlertStore
from kenko.store.checks import check_redis
from kenko.store.client import AnyRedis, connect
from kenko.store.fitness import refuse_unsafe
from kenko.stream.app import KenkoApp, build_app, raw_topic, run_app
from kenko.stream.producer import KafkaOutput
from kenko.stream.topics import ensure_topics, more_than_set
from schemas.topics import Topic
from services.alerter.confirmer import Confirmer
from services.alerter.dispatcher import Dispatcher
from services.alerter.handler import TransitionHandler
from services.alerter.lanes import Lanes
from services.alerter.log_time import LogTime
from services.alerter.metrics import AlerterMetrics
from services.alerter.outlast import Outlast
from services.alerter.partitions import Partitions
from services.alerter.receivers import configured_receivers
from services.alerter.record_in import RecordIn
from services.alerter.sender import Sender
from services.alerter.settings import SERVICE, AlerterSettings

GROUP = "kenko-alerter"
DRAIN_S = 16.0
"""A whole try and its record."""
OUTBOX_LOOK_S = 5.0

_log = get_logger(__name__)


class Watch:
    """Looks at the outboxes now and then: a gauge, and the proof that Redis answers."""

    def __init__(self, partitions: Partitions, metrics: AlerterMetrics) -> None:
        self._partitions = partitions
        self._metrics = metrics
        self._trouble = "not asked yet"

    async def run(self) -> None:
        while True:
            try:
                self._metrics.waiting(await self._partitions.outbox())
                self._trouble = ""
            except KenkoError as error:
                self._trouble = str(error)
            await asyncio.sleep(OUTBOX_LOOK_S)

    def redis(self) -> CheckResult:
        return CheckResult(ok=not self._trouble, reason=self._trouble)

    def assigned(self) -> CheckResult:
        return CheckResult(ok=self._partitions.assigned, reason=f"{len(self._partitions.owned)} partitions")


async def serve(settings: AlerterSettings, stop: Stop) -> None:
    """Run until `stop` is requested."""
    clock: Clock = SystemClock()
    async with AsyncExitStack() as stack:
        redis = connect(settings.redis_url.get_secret_value())
        stack.push_async_callback(redis.aclose)
        client = GuardedClient(allow_private=settings.dangerous_allow_private_receivers)
        await stack.enter_async_context(client)
        output = KafkaOutput(settings, client_id=GROUP)
        stack.push_async_callback(output.stop)

        receivers = configured_receivers(settings, client, clock)
        names = tuple(receiver.name for receiver in receivers)
        metrics = AlerterMetrics(receiver.kind for receiver in receivers)
        if not receivers:
            _log.warning(
                "alerter.no_receiver", mend="set KENKO_WEBHOOK_URL and KENKO_WEBHOOK_SECRET, or KENKO_SLACK_WEBHOOK_URL"
            )
        if settings.dangerous_allow_private_receivers:
            _log.warning("alerter.private_receivers_allowed")

        disabled: dict[str, str] = {}
        partitions = Partitions(partial(_open_store, settings, redis), names, clock, disabled=disabled, metrics=metrics)
        dispatchers = [
            Dispatcher(
                receiver,
                partitions.owned,
                Sender(receiver, clock, jitter=random.random, disabled=disabled, metrics=metrics),
                clock,
            )
            for receiver in receivers
        ]

        def recorded(partition: int) -> None:
            for dispatcher in dispatchers:
                dispatcher.wake(partition)

        handler = TransitionHandler(
            policy=settings.policy(names),
            stores=partitions.store,
            log_time=LogTime(settings.time, clock),
            clock=clock,
            output=output,
            dead_letter_topic=settings.topic(Topic.DEAD_LETTERS),
            recorded=recorded,
            metrics=metrics,
        )
        confirmer = Confirmer(handler, clock, metrics)
        watch = Watch(partitions, metrics)
        probes = Probes(
            live={"loop": lambda: CheckResult(ok=True)},  # that it answers shows that the loop turns
            ready={"assigned": watch.assigned, "redis": watch.redis},
        )
        ops = OpsServer(service=SERVICE, port=settings.ops_port, host=settings.ops_host, probes=probes)
        await ops.start()
        stack.push_async_callback(ops.stop)

        await _unless_stopped(stop, _servers(settings, redis, Outlast(metrics)))
        if stop.requested:
            return
        app = build_app(GROUP, settings)
        _wire(app, settings, confirmer, partitions)
        beside = [watch.run(), partitions.run(recorded), confirmer.run()]
        work = [dispatcher.run() for dispatcher in dispatchers] + beside
        try:
            async with _beside(stop, work):
                await run_app(app, stop)
        finally:
            await asyncio.gather(*(dispatcher.drain(DRAIN_S) for dispatcher in dispatchers))


@asynccontextmanager
async def _beside(stop: Stop, work: Iterable[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run `work` for as long as the block lasts. Where some of it fails, the process is asked to stop, and fails."""

    def look(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("alerter.task_failed", exc_info=error)
            stop.request("task_failed")

    tasks = [asyncio.create_task(part) for part in work]
    for task in tasks:
        task.add_done_callback(look)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for error in results:
        if isinstance(error, Exception):
            raise error


def _wire(app: KenkoApp, settings: AlerterSettings, confirmer: Confirmer, partitions: Partitions) -> None:
    topic = settings.topic(Topic.TRANSITIONS)

    @app.agent(raw_topic(app, topic), name="on_transition")  # type: ignore[untyped-decorator]
    async def on_transition(stream: Any) -> None:
        lanes = Lanes()
        try:
            async for event in stream.noack().events():
                # Crash before the acknowledgement: read and decided again, and found to be a DUPLICATE.
                record = _record_of(event.message)
                await lanes.take(record.key, partial(confirmer.take, record, event.ack))
        finally:
            await lanes.close()

    def ours(assigned: Iterable[Any]) -> list[int]:
        return [tp.partition for tp in assigned if tp.topic == topic]

    @app.on_partitions_revoked.connect  # type: ignore[untyped-decorator]
    async def on_revoked(_app: KenkoApp, revoked: Iterable[Any], **_: Any) -> None:
        partitions.revoke(ours(revoked))
        confirmer.drop(ours(revoked))

    @app.on_partitions_assigned.connect  # type: ignore[untyped-decorator]
    async def on_assigned(_app: KenkoApp, assigned: Iterable[Any], **_: Any) -> None:
        mine = ours(assigned)
        partitions.assign(mine)
        _log.info("alerter.partitions_assigned", partitions=sorted(mine))


def _record_of(message: Any) -> RecordIn:
    return RecordIn(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers=tuple(message.headers or ()),
        timestamp_ms=round((message.timestamp or 0) * 1000),
    )


def _open_store(settings: AlerterSettings, redis: AnyRedis, partition: int) -> RedisAlertStore:
    if partition >= settings.partitions:  # somebody added some while we run
        raise ConfigurationError(more_than_set(settings.topic(Topic.TRANSITIONS), settings.partitions, partition))
    return RedisAlertStore(redis, AlertKeys(partition, settings.partitions, settings.redis_prefix))


async def _servers(settings: AlerterSettings, redis: AnyRedis, outlast: Outlast) -> None:
    """Wait for Redis and Kafka.

    Raises:
        ConfigurationError: this Redis can lose alerts, or a topic has another number of partitions.
    """
    findings = await outlast("redis", partial(check_redis, redis))
    refuse_unsafe(findings, allowed=settings.dangerous_allow_unsafe_redis)
    for finding in findings:
        _log.warning("alerter.redis_unfit", check=finding.check, severity=finding.severity, finding=str(finding))
    await outlast("kafka", partial(_make_topics, settings))


async def _make_topics(settings: AlerterSettings) -> None:
    await ensure_topics(
        settings.kafka_url,
        partitions=settings.partitions,
        replication=settings.kafka_replication,
        prefix=settings.topic_prefix,
        client_id=GROUP,
    )


async def _unless_stopped(stop: Stop, work: Coroutine[Any, Any, None]) -> None:
    """`work`, or less of it if the process is asked to stop meanwhile."""
    task, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not task.done():
        task.cancel()
    await asyncio.gather(task, stopped, return_exceptions=True)
    if not task.cancelled():
        task.result()
