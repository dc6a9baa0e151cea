"""A set-up in which all is well, to break one thing at a time."""

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections import Counter
from pathlib import Path

import pytest

from kenko.cli.doctor.facts import (
    CodecFacts,
    Facts,
    GroupFacts,
    KafkaFacts,
    KeyFacts,
    KeyFileFacts,
    LetterFacts,
    LogFacts,
    ModelFile,
    PublishedFacts,
    RedisFacts,
    SeenRecord,
    SetUp,
    StateFacts,
    TopicFacts,
)
from kenko.cli.doctor.ingest_report import IngestReport, ReportedProblem, SourceReport
from kenko.engine.partitioning import murmur2_partition
from kenko.model import load_model
from kenko.runtime.api_keys import ApiKey, Scope
from kenko.store.checks import Server
from kenko.store.port import Fence
from kenko.stream.browser import Bounds
from schemas.base import from_ms
from schemas.topics import DAY_MS, TOPICS

START_S = 120
NOW_MS = 1_800_000_000_000
PARTITIONS = 3
MODEL = Path(__file__).parents[2] / "examples" / "saas" / "model.yaml"
LOG = f"c1/kenko.usage-events.v1/{PARTITIONS}"


def event(account, partition=None, **more):
    """A record of an account as murmur2 places it."""
    key = account.encode()
    at = murmur2_partition(key, PARTITIONS) if partition is None else partition
    known = {"timestamp_ms": NOW_MS - 1000, "append_time": True, "source": "api", "tick_ms": None}
    return SeenRecord(partition=at, key=key, **{**known, **more})


def tick(ahead_ms=0):
    """A tick whose writer's clock is ahead of the broker's."""
    at = NOW_MS - 2000
    return SeenRecord(0, None, at, append_time=True, source=None, tick_ms=at + ahead_ms)


def by_crc32(account):
    """The same record as librdkafka places it by default."""
    return event(account, zlib.crc32(account.encode()) % PARTITIONS)


def server(**info):
    good = {
        "redis_version": "7.2.4",
        "aof_last_write_status": "ok",
        "used_memory": 100 * 2**20,
        "maxmemory": 1000 * 2**20,
    }
    return Server({**good, **info}, {"maxmemory-policy": "noeviction", "appendonly": "yes"})


def api_key(number=1, name="billing", scopes=(Scope.INGEST,), **more):
    """A key of the file, made a day ago, that lives without end."""
    at = from_ms(NOW_MS - DAY_MS)
    return ApiKey(id=f"{number:08x}", hash="0" * 64, name=name, scopes=scopes, created_at=at, **more)


def report(*sources):
    """What ingest answers: of each source its name, how many were accepted, and how many problems of each code."""
    return IngestReport(
        since=from_ms(NOW_MS - DAY_MS),
        sources=[
            SourceReport(
                source=name,
                accepted=accepted,
                rejected=sum(n for code, n in codes.items() if code != "unattributed"),
                unattributed=codes.get("unattributed", 0),
                problems=[ReportedProblem(code=c, count=n, last_message=f"{c} it is") for c, n in codes.items()],
            )
            for name, accepted, codes in sources
        ],
    )


@pytest.fixture
def well():
    """Facts of which no check finds anything."""
    model = load_model(MODEL.read_text())
    config = {spec.name: {**spec.config(), "min.insync.replicas": "2"} for spec in TOPICS}
    topics = {spec.name: TopicFacts(PARTITIONS, replicas=3, in_sync=3, config=config[spec.name]) for spec in TOPICS}
    fence = Fence(offset=100, log_id=LOG, now_ms=NOW_MS - 10_000)
    return Facts(
        now_ms=NOW_MS,
        set_up=SetUp(
            partitions=PARTITIONS,
            replication=3,
            topic_prefix="",
            time="wall",
            kafka="b:9092",
        ),
        kafka=KafkaFacts("c1", 3, topics),
        log=LogFacts(
            dict.fromkeys(range(PARTITIONS), Bounds(0, 100)), [*(event(f"a{n}") for n in range(30)), tick()], 300
        ),
        letters=LetterFacts(Counter(), without_account=0, left_unread=0, by_source=Counter()),
        group=GroupFacts("kenko-scorer", 2, dict.fromkeys(range(PARTITIONS), 100)),
        published=PublishedFacts("saas", model.score_hash),
        redis=RedisFacts([server()]),
        state=StateFacts("saas-1", dict.fromkeys(range(PARTITIONS), fence), []),
        model_file=ModelFile(MODEL, ()),
        model=model,
        keys=KeyFacts("production", [43]),
        key_file=KeyFileFacts(Path("keys.json"), 0o600, None),
        file_keys=[api_key()],
        codecs=CodecFacts(dict.fromkeys(("gzip", "snappy", "lz4", "zstd"))),
        ingest=report(("crm", 100, {})),
    )


def until(condition, what):
    """Returns when it holds."""
    deadline = time.monotonic() + START_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def up(fresh_backend, tmp_path):
    """`kenko up` in a folder; brings what it wrote down of itself."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KENKO_")}
    environ = {**clean, **fresh_backend.environ(), "KENKO_PARTITIONS": str(PARTITIONS)}
    with (tmp_path / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "kenko.cli", "up", "--model", str(MODEL)],
            env=environ,
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
    info = tmp_path / ".kenko" / "local.json"
    until(lambda: info.exists() or process.poll() is not None, "kenko up is not ready")
    assert process.poll() is None, (tmp_path / "up.log").read_text()
    yield json.loads(info.read_text())
    process.send_signal(signal.SIGTERM)
    process.wait(60)
