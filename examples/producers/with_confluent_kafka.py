"""Send usage events straight into Kafka with confluent-kafka: python with_confluent_kafka.py SERVERS TOPIC < events.jsonl"""

from __future__ import annotations

import json
import sys
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

OPTIONS = {
    "acks": "all",  # a retry may write an event twice; its id says so
    # Needed: librdkafka's default is CRC32, which puts nine of ten accounts on other partitions than Kenko reads them from.
    "partitioner": "murmur2_random",
    "compression.type": "zstd",
    "linger.ms": 20,
}


def record(event: dict[str, Any]) -> dict[str, Any]:
    """The Kafka record of an event: a CloudEvent in binary mode."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event["id"],  # the same again whenever you send this event again
        "ce_source": event.get("source", "with-confluent-kafka"),
        "ce_type": event["event"],
        "ce_time": event["time"],
        "ce_subject": event["account_id"],
        "content-type": "application/json",
    }
    if "user_id" in event:
        headers["ce_userid"] = event["user_id"]
    return {
        "key": event["account_id"].encode(),  # decides the partition
        "value": json.dumps(event.get("properties", {})).encode(),
        "headers": [(name, value.encode()) for name, value in headers.items()],
    }


def send(servers: str, topic: str) -> int:
    """Send the events of standard input; how many they were."""
    producer = Producer({"bootstrap.servers": servers, **OPTIONS})
    failed: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            failed.append(error)

    sent = 0
    for line in sys.stdin:
        while True:
            try:
                producer.produce(topic, **record(json.loads(line)), on_delivery=delivered)
                break
            except BufferError:  # more waits than it holds: let it write
                producer.poll(1)
        producer.poll(0)  # calls `delivered`
        sent += 1
    producer.flush()
    if failed:
        sys.exit(
            f"Kafka did not take {len(failed)} of {sent} events, the first: {failed[0]}. Send them again, same ids."
        )
    return sent


if __name__ == "__main__":
    print(send(*sys.argv[1:3]), "events sent")
