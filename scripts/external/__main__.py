"""Run a command with Apache Kafka and the system's Redis: `python scripts/external COMMAND [ARGUMENT…]`.

Both listen on loopback, live in a temporary directory, and end with the command. The command finds them by
KENKO_TEST_KAFKA_URL and KENKO_TEST_REDIS_URL. Where a tool is missing, the tests that need it are skipped and say why;
with CI=true that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import apache_kafka

from kenko.embedded.ports import LOOPBACK
from kenko.embedded.redis import ON_PATH, redis_server

NEEDED = {"java": ("java",), "mvn": ("mvn",), "Redis": ON_PATH}


def main() -> int:
    missing = missing_tools()
    if missing and os.environ.get("CI"):
        print(f"not on the PATH: {missing}", file=sys.stderr)
        return 1
    if missing:
        reason = f"no Apache Kafka and Redis to test against, not on the PATH: {missing}"
        return run({"KENKO_TEST_BACKEND_MISSING": reason})
    with servers() as environment:
        return run(environment)


def missing_tools() -> str:
    """Names of the tools that are not here, for the reason of a skip."""
    return ", ".join(
        f"{tool} ({' or '.join(names)})" for tool, names in NEEDED.items() if not any(map(shutil.which, names))
    )


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Both, started; and where they are."""
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is None or maven is None:
        raise FileNotFoundError("java and mvn")
    apache_kafka.fetch(maven)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kenko-external-")))
        kafka, redis = apache_kafka.kafka_server(directory, java=java), redis_server(directory)
        for server in (redis, kafka):
            server.start()
            stack.callback(server.stop)
        yield {
            "KENKO_TEST_KAFKA_URL": f"kafka://{LOOPBACK}:{kafka.port}",
            "KENKO_TEST_REDIS_URL": f"redis://{LOOPBACK}:{redis.port}/0",
        }


def run(environment: dict[str, str]) -> int:
    return subprocess.run(sys.argv[1:], check=False, env={**os.environ, **environment}).returncode  # noqa: S603  as asked


if __name__ == "__main__":
    sys.exit(main())
