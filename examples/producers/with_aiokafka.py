"""Send usage events straight into Kafka with aiokafka: python with_aiokafka.py SERVERS TOPIC < events.jsonl"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from aiokafka import AIOKafkaProducer


def record(event: dict[str, Any]) -> dict[str, Any]:
    """The Kafka record of an event: a CloudEvent in binary mode."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event["id"],  # the same again whenever you send this event again
        "ce_source": event.get("source", "with-aiokafka"),
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


async def send(servers: str, topic: str) -> int:
    """Send the events of standard input; how many they were."""
    # aiokafka's own partitioner is murmur2: leave it as it is. A retry may write an event twice; its id says so.
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all", compression_type="zstd") as producer:
        sent = [await producer.send(topic, **record(json.loads(line))) for line in sys.stdin]
        await asyncio.gather(*sent)  # raises what Kafka did not take: send it again, with the same ids
    return len(sent)


if __name__ == "__main__":
    print(asyncio.run(send(*sys.argv[1:3])), "events sent")
