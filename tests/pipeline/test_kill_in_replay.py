"""The whole service, killed while it works: the result is that of a run that nobody disturbed."""

import asyncio
import base64
import gzip
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

import pytest

from kenko.backtest.event_source import open_source
from kenko.backtest.live import LiveState
from kenko.backtest.replay import Pace
from kenko.cli.demo_run import DemoPlan, run_demo
from kenko.cli.local_stack import LocalStack, StackOptions
from kenko.cli.model_file import read_model
from kenko.cli.receiver import url_of
from kenko.embedded.ports import free_port

CRM = Path(__file__).parents[2] / "examples" / "crm"
EVENTS = 15_000
HOUR_MS = 3_600_000
SECRET = "whsec_" + base64.b64encode(b"a secret of the tests, 32 bytes!").decode()

pytestmark = pytest.mark.timeout(420)


@pytest.fixture
def events(tmp_path):
    """The first months of the CRM sample: some ten accounts enter red in them."""
    path = tmp_path / "events.jsonl"
    with gzip.open(CRM / "events.jsonl.gz", "rt") as lines:
        path.write_text("".join(islice(lines, EVENTS)))
    return path


@pytest.fixture
def stack(fresh_backend, monkeypatch, tmp_path):
    for name, value in {**fresh_backend.environ(), "KENKO_PARTITIONS": "4"}.items():
        monkeypatch.setenv(name, value)
    port = free_port()
    environ = {
        "KENKO_WEBHOOK_URL": url_of(port),
        "KENKO_WEBHOOK_SECRET": SECRET,
        "KENKO_DANGEROUS_ALLOW_PRIVATE_RECEIVERS": "true",
        # A short one: the dead worker's partitions are given away only after it.
        "KENKO_KAFKA_SESSION_TIMEOUT_S": "6",
    }
    options = StackOptions(model=CRM / "model.yaml", time="log", environ=environ, private=True, home=tmp_path / "home")
    with LocalStack(options) as started:
        started.receiver_port = port
        yield started


@asynccontextmanager
async def killer(stack, model, name, at):
    """Kills the service each time the scorer has applied so many records, and starts it again at once."""
    kills = []

    async def watch():
        async with LiveState(stack.settings(), model) as live:
            for applied in at:
                before = await _until_applied(live, applied)
                stack.service(name).kill()
                kills.append(before)
                stack.service(name).start()

    task = asyncio.create_task(watch())
    try:
        yield kills
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _until_applied(live, records):
    while True:
        applied = await _applied(live)
        if applied >= records:
            return applied
        await asyncio.sleep(0.02)


async def _applied(live):
    return sum(fence.offset for fence in (await live.fences()).values() if fence is not None)


@pytest.mark.parametrize("name", ["scorer", "alerter"])
async def test_a_service_killed_in_mid_replay_changes_no_score_and_doubles_no_alert(stack, events, name):
    model = read_model(CRM / "model.yaml")
    source = open_source(events)
    plan = DemoPlan(source, model, Pace(interval_ms=6 * HOUR_MS), stack.receiver_port, SECRET)
    at = [EVENTS // 4, EVENTS // 2]
    async with killer(stack, model, name, at) as kills:
        result = await run_demo(stack, plan)
        async with LiveState(stack.settings(), model) as live:
            total = await _applied(live)
    assert len(kills) == len(at)
    assert all(applied < total for applied in kills), "a kill after the end hits nothing"
    assert result.whole
    assert result.events == EVENTS
    repeats = [line for line in result.differences if line.endswith("should be 1, is 2")]
    # Killed between a receiver's 2xx and its record, the alerter says it once more, under the same id. Nothing else may
    # say anything twice.
    assert len(repeats) <= (len(kills) if name == "alerter" else 0)
    assert [line for line in result.differences if line not in repeats] == []
    assert sum(not history.suppressed for history in result.histories) >= 5
