"""Another model in mid-stream, and everything off (F15, F17)."""

from __future__ import annotations

import asyncio

import pytest
from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient
from harness.load import MODEL
from harness.servers import start

pytestmark = pytest.mark.timeout(900)

OTHER_WEIGHTS = MODEL.replace("weight: 80", "weight: 60").replace("use: {weight: 10", "use: {weight: 30")


async def test_f15_other_weights_in_mid_stream(scene):
    """Another score hash on the same state: no crash, and no open episode is told again."""
    workers = [scene.scorer("scorer-0"), scene.scorer("scorer-1")]
    scene.alerter()
    await scene.all_ready()
    scene.load.start()
    hit = 0
    for text in (OTHER_WEIGHTS, MODEL):
        await scene.moves_on(500)
        hit += await scene.behind()
        await scene.change_model(text)
        workers = [scene.scorer(f"scorer-{number}") for number in range(2)]
        assert all(worker.running for worker in workers)
    recovery = await scene.catches_up()
    await scene.finish("F15 other weights in mid-stream", injected=2, hit=hit, recovery_s=recovery)


async def delete_groups(scene):
    """As soon as the members that died are missed."""
    admin = AdminClient({"bootstrap.servers": ",".join(scene.settings.kafka_servers)})
    groups = [scene.settings.topic_prefix + name for name in ("kenko-scorer", "kenko-alerter")]

    async def deleted() -> bool:
        futures = admin.delete_consumer_groups(groups).values()
        errors = [await asyncio.to_thread(future.exception, 30) for future in futures]
        gone = (KafkaError.NO_ERROR, KafkaError.GROUP_ID_NOT_FOUND)
        return all(error is None or error.args[0].code() in gone for error in errors)

    await scene.until(deleted, "consumer groups deleted")


async def test_f17_everything_off_and_the_consumer_groups_deleted(scene):
    """A cold start: the fences say where to go on, and nobody who was told is told again."""
    if not scene.broker.keeps:
        pytest.skip("the trial broker comes back empty: only Apache Kafka can show this")
    scene.scorer("scorer-0")
    alerter = scene.alerter()
    await scene.all_ready()
    scene.load.start()
    await scene.moves_on(500)
    (scorer,) = scene.of("scorer")
    scorer.kill()
    assert await alerter.stop() == 0
    await scene.load.send(scene.load.events(500, moods=20))
    await scene.load.stop()
    hit = await scene.behind()
    await delete_groups(scene)
    await asyncio.to_thread(scene.redis_server.stop)
    await asyncio.to_thread(scene.broker.server.stop)
    await asyncio.to_thread(start, scene.broker.server)
    await asyncio.to_thread(start, scene.redis_server)
    scene.load.start()
    scene.scorer("scorer-0")
    scene.scorer("scorer-1")
    scene.alerter()
    recovery = await scene.catches_up()
    await scene.finish(
        "F17 everything off, consumer groups deleted, cold start", injected=1, hit=hit, recovery_s=recovery
    )
