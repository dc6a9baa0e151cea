"""`kenko dlq` and `kenko tail` as a person runs them."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from kenko.cli.app import app
from kenko.cli.doctor.ask_log import ask_letters
from kenko.cli.local_info import read_info
from kenko.dialects.cloudevents import decode_record, encode_event, encode_tick
from kenko.engine.partitioning import murmur2_partition
from kenko.model import load_model
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings
from kenko.store.client import connect
from kenko.store.keys import model_part
from kenko.store.reader import StateReader
from kenko.stream.browser import TopicBrowser
from kenko.stream.dead_letter import dead_letter_record
from kenko.stream.producer import KafkaOutput, OutRecord
from kenko.stream.topics import ensure_topics
from schemas.base import from_ms
from schemas.dead_letter import DeadLetter, DeadLetterReason
from schemas.topics import Topic
from schemas.usage_event import UsageEvent

from .conftest import MODEL, PARTITIONS, START_S, until

EVENTS, LETTERS = Topic.USAGE_EVENTS, Topic.DEAD_LETTERS
LOG_OF_USERS = [(1, "acme", "ann"), (2, "other", "bo"), (3, "third", None)]


@pytest.fixture
def settings(backend, monkeypatch, tmp_path):
    """Of a set-up with topics and nothing in them; the commands find it by the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("KENKO_")]:
        monkeypatch.delenv(name)
    for name, value in {**backend.fresh().environ(), "KENKO_PARTITIONS": str(PARTITIONS), "COLUMNS": "200"}.items():
        monkeypatch.setenv(name, value)
    found = Settings()
    asyncio.run(ensure_topics(found.kafka_url, partitions=PARTITIONS, prefix=found.topic_prefix))
    return found


def kenko(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def write(settings, *records):
    async def sent():
        output = KafkaOutput(settings, client_id="test")
        try:
            return await output.send(records)
        finally:
            await output.stop()

    return asyncio.run(sent())


def read(settings, topic):
    async def found():
        async with TopicBrowser(settings, settings.topic(topic)) as browser:
            return [record async for record in browser.read(await browser.bounds())]

    return asyncio.run(found())


def usage(n, account="acme", **more):
    return UsageEvent(id=f"e{n}", account_id=account, event="Login", time=from_ms(1_780_000_000_000), **more)


def letter_of_scorer(settings, encoded, message="time: is wrong", *, partition=None, reason="invalid"):
    """As a scorer writes it for a record that stood at offset 7."""
    record = SimpleNamespace(
        key=encoded.key, value=encoded.value, headers=encoded.headers, partition=partition or 0, offset=7
    )
    return dead_letter_record(
        record,
        settings.topic(LETTERS),
        reason=DeadLetterReason(reason),
        message=message,
        app="scorer",
        source_topic=settings.topic(EVENTS),
    )._replace(partition=partition)


def letter_of_ingest(settings, body, message, reason="invalid", **came):
    error = DeadLetter(reason=DeadLetterReason(reason), message=message, app="ingest", **came)
    value = body if isinstance(body, bytes) else json.dumps(body).encode()
    return OutRecord(settings.topic(LETTERS), None, value, error.headers(), 0)


def test_ls_shows_the_newest_and_counts_all_by_reason(settings):
    assert kenko("dlq", "ls").stdout == "0 dead letters\n"
    write(
        settings,
        letter_of_ingest(settings, {"a": 1}, "account_id: is required"),
        letter_of_ingest(settings, b"\x1b[2J", "is not JSON \x1b[31m", "undecodable"),
        letter_of_scorer(settings, encode_event(usage(1)), partition=2),
        OutRecord(settings.topic(LETTERS), b"k", b"v", (), 1),
    )
    listed = kenko("dlq", "ls").stdout
    assert re.search(
        r"^0:0 +\S+ \S+  invalid  account_id: is required  ingest  never reached a topic$", listed, re.MULTILINE
    )
    assert re.search(rf"^2:0 .* time: is wrong  scorer  {re.escape(settings.topic(EVENTS))} 2:7$", listed, re.MULTILINE)
    assert "3 dead letters\n  invalid: 2\n  undecodable: 1\n" in listed
    assert "1 record among them that Kenko did not write" in listed
    assert "\x1b" not in listed
    limited = kenko("dlq", "ls", "--reason", "invalid", "--limit", "1", "--since", "1h").stdout
    assert "2 dead letters, the newest 1 shown" in limited
    assert len(re.findall(r"^\d:\d", limited, re.MULTILINE)) == 1


def test_show_prints_headers_and_bytes_and_steers_no_terminal(settings):
    encoded = encode_event(usage(1))
    nasty = encoded._replace(value=b"\xff\xfe\x1b[2J", headers=[*encoded.headers, ("trace\x1b", b"\x00\xff")])
    write(settings, letter_of_scorer(settings, nasty, partition=1), letter_of_ingest(settings, {"a": "é"}, "no"))
    shown = kenko("dlq", "show", "1:0").stdout
    for line in (
        "reason   invalid",
        f"stood    {settings.topic(EVENTS)} 1:7",
        "key      acme",
        "  ce_type: Login",
        "  trace\\x1b: 0x00ff",
        "value    6 bytes",
    ):
        assert line in shown
    assert f"  00000000  {'ff fe 1b 5b 32 4a':<48} ...[2J" in shown
    assert "kenko.error" not in shown
    assert "\x1b" not in shown
    assert "key      none" in kenko("dlq", "show", "0:0").stdout


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["show", "0:99"], 1, "No dead letter stands at 0:99"),
        (["show", "9:0"], 1, "No dead letter stands at 9:0"),
        (["show", "7"], 2, "PARTITION:OFFSET"),
        (["retry"], 2, "Which?"),
        (["retry", "0:0", "--all"], 2, "Which?"),
        (["retry", "0:0", "--since", "1h"], 2, "--since goes with"),
        (["retry", "0:99"], 1, "No dead letter stands at 0:99. Nothing was sent."),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_change(settings, args, code, says):
    result = kenko("dlq", *args)
    assert result.exit_code == code
    assert says in result.output


