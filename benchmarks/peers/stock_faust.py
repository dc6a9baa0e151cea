"""The stock way of counting uses in Faust: an agent with a hopping-window table, 7 days long, a step of a day.

A program of its own, so that nothing of Kenko is loaded:

    python stock_faust.py HOST:PORT TOPIC EVENTS PARTITIONS SESSION_S

It reads the first so many events of a topic of usage events and prints one JSON line with what that took. `kenko bench score`
runs it.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import faust


def main() -> None:
    """Count, and print what that took. It is ended from outside."""
    server, name, wanted, partitions = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    session_s = float(sys.argv[5])
    app = faust.App(
        f"stock-faust-{uuid4().hex[:8]}",
        broker=f"kafka://{server}",
        store="memory://",
        topic_partitions=partitions,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=session_s,
        broker_heartbeat_interval=session_s / 3,
        web_enabled=False,
    )
    topic = app.topic(name, key_type=bytes, key_serializer="raw", value_serializer="json")
    uses = app.Table("uses", default=int, key_type=str, partitions=partitions).hopping(
        timedelta(days=7), timedelta(days=1), expires=timedelta(days=7)
    )

    @app.agent(topic)
    async def count(stream: Any) -> None:
        counted, started, cpu_started = 0, 0.0, 0.0
        async for event in stream.events():
            if event.key is None:  # a tick
                continue
            uses[event.key.decode()] += 1
            counted += 1
            if counted == 1:  # from here on: joining a group is not counting
                started, cpu_started = time.perf_counter(), time.process_time()
            elif counted > wanted:
                took = {"events": wanted, "seconds": time.perf_counter() - started}
                print(json.dumps({**took, "cpu_seconds": time.process_time() - cpu_started}), flush=True)
                break

    worker = faust.Worker(app, quiet=True, loglevel="error", redirect_stdouts=False)
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
