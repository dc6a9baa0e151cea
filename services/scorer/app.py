"""The scorer, put together: Faust brings batches, one runner a partition applies them, Redis holds the state."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from prometheus_client import REGISTRY
from prometheus_client.registry import CollectorRegistry

from kenko.engine.scorer import Scorer
from kenko.model import HealthModel
from kenko.model.limits import HOUR_MS
from kenko.runtime.clock import Clock, SystemClock
from kenko.runtime.errors import ConfigurationError
from kenko.runtime.garbage import collect_garbage_rarely
from kenko.runtime.lifecycle import Stop
from kenko.runtime.logging import get_logger
from kenko.runtime.ops_server import OpsServer
from kenko.store.checks import check_redis
from kenko.store.client import AnyRedis, connect
from kenko.store.fitness import refuse_unsafe
from kenko.store.keys import PartitionKeys, model_part, shadow_part
from kenko.store.keyspaces import live_models
from kenko.store.reader import StateReader
from kenko.store.rebuild_redis import RedisRebuildStore
from kenko.store.redis_partition import RedisPartitionStore
from kenko.store.succession_redis import RedisSuccession
from kenko.stream.app import KenkoApp, StreamFailedError, build_app, run_app
from kenko.stream.cut_over import LiveSeat
from kenko.stream.log import FaustLog
from kenko.stream.patience import Patience, PatientOutput, PatientStore
from kenko.stream.plan import RunnerPlan
from kenko.stream.producer import KafkaOutput
from kenko.stream.reader import PartitionReader
from kenko.stream.runner import PartitionRunner
from kenko.stream.seat import Seat
from kenko.stream.shadow import ShadowSeat
from kenko.stream.snapshots import SnapshotPlan, Snapshots
from kenko.stream.source_watch import USUAL_WATCH, SourceWatch, WatchPlan
from kenko.stream.state_records import StateTopic
from kenko.stream.state_topic import KafkaStateSource
from kenko.stream.ticks import TickWriter
from kenko.stream.topics import Cluster, ensure_topics, log_id, more_than_set
from kenko.stream.watchdog import Watchdog
from schemas.topics import Topic
from services.scorer.handler import add_agent
from services.scorer.health import ScorerHealth, watch_redis
from services.scorer.metrics import ScorerMetrics
from services.scorer.settings import ScorerSettings
from services.scorer.shadow import ShadowWatch

NAME: Final = "kenko-scorer"

_log = get_logger(__name__)


class ScorerService:
    """One scorer process."""

    def __init__(
        self,
        settings: ScorerSettings,
        model: HealthModel,
        *,
        clock: Clock | None = None,
        registry: CollectorRegistry = REGISTRY,
        watching: WatchPlan = USUAL_WATCH,
    ) -> None:
        self._watching = watching
        self._settings = settings
        self._model = model
        self._scorer = Scorer(model)
        self._keyspace = model_part(model.name, model.state_hash)
        self._clock = clock or SystemClock()
        self._metrics = ScorerMetrics(registry)
        self._registry = registry
        self._patience = Patience(self._metrics)
        self._background = Patience(self._metrics)  # for what no runner waits for
        self._health = ScorerHealth()
        self._watchdog = Watchdog(self._clock)
        self._topic = settings.topic(Topic.USAGE_EVENTS)
        self._output = KafkaOutput(settings, client_id=NAME)
        # Apart from the outputs: a tick must not wait behind a long list of transitions.
        self._tick_output = KafkaOutput(settings, client_id=f"{NAME}-ticks")
        # Apart too: a set of snapshots is a long list.
        self._state_output = KafkaOutput(settings, client_id=f"{NAME}-snapshots")
        self._outputs = (self._output, self._tick_output, self._state_output)
        self._redis: AnyRedis = connect(settings.redis_url.get_secret_value())
        self._failed = asyncio.Event()
        self._failure: Exception | None = None

    async def run(self, stop: Stop) -> None:
        """Until `stop` is requested; then commit what is applied, leave the group, and return.

        Raises:
            ConfigurationError: a person has to change something.
            StreamFailedError: Faust gave up.
            Exception: what a runner could not go on from. The process must be started again; nothing is lost.
        """
        ops = OpsServer(
            service="scorer",
            host=self._settings.ops_host,
            port=self._settings.ops_port,
            probes=self._health.probes(),
            registry=self._registry,
        )
        await ops.start()
        try:
            connected = asyncio.create_task(self._connect(), name="scorer.connect")
            if await _first(connected, stop.wait()):
                await self._serve(connected.result(), stop)
        except StreamFailedError as error:
            raise self._failure or error from error
        finally:
            await self._close()
            await ops.stop()
        if self._failure is not None:
            raise self._failure

    async def _connect(self) -> Cluster:
        """Wait for Redis and Kafka, for as long as it takes: waiting is alive, just not ready.

        Raises:
            ConfigurationError: this Redis can lose state, or a topic has another number of partitions.
        """
        settings = self._settings
        findings = await self._patience.outlast("redis", lambda: check_redis(self._redis))
        refuse_unsafe(findings, allowed=settings.dangerous_allow_unsafe_redis)
        for finding in findings:
            _log.warning("scorer.redis_unfit", check=finding.check, severity=finding.severity, finding=str(finding))
        cluster = await self._patience.outlast(
            "kafka",
            lambda: ensure_topics(
                settings.kafka_url,
                partitions=settings.partitions,
                replication=settings.kafka_replication,
                prefix=settings.topic_prefix,
                client_id=NAME,
            ),
        )
        for output in self._outputs:
            await self._patience.outlast("kafka", output.start)
        return cluster

    async def _serve(self, cluster: Cluster, stop: Stop) -> None:
        settings = self._settings
        app: KenkoApp
        if settings.shadow:
            self._keyspace = await self._patience.outlast("redis", self._shadow_keyspace)
        name = f"{NAME}-shadow-{self._keyspace}" if settings.shadow else NAME
        reader = PartitionReader(
            self._topic,
            lambda partition: self._runner(app, cluster, partition),
            self._metrics,
            position_limit_s=settings.kafka_session_timeout_s / 2,
        )
        app = build_app(name, settings, batched=reader, instance_id=settings.group_instance_id)
        add_agent(app, self._topic, reader)
        self._health.reader = reader
        _log.info(
            "scorer.started",
            model=self._model.name,
            score_hash=self._model.score_hash,
            time=settings.time,
            shadow=settings.shadow,
        )
        collect_garbage_rarely()
        ended = Stop()
        faust = asyncio.create_task(run_app(app, ended), name="scorer.faust")
        helpers = [asyncio.create_task(watch_redis(self._redis, self._health), name="scorer.redis_watch")]
        ticks = self._ticks(reader)
        if settings.shadow:
            watch = ShadowWatch(
                reader=reader,
                succession=lambda partition: self._succession(cluster, partition),
                clock=self._clock,
                found=self._metrics.shadowed,
            )
            helpers.append(asyncio.create_task(watch.run(), name="scorer.shadow_watch"))
        elif settings.time == "wall":  # in log time a silence in the log is the replay's, nobody's fault
            self._health.ticks = ticks
            helpers.append(asyncio.create_task(ticks.run(), name="scorer.ticks"))
            helpers.append(asyncio.create_task(self._source_watch(reader).run(), name="scorer.sources"))
        watchdog = self._watchdog
        watchdog.start()
        helpers.append(asyncio.create_task(self._tell(app, reader, ticks), name="scorer.watchdog"))
        asked = [asyncio.create_task(stop.wait()), asyncio.create_task(self._failed.wait())]
        try:
            await asyncio.wait({faust, *asked, *helpers}, return_when=asyncio.FIRST_COMPLETED)
            # First commit, then leave: the next owner of a partition starts where we end.
            await reader.drain(settings.stop_grace_s / 2)
            ended.request("drained")
            await faust
            for helper in helpers:
                if helper.done():
                    helper.result()
        finally:
            watchdog.stop()
            beside = (*asked, *helpers)
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)  # or one could still be at Redis when that is closed

    def _runner(self, app: KenkoApp, cluster: Cluster, partition: int) -> PartitionRunner | None:
        settings = self._settings
        if partition >= settings.partitions:  # somebody added some while we run
            self._fail(partition, ConfigurationError(more_than_set(self._topic, settings.partitions, partition)))
            return None
        plan = RunnerPlan(
            partition=partition,
            partitions=settings.partitions,
            topic=self._topic,
            transitions_topic=settings.topic(Topic.TRANSITIONS),
            scores_topic=settings.topic(Topic.SCORES),
            dead_letters_topic=settings.topic(Topic.DEAD_LETTERS),
            log_id=self._log_id(cluster),
            copies_ticks=settings.time == "log",
            max_rows=max(1000, settings.working_set_rows // settings.partitions),
            rhythm=self._watching.rhythm,
        )
        store = RedisPartitionStore(self._redis, self._keys(partition))
        return PartitionRunner(
            plan=plan,
            scorer=self._scorer,
            store=store,
            output=self._output,
            log=FaustLog(app, self._topic, partition),
            observer=self._metrics,
            clock=self._clock,
            patience=self._patience,
            failed=self._fail,
            seat=self._seat(plan, store, self._succession(cluster, partition)),
            snapshots=self._snapshots(store),
        )

    def _snapshots(self, store: RedisPartitionStore) -> Snapshots:
        settings, keys = self._settings, store.keys
        topic = settings.topic(Topic.ACCOUNT_STATE)
        return Snapshots(
            plan=SnapshotPlan(every_ms=round(settings.snapshot_hours * HOUR_MS)),
            topic=StateTopic(topic, keys.model, keys.partition),
            scorer=self._scorer,
            store=store,
            accounts=RedisRebuildStore(self._redis, keys),
            output=self._state_output,
            source=KafkaStateSource(settings, topic, keys.partition),
            observer=self._metrics,
            clock=self._clock,
            patience=self._patience,
            background=self._background,
        )

    def _seat(self, plan: RunnerPlan, store: RedisPartitionStore, succession: RedisSuccession) -> Seat:
        if self._settings.shadow:
            return ShadowSeat(self._scorer, succession, self._patience)
        return LiveSeat(
            plan=plan,
            scorer=self._scorer,
            store=PatientStore(store, self._patience),
            output=PatientOutput(self._output, self._patience),
            succession=succession,
            observer=self._metrics,
            patience=self._patience,
        )

    def _keys(self, partition: int) -> PartitionKeys:
        return PartitionKeys(self._keyspace, partition, self._settings.partitions, self._settings.redis_prefix)

    def _log_id(self, cluster: Cluster) -> str:
        return log_id(cluster, self._topic, self._settings.partitions)

    def _succession(self, cluster: Cluster, partition: int) -> RedisSuccession:
        return RedisSuccession(self._redis, self._keys(partition), self._log_id(cluster))

    async def _shadow_keyspace(self) -> str:
        settings, model = self._settings, self._model
        live = await live_models(self._redis, settings.partitions, prefix=settings.redis_prefix)
        return shadow_part(model.name, model.state_hash, model.score_hash, set(live.values()))

    def _ticks(self, reader: PartitionReader) -> TickWriter:
        return TickWriter(
            reader=reader,
            output=self._tick_output,
            topic=self._topic,
            interval_ms=self._settings.tick_interval_ms,
            clock=self._clock,
            observer=self._metrics,
        )

    def _source_watch(self, reader: PartitionReader) -> SourceWatch:
        settings = self._settings
        states = StateReader(
            self._redis, model=self._keyspace, partitions=settings.partitions, prefix=settings.redis_prefix
        )
        return SourceWatch(
            reader=reader,
            fences=states.fences,
            output=self._tick_output,
            topic=self._topic,
            clock=self._clock,
            observer=self._metrics,
            plan=self._watching,
        )

    async def _tell(self, app: KenkoApp, reader: PartitionReader, ticks: TickWriter) -> None:
        while True:
            self._watchdog.tell(
                waiting=self._patience.waiting > 0,
                behind=reader.behind(ticks.last_offsets),
                commits=reader.commits(lambda p: app.consumer.taken(p)),  # noqa: PLW0108 - there is none before Faust starts
            )
            await asyncio.sleep(1.0)

    def _fail(self, partition: int, error: Exception) -> None:
        """A runner cannot go on: the process ends, so that it is started again or a person looks."""
        _log.error("scorer.runner_failed", partition=partition, error=repr(error), exc_info=error)
        if self._failure is None:
            self._failure = error
        self._health.failure = error
        self._failed.set()

    async def _close(self) -> None:
        for output in self._outputs:
            try:
                await output.stop()
            except Exception as error:  # noqa: BLE001 - the process ends; what is not acknowledged is repeated
                _log.warning("scorer.producer_stop_failed", error=repr(error))
        await self._redis.aclose()


async def _first(task: asyncio.Task[Any], other: Coroutine[Any, Any, None]) -> bool:
    """Whether `task` ends before `other`; the one that does not is cancelled."""
    waiting = asyncio.create_task(other)
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return task.done()
    finally:
        waiting.cancel()
        task.cancel()