def test_retry_sends_what_can_be_sent_and_says_what_cannot(settings):
    good, bad = encode_event(usage(1)), encode_event(usage(2))._replace(key=None)
    write(
        settings,
        letter_of_scorer(settings, good),
        letter_of_scorer(settings, bad, partition=1),
        letter_of_ingest(settings, {"id": "e3", "account_id": "b", "event": "Login"}, "event: was not known"),
        letter_of_ingest(settings, {"id": "e4", "event": "Login"}, "account_id: is required"),
    )
    dry = kenko("dlq", "retry", "--all", "--dry-run")
    assert "3 records would be sent" in dry.stdout
    assert read(settings, EVENTS) == []
    sent = kenko("dlq", "retry", "--all")
    assert sent.exit_code == 0
    assert "3 records sent, and acknowledged" in sent.stdout
    assert "1 of them will come back as dead letters, for they are still bad:\n" in sent.stdout
    assert "key: is null: it must be the account id" in sent.stdout
    assert re.search(
        r"1 cannot be sent again:\n  0:\d  it never reached a topic, .*account_id: is required", sent.stdout
    )
    found = read(settings, EVENTS)
    assert {(r.key, r.partition) for r in found} == {
        (b"acme", murmur2_partition(b"acme", PARTITIONS)),
        (b"b", murmur2_partition(b"b", PARTITIONS)),
        (None, 1),
    }
    first = next(r for r in found if r.key == b"acme")
    assert decode_record(first.key, first.value, first.headers, first.timestamp) == usage(1)
    assert not [name for r in found for name, _ in r.headers if name.startswith("kenko.error.")]
    assert len(read(settings, LETTERS)) == 4


