"""Where connected tests find their broker and Redis, and how hard Hypothesis tries.

- `backend`: the broker and Redis of the whole session. Use names of your own (`backend.fresh()` makes them).
- `fresh_backend`: for a test that runs services on the fixed topic names, or stops a server: a stack of its own when
  embedded, prefixes of its own on given servers.
- `redis_url`: an empty logical database.

Embedded unless KENKO_TEST_KAFKA_URL and KENKO_TEST_REDIS_URL name others; the latter's databases 1 to 15 are emptied.
A test that uses one of these is marked `connected`.
"""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings

from kenko.embedded.stack import EmbeddedStack

KAFKA_URL = "KENKO_TEST_KAFKA_URL"
REDIS_URL = "KENKO_TEST_REDIS_URL"
# Why there are no external servers, said by whoever was to start them: the connected tests are skipped by that name.
MISSING = "KENKO_TEST_BACKEND_MISSING"
CONNECTED_FIXTURES = frozenset({"backend", "fresh_backend", "redis_url"})

settings.register_profile("default", max_examples=50, deadline=None)
# One example at a time is slow on a shared machine: no deadline, and no complaint about it. Derandomized, so that a
# red build is red again.
settings.register_profile(
    "ci", max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("deep", max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# For the mutants of tests/engine/test_mutants.py: the first failure is enough, a smaller one costs minutes.
settings.register_profile(
    "mutants",
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default"))


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A broker and a Redis to test against."""

    kafka_url: str
    redis_url: str
    settings: dict[str, str] = field(default_factory=dict)
    stack: EmbeddedStack | None = None
    """The embedded servers, to be stopped and started again; None for given ones, which are left alone."""

    @property
    def embedded(self) -> bool:
        return self.stack is not None

    def environ(self) -> dict[str, str]:
        """The KENKO_* settings a service needs to use it."""
        return {"KENKO_KAFKA_URL": self.kafka_url, "KENKO_REDIS_URL": self.redis_url, **self.settings}

    def fresh(self) -> Backend:
        """The same servers with topic and key prefixes that nobody used before."""
        name = f"t{uuid.uuid4().hex[:12]}"
        return replace(
            self, settings={**self.settings, "KENKO_TOPIC_PREFIX": f"{name}.", "KENKO_REDIS_PREFIX": f"kenko-{name}"}
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if CONNECTED_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("connected")


@pytest.fixture(scope="session")
def backend() -> Iterator[Backend]:
    """The session's broker and Redis."""
    given = _given_backend()
    if given is not None:
        yield given
        return
    with EmbeddedStack() as stack:
        yield _embedded_backend(stack)


@pytest.fixture
def fresh_backend() -> Iterator[Backend]:
    """A backend nobody else uses: no topic, no key and no consumer group is there yet."""
    given = _given_backend()
    if given is not None:
        yield given.fresh()
        return
    with EmbeddedStack() as stack:
        yield _embedded_backend(stack)


# Each of several workers has databases of its own: given servers are shared by all of them.
_workers, _worker = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")), os.environ.get("PYTEST_XDIST_WORKER", "gw0")
_databases = itertools.cycle(range(1 + int(_worker.removeprefix("gw")) % _workers, 16, _workers))


@pytest.fixture
def redis_url(backend: Backend) -> str:
    """URL of an empty logical database."""
    url = f"{backend.redis_url.rsplit('/', 1)[0]}/{next(_databases)}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


def _embedded_backend(stack: EmbeddedStack) -> Backend:
    environ = stack.environ()
    return Backend(
        kafka_url=environ.pop("KENKO_KAFKA_URL"),
        redis_url=environ.pop("KENKO_REDIS_URL"),
        settings=environ,
        stack=stack,
    )


def _given_backend() -> Backend | None:
    if missing := os.environ.get(MISSING):
        pytest.skip(missing)
    kafka_url, redis_url = os.environ.get(KAFKA_URL), os.environ.get(REDIS_URL)
    if bool(kafka_url) != bool(redis_url):
        pytest.fail(f"{KAFKA_URL} and {REDIS_URL} go together: set both, or neither for the embedded ones")
    if not (kafka_url and redis_url):
        return None
    if redis_url.count("/") < 3:
        redis_url = f"{redis_url}/0"
    return Backend(kafka_url=kafka_url, redis_url=redis_url, settings={"KENKO_KAFKA_REPLICATION": "1"})
