"""What `make test-external` promises: the connected tests met Apache Kafka, not the trial broker, and the system's Redis."""

import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from kenko.runtime.clock import SystemClock

pytestmark = pytest.mark.external

AN_HOUR_MS = 3_600_000


async def test_the_broker_does_what_the_trial_broker_cannot(backend):
    assert not backend.embedded
    servers = backend.kafka_url.removeprefix("kafka://")
    name = f"{backend.fresh().settings['KENKO_TOPIC_PREFIX']}appended"
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        config = {"message.timestamp.type": "LogAppendTime"}
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1, topic_configs=config)])
    finally:
        await admin.close()

    before_ms = SystemClock().now_ms()
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True) as producer:
        for value in (b"1", b"2"):
            await producer.send_and_wait(name, value, timestamp_ms=before_ms - AN_HOUR_MS)
    async with AIOKafkaConsumer(bootstrap_servers=servers) as consumer:
        partition = TopicPartition(name, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        record = await consumer.getone()
        assert record.timestamp >= before_ms - AN_HOUR_MS // 2  # the broker's time, not the producer's
        assert await consumer.end_offsets([partition]) == {partition: 2}


def test_redis_is_the_systems_with_the_settings_of_the_store(backend):
    with redis.Redis.from_url(backend.redis_url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert "falkordb" not in client.info("server")["executable"]