def test_retry_takes_the_named_ones_or_those_of_a_reason(settings):
    write(
        settings,
        letter_of_scorer(settings, encode_event(usage(1)), partition=2),
        letter_of_scorer(settings, encode_event(usage(2)), partition=2, reason="in_the_future"),
        letter_of_ingest(settings, b"{no", "is not JSON", "undecodable"),
    )
    assert "1 record sent" in kenko("dlq", "retry", "2:1").stdout
    assert [dict(r.headers)["ce_id"] for r in read(settings, EVENTS)] == [b"e2"]
    assert "1 record sent" in kenko("dlq", "retry", "--reason", "invalid", "--since", "1h").stdout
    assert sorted(dict(r.headers)["ce_id"] for r in read(settings, EVENTS)) == [b"e1", b"e2"]
    hopeless = kenko("dlq", "retry", "0:0")
    assert (hopeless.exit_code, "is not strict JSON" in hopeless.stdout) == (1, True)


def test_doctor_counts_them_by_source(settings):
    unattributed = {"reason": "unattributed", "dialect": "segment"}
    write(
        settings,
        letter_of_scorer(settings, encode_event(usage(1, source="crm"))),
        letter_of_scorer(settings, encode_event(usage(2))._replace(headers=[])),
        letter_of_ingest(settings, {}, "no account", **unattributed, source="web"),
        letter_of_ingest(settings, {}, "no account", **unattributed),
        OutRecord(settings.topic(LETTERS), b"k", b"v", (), 1),
    )
    found = asyncio.run(ask_letters(settings, SystemClock().now_ms()))
    assert found.by_source == {
        ("crm", "invalid"): 1,
        ("unknown", "invalid"): 1,
        ("web", "unattributed"): 1,
        ("segment", "unattributed"): 1,
    }
    assert (found.by_reason.total(), found.without_account) == (5, 2)


def test_retry_learns_from_the_log_whose_users_are_in_which_account(settings):
    def call(n, user, **more):
        body = {"type": "track", "messageId": f"m{n}", "userId": user, "event": "Seen", **more}
        came = {"dialect": "segment", "path": "/v1/batch", "source": "app", "backfill": n == 2}
        return letter_of_ingest(settings, body, "no account: send groupId", "unattributed", **came)

    write(
        settings,
        *(as_record(settings, usage(n, account, user_id=user, source="app")) for n, account, user in LOG_OF_USERS),
        call(1, "ann"),
        call(2, "bo"),
        call(3, "nobody"),
        call(4, None),
        letter_of_ingest(settings, {"type": "identify", "userId": "ann"}, "wrong", dialect="segment", source="app"),
    )
    blind = kenko("dlq", "retry", "--reason", "unattributed", "--dry-run")
    assert "0 records would be sent" in blind.stdout
    assert "4 of these stay unattributed: --learn 7d looks for their users" in blind.stdout
    done = kenko("dlq", "retry", "--all", "--learn", "1h")
    assert done.exit_code == 0
    for line in (
        "3 users without an account: 2 of them found in the log\n",
        "2 records sent, and acknowledged\n",
        "1 letter of persons alone: nothing is written for them\n",
        "2 cannot be sent again:\n",
        "2 of these stay unattributed: see whether the log of more days",
    ):
        assert line in done.stdout
    log = [decode_record(r.key, r.value, r.headers, r.timestamp) for r in read(settings, EVENTS)]
    found = {event.id: (event.account_id, event.backfill) for event in log if event.id.startswith("m")}
    assert len(log) == len(LOG_OF_USERS) + 2
    assert found == {"m1": ("acme", False), "m2": ("other", True)}
    shown = kenko("dlq", "show", "0:1").stdout
    assert "came     segment, /v1/batch, source app, history\n" in shown


