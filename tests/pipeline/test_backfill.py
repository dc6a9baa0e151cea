"""History is loaded into the running service: scores change, and nobody is told; the same events as news are told."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from kenko.backtest.live import LiveState
from kenko.backtest.ticks import TickWriter
from kenko.cli.receiver import LocalReceiver
from kenko.dialects.cloudevents import encode_event
from kenko.stream.producer import KafkaOutput, OutRecord
from schemas.base import to_ms
from schemas.health import Zone
from schemas.topics import Topic
from schemas.usage_event import UsageEvent

pytestmark = pytest.mark.timeout(300)

END = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNTS = 12


def silent_since(account):
    """Two months ago a contract began and was used for a day."""
    begin = END - timedelta(days=60)
    for number, (name, hours) in enumerate([("subscription_started", 0), ("edit_lead", 1), ("edit_lead", 2)]):
        properties = {"mrr": 500} if number == 0 else {}
        yield UsageEvent(
            id=f"{account}-{number}",
            account_id=account,
            event=name,
            time=begin + timedelta(hours=hours),
            properties=properties,
        )


def events(kind):
    return [event for number in range(ACCOUNTS) for event in silent_since(f"{kind}-{number}")]


def run_import(stack, tmp_path):
    """`kenko import`, as a person runs it."""
    info, path = stack.info, tmp_path / "history.jsonl"
    bodies = (e.model_dump(mode="json", exclude={"received_at", "backfill"}) for e in events("history"))
    path.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    environ = os.environ | {
        "KENKO_KAFKA_URL": info.kafka_url,
        "KENKO_TOPIC_PREFIX": info.topic_prefix,
        "KENKO_PARTITIONS": str(info.partitions),
        "KENKO_KAFKA_IDEMPOTENCE": str(info.kafka_idempotence).lower(),
    }
    command = [sys.executable, "-m", "kenko.cli", "import", str(path)]
    ran = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    assert f"{3 * ACCOUNTS} events imported, 0 left out" in ran.stdout


async def write_news(stack):
    settings = stack.settings()
    output = KafkaOutput(settings, client_id="test")
    topic = settings.topic(Topic.USAGE_EVENTS)
    try:
        records = [encode_event(event) for event in events("news")]
        await output.send([OutRecord(topic, r.key, r.value, r.headers) for r in records])
    finally:
        await output.stop()


async def test_loading_history_makes_accounts_red_and_tells_nobody(stack, crm, tmp_path):
    await asyncio.to_thread(run_import, stack, tmp_path)
    await write_news(stack)
    heard = asyncio.Queue()
    async with (
        LocalReceiver(port=stack.receiver_port, secret=stack.secret, tell=heard.put_nowait) as receiver,
        LiveState(stack.settings(), crm) as live,
        TickWriter(stack.settings()) as ticks,
    ):
        for days in (0, 2, 4):  # red has to last for two days
            await ticks.write(to_ms(END) + days * 86_400_000)
        async with asyncio.timeout(120):
            told = {(await heard.get()).data.account_id for _ in range(ACCOUNTS)}
        scores = {score.account_id: score.zone for score in await live.scores()}
    assert told == {f"news-{number}" for number in range(ACCOUNTS)}
    assert scores == {f"{kind}-{number}": Zone.RED for kind in ("history", "news") for number in range(ACCOUNTS)}
    stack.service("alerter").ask_to_stop()
    stack.service("alerter").wait_stopped()
    assert set(receiver.received.times) == set(receiver.received.messages)
    assert {message.data.account_id for message in receiver.received.messages.values()} == told
