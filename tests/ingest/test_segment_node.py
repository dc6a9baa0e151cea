"""The Node and browser libraries of Segment and RudderStack, against a running ingest. Fetched with npm, as locked."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kenko.engine.partition import Outcome
from schemas.topics import Topic

pytestmark = pytest.mark.external

KEY = "a-key-for-the-tests-of-ingest"
ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "tests/external/node"
FETCHED = ROOT / ".external/node"
LOCKED = ("package.json", "package-lock.json")
EVENTS = 1000


@pytest.fixture(scope="session")
def node_path() -> str:
    """Where the libraries are: fetched unless they are there."""
    npm = shutil.which("npm")
    if npm is None:
        reason = "no Node libraries to test with, not on the PATH: npm"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    wanted = hashlib.sha256(b"".join((SCRIPTS / name).read_bytes() for name in LOCKED)).hexdigest()
    stamp = FETCHED / "locked.sha256"
    if not stamp.is_file() or stamp.read_text() != wanted:
        shutil.rmtree(FETCHED, ignore_errors=True)
        FETCHED.mkdir(parents=True)
        for name in LOCKED:
            shutil.copy(SCRIPTS / name, FETCHED / name)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        result = subprocess.run(command, cwd=FETCHED, check=False, capture_output=True, text=True)
        assert result.returncode == 0, f"npm could not fetch the libraries:\n{result.stdout}{result.stderr}"
        stamp.write_text(wanted)
    return str(FETCHED / "node_modules")


@asynccontextmanager
async def running(script: str, port: int, node_path: str, *, events=EVENTS, name="Report Exported", key=KEY, **options):
    """Node with one of the scripts, ended at the end."""
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_PATH": node_path,
        "KENKO_URL": f"http://127.0.0.1:{port}",
        "KENKO_KEY": key,
        "EVENTS": str(events),
        "NAME": name,
        **options,
    }
    process = await asyncio.create_subprocess_exec(
        "node", SCRIPTS / script, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def distinct(ingest) -> int:
    headers = (dict(record.headers) for record in ingest.sink.of(Topic.USAGE_EVENTS))
    return len({(header["ce_source"], header["ce_id"]) for header in headers})


SERVERS = {
    "segment": ("segment-node.cjs", {}, ""),
    "rudderstack-gzip": ("rudderstack-node.cjs", {}, "gzip"),
    "rudderstack-plain": ("rudderstack-node.cjs", {"GZIP": "false"}, ""),
}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("script", "options", "encoding"), SERVERS.values(), ids=SERVERS)
async def test_a_thousand_events_of_a_server_count_once_each(
    start, front, fold, node_path, script, options, encoding, status
) -> None:
    before = front(status, first=2)
    async with start(front=before) as ingest:
        async with running(script, ingest.port, node_path, **options) as process:
            said, _ = await process.communicate()
        assert (process.returncode, json.loads(said)) == (0, [])
        assert before.encodings == {encoding}
        assert distinct(ingest) == EVENTS
        assert fold(ingest) == {Outcome.APPLIED: EVENTS}
        assert ingest.sink.of(Topic.DEAD_LETTERS) == []


# In batches it stringifies all that waits at each event: a thousand at a time are beyond it.
BROWSERS = {"single": ("standard", EVENTS), "batches": ("batching", 100)}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("strategy", "events"), BROWSERS.values(), ids=BROWSERS)
async def test_the_events_of_a_page_count_once_each(
    start, front, fold, until, node_path, strategy, events, status
) -> None:
    before = front(status, first=2)
    async with (
        start(front=before) as ingest,
        running("segment-browser.cjs", ingest.port, node_path, events=events, STRATEGY=strategy),
    ):
        await until(lambda: distinct(ingest) == events)
        assert fold(ingest) == {Outcome.APPLIED: events}
        assert ingest.sink.of(Topic.DEAD_LETTERS) == []


INVALID = {
    "segment-node.cjs": "delivery_failure Error: [400] Bad Request",
    "rudderstack-node.cjs": "400 event: must not begin or end with white space",
}


@pytest.mark.parametrize(("script", "message"), INVALID.items(), ids=INVALID)
async def test_an_invalid_event_of_a_server_is_refused_once(start, front, node_path, script, message) -> None:
    before = front()
    async with start(front=before) as ingest:
        async with running(script, ingest.port, node_path, events=1, name="  ") as process:
            said, _ = await process.communicate()
        assert (process.returncode, json.loads(said)) == (0, [message])
        assert before.posts == 1
        assert ingest.sink.of(Topic.USAGE_EVENTS) == []


@pytest.mark.parametrize(("name", "key", "status"), [("  ", KEY, 400), ("Seen", "another-key", 401)])
async def test_what_a_page_sends_wrong_is_refused_once(start, front, node_path, name, key, status) -> None:
    before = front()
    async with (
        start(front=before) as ingest,
        running("segment-browser.cjs", ingest.port, node_path, events=1, name=name, key=key) as process,
    ):
        said = await process.stdout.readline()
        assert said.decode() == f"delivery_failure NonRetryableError: Non-retryable error: {status}\n"
        assert ingest.metric("kenko_ingest_requests_total", code=str(status)) == 1
        assert ingest.sink.of(Topic.USAGE_EVENTS) == []