def test_a_letter_that_is_sent_twice_counts_once(up, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("KENKO_")]:
        monkeypatch.delenv(name)
    settings = Settings(**read_info().settings())
    now = usage(1).model_copy(update={"time": from_ms(SystemClock().now_ms())})
    still_bad = encode_event(usage(2))._replace(key=None)
    write(settings, letter_of_scorer(settings, encode_event(now)), letter_of_scorer(settings, still_bad, partition=1))

    async def counts():
        model = load_model(MODEL.read_text())
        client = connect(settings.redis_url.get_secret_value())
        try:
            name = model_part(model.name, model.state_hash)
            fences = await StateReader(client, model=name, partitions=PARTITIONS, prefix=settings.redis_prefix).fences()
        finally:
            await client.aclose()
        total = Counter()
        for fence in fences.values():
            total.update(fence.counts if fence else {})
        return total

    assert "1 of them will come back" in kenko("dlq", "retry", "--all").stdout
    until(lambda: asyncio.run(counts())["applied"] == 1, "the event is not applied")
    until(lambda: len(read(settings, LETTERS)) == 3, "the bad one does not come back")
    again = kenko("dlq", "retry", "--all")
    assert "2 records sent, and acknowledged\n1 letter of the same records: sent once" in again.stdout
    until(lambda: asyncio.run(counts())["duplicate"] == 1, "the repeat is not counted")
    assert asyncio.run(counts())["applied"] == 1


class Following:
    """`kenko tail` in a process of its own, until Ctrl-C."""

    def __init__(self, folder, *args):
        self.out = folder / "tail.out"
        self.err = folder / "tail.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kenko.cli", "tail", *args], cwd=folder, stdout=out, stderr=err
            )

    def lines(self, number):
        """Its lines, once there are so many."""
        until(
            lambda: self.out.read_text().count("\n") >= number or self.process.poll() is not None,
            "tail does not print",
        )
        return self.out.read_text().splitlines()

    def stop(self):
        """Its exit code and what it said of errors."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(START_S), self.err.read_text()


@pytest.fixture
def follow(tmp_path):
    started = []

    def start(*args):
        started.append(Following(tmp_path, *args))
        return started[-1]

    yield start
    for following in started:
        if following.process.poll() is None:
            following.process.kill()
            following.process.wait()


def as_record(settings, event):
    key, value, headers = encode_event(event)
    return OutRecord(settings.topic(EVENTS), key, value, headers)


def test_tail_follows_events_and_ctrl_c_ends_it(settings, follow):
    write(settings, as_record(settings, usage(1, user_id="ann")))
    following = follow("--since", "10m")
    assert following.lines(1) == ["2026-05-28 20:26:40  acme  Login  api  user"]
    tick = encode_tick(1_780_000_000_000, source="kenko/scorer", id="t")
    write(
        settings,
        OutRecord(settings.topic(EVENTS), tick.key, tick.value, tick.headers, 0),
        OutRecord(settings.topic(EVENTS), b"acme", b"no event", (), 0),
        as_record(settings, usage(2, account="sh\u202eop", source="日本")),
    )
    assert following.lines(2)[1:] == ["2026-05-28 20:26:40  sh\\u202eop  Login  日本"]
    assert following.stop() == (0, "")


def test_tail_shows_one_account_as_json_with_users(settings, follow):
    write(settings, as_record(settings, usage(1)), as_record(settings, usage(2, account="b", user_id="ann")))
    following = follow("--since", "10m", "--json", "--account", "b", "--users")
    (line,) = following.lines(1)
    assert json.loads(line) == {
        "time": "2026-05-28T20:26:40Z",
        "account_id": "b",
        "event": "Login",
        "source": "api",
        "id": "e2",
        "has_user": True,
        "user_id": "ann",
    }
    assert following.stop() == (0, "")


def test_tail_of_what_is_rejected(settings, follow):
    write(settings, letter_of_ingest(settings, {"account_id": "other"}, "event: is required"))
    write(settings, letter_of_ingest(settings, {"account_id": "b"}, "id: is \x1b required"))
    following = follow("--rejected", "--since", "10m", "--account", "b")
    (line,) = following.lines(1)
    assert re.fullmatch(r"0:1 +\S+ \S+  invalid  id: is \\x1b required  ingest  never reached a topic", line)
    assert following.stop() == (0, "")


def test_tail_without_kafka_says_so(settings, monkeypatch):
    monkeypatch.setenv("KENKO_KAFKA_URL", "kafka://127.0.0.1:1")
    result = kenko("tail")
    assert result.exit_code == 1
    assert "Kafka" in result.output
