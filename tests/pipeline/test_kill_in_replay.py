"""The whole service, killed while it works: the result is that of a run that nobody disturbed."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from kenko.backtest.event_source import open_source
from kenko.backtest.live import LiveState
from kenko.backtest.replay import Pace
from kenko.cli.demo_run import DemoPlan, run_demo

pytestmark = pytest.mark.timeout(420)


@asynccontextmanager
async def killer(stack, model, name, at, until_applied):
    """Kills the service each time the scorer has applied so many records, and starts it again at once."""
    kills = []

    async def watch():
        async with LiveState(stack.settings(), model) as live:
            for records in at:
                kills.append(await until_applied(live, records))
                stack.service(name).kill()
                stack.service(name).start()

    task = asyncio.create_task(watch())
    try:
        yield kills
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("name", ["scorer", "alerter"])
async def test_a_service_killed_in_mid_replay_changes_no_score_and_doubles_no_alert(
    stack, events, crm, name, until_applied, applied
):
    plan = DemoPlan(
        open_source(events.path), crm, Pace(interval_ms=events.interval_ms), stack.receiver_port, stack.secret
    )
    at = [events.count // 4, events.count // 2]
    async with killer(stack, crm, name, at, until_applied) as kills:
        result = await run_demo(stack, plan)
        async with LiveState(stack.settings(), crm) as live:
            total = await applied(live)
    assert len(kills) == len(at)
    assert all(records < total for records in kills), "a kill after the end hits nothing"
    assert result.whole
    assert result.events == events.count
    repeats = [line for line in result.differences if line.endswith("should be 1, is 2")]
    # Killed between a receiver's 2xx and its record, the alerter says it once more, under the same id. Nothing else may
    # say anything twice.
    assert len(repeats) <= (len(kills) if name == "alerter" else 0)
    assert [line for line in result.differences if line not in repeats] == []
    assert sum(not history.suppressed for history in result.histories) >= 5
