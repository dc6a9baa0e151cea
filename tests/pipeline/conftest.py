"""The whole service over the first months of the CRM sample."""

import asyncio
import base64
import gzip
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest

from kenko.cli.local_stack import LocalStack, StackOptions
from kenko.cli.model_file import read_model
from kenko.cli.receiver import url_of
from kenko.embedded.ports import free_port
from schemas.usage_event import UsageEvent

CRM = Path(__file__).parents[2] / "examples" / "crm"


@dataclass(frozen=True)
class Events:
    """Some fifteen accounts enter red in them. Fewer, and they are scored before a fault can hit in the middle."""

    path: Path
    count: int = 24_000
    interval_ms: int = 6 * 3_600_000


@pytest.fixture
def events(tmp_path):
    events = Events(tmp_path / "events.jsonl")
    with gzip.open(CRM / "events.jsonl.gz", "rt") as lines:
        events.path.write_text("".join(islice(lines, events.count)))
    return events


@pytest.fixture(scope="session")
def direct_events():
    """A thousand usage events in the order of their times: the first of the sample, dealt out to 200 accounts."""
    with gzip.open(CRM / "events.jsonl.gz", "rb") as lines:
        sample = [UsageEvent.model_validate_json(line) for line in islice(lines, 1000)]
    return [e.model_copy(update={"account_id": f"direct-{n * 7 % 200}"}) for n, e in enumerate(sample)]


@pytest.fixture
def crm():
    return read_model(CRM / "model.yaml")


@pytest.fixture
def stack(fresh_backend, monkeypatch, tmp_path):
    for name, value in {**fresh_backend.environ(), "KENKO_PARTITIONS": "4"}.items():
        monkeypatch.setenv(name, value)
    port = free_port()
    secret = "whsec_" + base64.b64encode(b"a secret of the tests, 32 bytes!").decode()
    environ = {
        "KENKO_WEBHOOK_URL": url_of(port),
        "KENKO_WEBHOOK_SECRET": secret,
        "KENKO_DANGEROUS_ALLOW_PRIVATE_RECEIVERS": "true",
        # A short one: a dead worker's partitions are given away only after it.
        "KENKO_KAFKA_SESSION_TIMEOUT_S": "6",
    }
    options = StackOptions(model=CRM / "model.yaml", time="log", environ=environ, private=True, home=tmp_path / "home")
    with LocalStack(options) as started:
        started.receiver_port, started.secret = port, secret
        yield started


async def _applied(live):
    return sum(fence.offset for fence in (await live.fences()).values() if fence is not None)


async def _until_applied(live, records):
    while True:
        applied = await _applied(live)
        if applied >= records:
            return applied
        await asyncio.sleep(0.02)


@pytest.fixture
def applied():
    """Records that the scorer has applied so far."""
    return _applied


@pytest.fixture
def until_applied():
    """Waits until the scorer has applied so many records."""
    return _until_applied
