"""Faust apps: the one place that names faust.App.

A service that consumes message by message (the alerter) needs no batches::

    app = build_app("kenko-alerter", settings)
    transitions = raw_topic(app, settings.topic(Topic.TRANSITIONS))

    @app.agent(transitions)
    async def on_transition(stream):
        async for event in stream.noack().events():
            message = event.message            # .key .value .headers .partition .offset, raw bytes
            ...                                # act and record; no exception may leave this body
            event.ack()                        # only now may the offset be committed

    await run_app(app, stop)                   # until `stop` is requested; raises StreamFailedError if Faust gave up

Kafka then re-delivers whatever was not acked and committed: record by id. One agent handles its messages one after the
other, so a commit never passes a message in flight. Never use `take`: it acks the whole batch when the body raises.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any, Final

import faust

from kenko.runtime.errors import KenkoError
from kenko.runtime.lifecycle import Stop
from kenko.runtime.logging import get_logger
from kenko.runtime.settings import Settings
from kenko.stream import transport
from kenko.stream.transport import BatchedTopics, NoBatchedTopics

STOP_LIMIT_S: Final = 15.0

_log = get_logger(__name__)


class StreamFailedError(KenkoError):
    """Faust gave up: the process must exit and be started again. Everything in hand is repeated."""


class KenkoApp(faust.App):  # type: ignore[misc]
    """A Faust app that knows its batched topics and keeps nothing on disk."""

    logger = logging.getLogger("faust.app")
    batched: BatchedTopics = NoBatchedTopics()
    fetch_wait_ms: int = 500

    def _create_directories(self) -> None:
        """None: there are no tables, and the container's file system may be read-only."""


def build_app(
    name: str,
    settings: Settings,
    *,
    batched: BatchedTopics | None = None,
    instance_id: str | None = None,
) -> KenkoApp:
    """An app that consumes as the group `name`.

    Args:
        name: service name; with the topic prefix before it, the consumer group.
        settings: where Kafka is, and its session timeout.
        batched: who reads which topics in batches; None = every topic message by message.
        instance_id: static group membership (a pod's stable name): a quick restart then causes no rebalance.
    """
    transport.register()
    if settings.log_level != "debug":  # some forty lines a start that say nothing about what we do
        for library in ("faust", "mode"):
            logging.getLogger(library).setLevel(logging.WARNING)
    session_s = settings.kafka_session_timeout_s
    app = KenkoApp(
        settings.topic_prefix + name,
        broker=[f"{transport.SCHEME}://{server}" for server in settings.kafka_servers],
        broker_client_id=name,
        # at_least_once only: Faust's exactly_once crashes and duplicates; our effects repeat with the same ids.
        processing_guarantee="at_least_once",
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=instance_id,
        broker_commit_interval=1.0,
        broker_max_poll_records=5000,
        broker_session_timeout=session_s,
        broker_heartbeat_interval=min(3.0, session_s / 3),
        # Must not be below the session timeout; a fence seek has to finish within half of it.
        broker_request_timeout=max(30.0, session_s),
        broker_rebalance_timeout=max(30.0, session_s),
        # A day: with more workers than partitions the idle ones would stop polling and never join again.
        broker_max_poll_interval=86_400.0,
        stream_buffer_maxsize=64,
        stream_wait_empty=False,
        producer_acks=-1,
        producer_request_timeout=30.0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        # 1, though there are no tables: with 0 Faust falls back to a round robin that ignores instance ids.
        table_standby_replicas=1,
        store="memory://",
        cache="memory://",
        # Its web server has no authentication and shows internals; ours is kenko.runtime.ops_server.
        web_enabled=False,
        worker_redirect_stdouts=False,
        autodiscover=False,
        # Slowness is ours to report (lag and watchdog); Faust's detector would only log.
        stream_processing_timeout=86_400.0,
        broker_commit_livelock_soft_timeout=86_400.0,
    )
    app.fetch_wait_ms = settings.kafka_fetch_wait_ms
    if batched is not None:
        app.batched = batched
    return app


def raw_topic(app: KenkoApp, name: str) -> Any:
    """A topic whose keys and values stay bytes, so that nothing can fail to decode inside Faust."""
    return app.topic(name, key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw")


async def run_app(app: KenkoApp, stop: Stop) -> None:
    """Run `app` until `stop` is requested, then leave the group in order.

    Raises:
        StreamFailedError: Faust crashed, or does not stop in time.
    """
    start = asyncio.create_task(app.start(), name="faust.start")
    waits = [asyncio.create_task(stop.wait()), asyncio.create_task(app._crashed.wait())]  # noqa: SLF001 - no public one
    try:
        # `start` returns after the first assignment; it ends the wait only if it failed.
        await asyncio.wait({start, *waits}, return_when=asyncio.FIRST_COMPLETED)
        if start.done() and start.exception() is None:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    crashed = app.crash_reason or (start.exception() if start.done() and not start.cancelled() else None)
    await _stop_app(app, start)
    if crashed is not None:
        raise StreamFailedError(f"Faust gave up: {crashed!r}") from crashed


async def _stop_app(app: KenkoApp, start: asyncio.Task[None]) -> None:
    start.cancel()
    try:
        async with asyncio.timeout(STOP_LIMIT_S):
            await app.stop()
    except TimeoutError:
        raise StreamFailedError(f"Faust did not stop within {math.ceil(STOP_LIMIT_S)} seconds") from None
