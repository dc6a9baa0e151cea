"""The broker and Redis together."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from kenko.embedded.broker import TRIAL_BROKER_SETTINGS, tansu_server
from kenko.embedded.errors import StartError
from kenko.embedded.ports import LOOPBACK
from kenko.embedded.process import ServerProcess
from kenko.embedded.redis import redis_server

Thing = TypeVar("Thing")


class EmbeddedStack:
    """A broker and a Redis on free loopback ports, both empty at each start.

    They live in a new directory under `directory`, which stays afterwards (logs, the AOF); without one, in a temporary
    directory that goes with `stop()`.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._parent = directory
        self._directory: Path | None = None
        self._broker: ServerProcess | None = None
        self._redis: ServerProcess | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def directory(self) -> Path:
        """Where this run keeps its logs and data."""
        return _started(self._directory)

    @property
    def broker(self) -> ServerProcess:
        """The broker, to be stopped, killed and started again by tests. It forgets everything."""
        return _started(self._broker)

    @property
    def redis(self) -> ServerProcess:
        """The Redis, to be stopped, killed and started again by tests. It comes back with its AOF."""
        return _started(self._redis)

    @property
    def kafka_url(self) -> str:
        return f"kafka://{LOOPBACK}:{self.broker.port}"

    @property
    def redis_url(self) -> str:
        return f"redis://{LOOPBACK}:{self.redis.port}/0"

    def environ(self) -> dict[str, str]:
        """Settings for services that use this stack: the two URLs, and what the trial broker cannot do."""
        return {"KENKO_KAFKA_URL": self.kafka_url, "KENKO_REDIS_URL": self.redis_url, **TRIAL_BROKER_SETTINGS}

    def start(self) -> None:
        """Start both and wait until both answer.

        Raises:
            MissingBinaryError: the extra `kenko[embedded]` is not installed.
            StartError: one of them does not start; the message quotes its log.
        """
        if self._directory is not None:
            raise StartError("this stack runs already")
        if self._parent is not None:
            self._parent.mkdir(parents=True, exist_ok=True)
        self._directory = Path(tempfile.mkdtemp(prefix="kenko-stack-", dir=self._parent)).resolve()
        atexit.register(self.stop)  # for a parent that ends without stopping it
        try:
            self._broker = tansu_server(self._directory)
            self._redis = redis_server(self._directory)
            self._broker.start()
            self._redis.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End what this stack started, and nothing else. May be called twice."""
        atexit.unregister(self.stop)
        for server in (self._broker, self._redis):
            if server is not None:
                server.stop()
        if self._directory is not None and self._parent is None:
            shutil.rmtree(self._directory)
        self._directory = self._broker = self._redis = None


def _started(thing: Thing | None) -> Thing:
    if thing is None:
        raise StartError("this stack has not been started")
    return thing
