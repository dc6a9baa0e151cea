"""Kafka or Redis away in the middle of a replay: everybody waits, goes on, and the result is as if nothing had been."""

import asyncio
import os
import signal
from contextlib import asynccontextmanager

import pytest

from kenko.backtest.event_source import open_source
from kenko.backtest.live import LiveState
from kenko.backtest.replay import Pace
from kenko.cli.demo_run import DemoPlan, run_demo

pytestmark = pytest.mark.timeout(420)


@pytest.fixture
def servers(fresh_backend):
    if fresh_backend.stack is None:
        pytest.skip("given servers are left alone")
    return fresh_backend.stack


async def _until_not_ready(stack, name):
    while await asyncio.to_thread(stack.service(name).ready):
        await asyncio.sleep(0.1)


async def _stall_broker(servers, stack):
    os.kill(servers.broker.pid, signal.SIGSTOP)
    try:
        await _until_not_ready(stack, "ingest")
    finally:
        os.kill(servers.broker.pid, signal.SIGCONT)


async def _stall_redis(servers, stack):
    os.kill(servers.redis.pid, signal.SIGSTOP)
    try:
        await _until_not_ready(stack, "scorer")
    finally:
        os.kill(servers.redis.pid, signal.SIGCONT)


async def _restart_redis(servers, stack):
    await asyncio.to_thread(servers.redis.stop)
    await _until_not_ready(stack, "scorer")
    await asyncio.to_thread(servers.redis.start)


async def _kill_redis(servers, stack):
    await asyncio.to_thread(servers.redis.kill)
    await asyncio.to_thread(servers.redis.start)


@asynccontextmanager
async def fault(inflict, servers, stack, model, at, until_applied):
    """Inflicts the fault once, when the scorer has applied so many records."""
    hit = []

    async def watch():
        async with LiveState(stack.settings(), model) as live:
            hit.append(await until_applied(live, at))
        await inflict(servers, stack)
        hit.append("over")

    task = asyncio.create_task(watch())
    try:
        yield hit
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    "inflict", [_stall_broker, _stall_redis, _restart_redis, _kill_redis], ids=lambda f: f.__name__.strip("_")
)
async def test_a_server_that_goes_and_comes_back_changes_nothing(
    inflict, servers, stack, events, crm, until_applied, applied
):
    plan = DemoPlan(
        open_source(events.path), crm, Pace(interval_ms=events.interval_ms), stack.receiver_port, stack.secret
    )
    async with fault(inflict, servers, stack, crm, events.count // 3, until_applied) as hit:
        result = await run_demo(stack, plan)
        async with LiveState(stack.settings(), crm) as live:
            total = await applied(live)
    assert hit[1:] == ["over"]
    assert hit[0] < total, "a fault after the end hits nothing"
    assert result.whole
    assert result.events == events.count
    assert result.differences == ()
    assert sum(not history.suppressed for history in result.histories) >= 5
