"""The servers under the faults: a broker for all scenes, a Redis for each, both to be stopped, killed and started again."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import apache_kafka

from kenko.embedded.broker import TRIAL_BROKER_SETTINGS, tansu_server
from kenko.embedded.errors import StartError
from kenko.embedded.ports import LOOPBACK
from kenko.embedded.process import ServerProcess
from kenko.embedded.redis import redis_server

# Linux ends a server with the thread that started it: one that outlasts every scene's event loop.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="servers")


STARTS = 3
"""A broker that must recover its log on a busy machine may need longer than one start is waited for."""


def start(server: ServerProcess) -> None:
    for left in reversed(range(STARTS)):
        try:
            _starter.submit(server.start).result()
        except StartError:
            if not left:
                raise
        else:
            return


@dataclass
class Broker:
    server: ServerProcess
    directory: Path
    settings: dict[str, str]
    keeps: bool
    """It comes back with its log; the trial broker comes back empty."""

    @property
    def name(self) -> str:
        return self.server.name

    @property
    def url(self) -> str:
        return f"kafka://{LOOPBACK}:{self.server.port}"

    def close(self) -> None:
        self.server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def start_broker() -> Broker:
    """Apache Kafka where Java and Maven are, else the trial broker."""
    directory = Path(tempfile.mkdtemp(prefix="kenko-faults-"))
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is not None and maven is not None:
        apache_kafka.fetch(maven)
        server = apache_kafka.kafka_server(directory, java=java)
        broker = Broker(server, directory, {"KENKO_KAFKA_REPLICATION": "1"}, keeps=True)
    else:
        broker = Broker(tansu_server(directory), directory, dict(TRIAL_BROKER_SETTINGS), keeps=False)
    start(broker.server)
    return broker


def start_redis(directory: Path) -> ServerProcess:
    """AOF every second, no eviction."""
    server = redis_server(directory)
    start(server)
    return server
