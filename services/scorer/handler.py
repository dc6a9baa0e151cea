"""What the scorer does with what Faust brings: hand each batch to its partition's runner."""

from __future__ import annotations

from typing import Any

from kenko.stream.app import KenkoApp, raw_topic
from kenko.stream.reader import PartitionReader


def add_agent(app: KenkoApp, topic: str, reader: PartitionReader) -> None:
    """The agent never waits and never raises: Faust's supervisor would restart it and skip the batch."""

    async def usage_events(stream: Any) -> None:
        # noack: the runner acknowledges after its commit. Plain iteration would before.
        async for event in stream.noack().events():
            reader.deliver(event)

    app.agent(raw_topic(app, topic), name="usage_events")(usage_events)
