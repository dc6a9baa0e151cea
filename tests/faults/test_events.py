"""What comes in is repeated, late, hot, poisoned (F8, F9, F12, F13, F14)."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from harness.scene import PARTITIONS

from kenko.dialects.cloudevents import encode_event
from kenko.engine.partitioning import murmur2_partition
from kenko.stream.dead_letter import dead_letter_record
from kenko.stream.memory_log import MemoryRecord
from kenko.stream.producer import OutRecord
from schemas.dead_letter import DeadLetter, DeadLetterReason
from schemas.topics import Topic

pytestmark = pytest.mark.timeout(900)


async def under_load(scene):
    scene.scorer("scorer-0")
    scene.alerter()
    await scene.all_ready()
    scene.load.start()
    await scene.moves_on()


async def test_f8_one_id_a_thousand_times(scene):
    """Over two workers, a rebalance and a kill; and one id with two bodies, of which the first counts."""
    await under_load(scene)
    (event,) = scene.load.events(1, moods=0)
    other = event.model_copy(update={"event": "Something Else"})
    second = scene.scorer("scorer-1")
    for number in range(20):
        if number == 10:
            await scene.until(second.ready, "the second worker ready")
            second.kill()
            scene.scorer("scorer-1")
        await scene.load.send([event] * 50)
    await scene.load.send([other])
    recovery = await scene.catches_up()
    row = await scene.finish(
        "F8 one id 1,000 times, and once with another body", injected=1001, hit=1001, recovery_s=recovery
    )
    assert row.duplicates == 1000
    assert row.applied == row.accepted - 1000


async def test_f9_late_shuffled_and_from_the_future(scene, chance):
    """History that is not marked as such: shuffled over 20 days, a year old, and two hours ahead."""
    await under_load(scene)
    events = scene.load.events(10_000, moods=0)
    days = [chance.random() * 20 for _ in events]
    shuffled = [e.model_copy(update={"time": e.time - timedelta(days=d)}) for e, d in zip(events, days, strict=True)]
    old = [e.model_copy(update={"time": e.time - timedelta(days=365)}) for e in scene.load.events(500, moods=0)]
    ahead = [e.model_copy(update={"time": e.time + timedelta(hours=2)}) for e in scene.load.events(500, moods=0)]
    everything = [*shuffled, *old, *ahead]
    chance.shuffle(everything)
    for at in range(0, len(everything), 1000):
        await scene.load.send(everything[at : at + 1000])
    recovery = await scene.catches_up()
    counts = await scene.counts()
    row = await scene.finish(
        "F9 late, shuffled, old and future events",
        injected=len(everything),
        hit=len(everything),
        recovery_s=recovery,
        note="500 too late, 500 dead-lettered as from the future",
    )
    assert counts["too_late"] == 500
    assert counts["dead_lettered.in_the_future"] == 500
    assert row.applied == row.accepted - 1000


async def test_f12_one_account_sends_more_than_half_of_all_events(scene):
    """Whoever is told, is told of other accounts: how much later than before, the note says."""
    await under_load(scene)
    await scene.moves_on(2000)
    begun, hot = len(scene.receiver.tries), 0
    usual_ms = scene.receiver.p99_ms(begun // 3)  # the first ones wait for the start
    for _ in range(40):
        events = [e.model_copy(update={"account_id": "account-hot"}) for e in scene.load.events(400, moods=0)]
        await scene.load.send(events)
        hot += len(events)
        await asyncio.sleep(0.1)  # a rate, not a burst
    hot_ms = scene.receiver.p99_ms(begun)
    recovery = await scene.catches_up()
    await scene.finish(
        "F12 a hot account",
        injected=hot,
        hit=hot,
        recovery_s=recovery,
        note=f"p99 from tick to receiver of the others {hot_ms} ms, {usual_ms} ms before",
    )


def poison():
    """Keys that belong where they are sent, and values that nobody can read."""
    key = b"account-1"
    home = murmur2_partition(key, PARTITIONS)
    return home, [(key, b"\xff\x00"), (key, None), (None, b"\xff"), (key, b"{" * 900_000), (key, b"{}")]


async def test_f13_poison(scene):
    """First in the log, in the middle, a thousand in a row; null values and keys; nearly a megabyte."""
    home, kinds = poison()
    topic = scene.topic(Topic.USAGE_EVENTS)

    async def send(number):
        records = [OutRecord(topic, *kinds[n % len(kinds)], (), home) for n in range(number)]
        for at in range(0, number, 100):
            await scene.output.send(records[at : at + 100])

    await send(len(kinds))
    await under_load(scene)
    await scene.output.send([OutRecord(topic, b"account-1", b"\xff", (), home)] * 1000)
    await scene.moves_on()
    await send(3 * len(kinds))
    recovery = await scene.catches_up()
    injected = 4 * len(kinds) + 1000
    row = await scene.finish("F13 poison", injected=injected, hit=injected, recovery_s=recovery)
    letters = [r for records in (await scene.read(Topic.DEAD_LETTERS)).values() for r in records]
    places = [(d.partition, d.offset) for d in (DeadLetter.from_headers(list(r.headers)) for r in letters)]
    assert len(set(places)) == len(places) == injected
    assert row.applied == row.accepted


async def limit_letters(scene, size):
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.settings.kafka_servers)
    await admin.start()
    try:
        resource = ConfigResource(
            ConfigResourceType.TOPIC, scene.topic(Topic.DEAD_LETTERS), configs={"max.message.bytes": str(size)}
        )
        await admin.alter_configs([resource])
    finally:
        await admin.close()


async def test_f14_no_dead_letter_is_taken(scene):
    """It stops rather than drops: the process ends, and goes on from the fence once the topic takes letters again."""
    if not scene.broker.keeps:
        pytest.skip("the trial broker knows no limit of a topic: only Apache Kafka can show this")
    await under_load(scene)
    await limit_letters(scene, 50)
    home, kinds = poison()
    topic = scene.topic(Topic.USAGE_EVENTS)
    await scene.output.send([OutRecord(topic, *kind, (), home) for kind in kinds])
    (scorer,) = scene.of("scorer")
    code = await asyncio.to_thread(scorer.process.wait, 60)
    assert code == 1, scorer.end_of_log()
    assert await scene.read(Topic.DEAD_LETTERS) == {p: [] for p in range(PARTITIONS)}
    await limit_letters(scene, 1_048_588)
    scene.scorer("scorer-0")
    recovery = await scene.catches_up()
    await scene.finish(
        "F14 the dead-letter topic takes nothing",
        injected=len(kinds),
        hit=len(kinds),
        recovery_s=recovery,
        note="the scorer ended with code 1 and went on from the fence",
    )
    letters = [r for records in (await scene.read(Topic.DEAD_LETTERS)).values() for r in records]
    assert len(letters) == len(kinds)


async def test_f14_dead_letters_are_sent_again_twice(scene):
    """Good events that an earlier version gave up: the first time each counts, the second time none does."""
    await under_load(scene)
    events = scene.load.events(50, moods=0)
    topic, letters = scene.topic(Topic.USAGE_EVENTS), scene.topic(Topic.DEAD_LETTERS)
    for number, event in enumerate(events):
        record = encode_event(event)
        home = murmur2_partition(record.key, PARTITIONS)
        stood = MemoryRecord(topic, home, 10**7 + number, 0, record.key, record.value, record.headers)
        reason = DeadLetterReason.TOO_LARGE
        letter = dead_letter_record(
            stood, letters, reason=reason, message="too large", app="scorer", source_topic=topic
        )
        await scene.output.send([letter])
    environ = {**{k: v for k, v in os.environ.items() if not k.startswith("KENKO_")}, **scene.environ()}
    command = [sys.executable, "-m", "kenko.cli", "dlq", "retry", "--reason", "too_large"]
    for _ in range(2):
        ran = await asyncio.to_thread(
            subprocess.run, command, env=environ, cwd=scene.directory, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "50 records sent" in ran.stdout
        scene.load.accepted += [event.id for event in events]
    recovery = await scene.catches_up()
    row = await scene.finish("F14 dead letters sent again twice", injected=100, hit=100, recovery_s=recovery)
    assert row.duplicates == 50
