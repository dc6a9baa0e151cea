"""Attacks on ingest: A1 guesses, A5 and A6 hostile names, A10 floods, A11 a request sent again.

A7 (bombs) is in test_bombs, A8 (JSON) in test_http_bodies and tests/dialects/test_generated_bodies, A9 (slow and idle
connections, oversized headers) in test_bad_input.
"""

from __future__ import annotations

import io
import json
from collections import Counter

import orjson
import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import SecretStr

from kenko.engine.partition import Outcome
from kenko.runtime.api_keys import ApiKey, KeyFile, KnownKeys, Scope, new_key
from kenko.runtime.logging import configure_logging
from schemas.base import from_ms
from schemas.topics import Topic
from services.ingest.admission import Admission
from services.ingest.answers import Refusal, refusal_body
from services.ingest.auth import Keyring
from services.ingest.metrics import IngestMetrics

NOW_MS = 1_772_362_800_000
EVENT = {"id": "e1", "account_id": "acme", "event": "Seen"}
KEY = "a-key-for-the-tests-of-ingest"
HOSTILE = (
    "a:b", "{acme}", "*", "[a-z]", "a\r\nX-Injected: 1", "a\nb", "nul\0", "\x1b[31mred", "%s%n%x", "\u202eemca", "\u0430cme",
    "a" * 10_000, "../../etc", "'; DROP TABLE accounts; --", "<script>alert(1)</script>", "\u0085", " acme", "acme\u2028",
)  # fmt: skip
"""Account ids of A5; those of them with control characters are those of A6 too."""


class StandingClock:
    """Shows the same time for ever: nothing is paid back while a test guesses."""

    def now_ms(self) -> int:
        return NOW_MS

    def monotonic(self) -> float:
        return 0.0


def guess(admission: Admission, key: bytes | None, scope: Scope = Scope.INGEST) -> Refusal:
    with pytest.raises(Refusal) as refused:
        admission.admit(key, "192.0.2.7", scope)
    return refused.value


def series(registry) -> set[str]:
    """Names and labels, without values."""
    return {line.rsplit(" ", 1)[0] for line in generate_latest(registry).decode().splitlines()}


@pytest.fixture
def log(monkeypatch):
    """What the service logs, as JSON lines."""
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    configure_logging("ingest", "debug", "json")
    yield out
    structlog.reset_defaults()


def test_a1_ten_thousand_guesses_are_told_the_same_and_throttled() -> None:
    key, id_, hash_ = new_key(b"abcd", "x" * 43)
    gone, gone_id, gone_hash = new_key(b"efgh", "y" * 43)
    at = from_ms(NOW_MS - 1_000)
    reader = ApiKey(id=id_, hash=hash_, name="support", scopes=(Scope.READ,), created_at=at)
    revoked = ApiKey(id=gone_id, hash=gone_hash, name="old", scopes=(Scope.INGEST,), created_at=at, revoked_at=at)
    known = KnownKeys(KeyFile(keys=(reader, revoked)).keys)
    metrics = IngestMetrics(registry := CollectorRegistry())
    before = series(registry)
    admission = Admission(
        Keyring([SecretStr(KEY)], lambda: known),
        StandingClock(),
        metrics,
        events_per_second=1e9,
        wrong_keys_per_second=1,
    )
    told = [guess(admission, given) for given in (None, b"wrong", gone.encode(), key.encode(), KEY[:-1].encode())]
    assert len({orjson.dumps(refusal_body(refusal)) for refusal in told}) == 1
    assert len({tuple(refusal.headers.items()) for refusal in told}) == 1
    statuses = Counter(guess(admission, b"guess-%d" % number).status for number in range(10_000))
    assert statuses == {401: 25, 429: 9_975}
    assert admission.admit(KEY.encode(), "192.0.2.7").name == "settings:0"
    assert series(registry) == before


async def test_a1_no_key_is_in_a_log_line_a_metric_or_an_answer(log, ingest) -> None:
    secret = "kenko_0badcafe_" + "s" * 43
    bodies = {
        "/v1/events": orjson.dumps(EVENT),
        "/v1/track": orjson.dumps({"event": "Seen", "writeKey": secret}),
        "/batch": orjson.dumps({"api_key": secret, "batch": [{"event": 1, "properties": {"token": secret}}]}),
        "/track": orjson.dumps({"event": "Seen", "properties": {"token": secret}}),
    }
    answers = b""
    for path, body in bodies.items():
        url = ingest.url.replace("/v1/events", path)
        for headers in ({}, {"X-API-Key": secret}, {"Authorization": f"Bearer {secret}"}):
            sent = {"Content-Type": "application/json"} | headers
            async with ingest.session.post(url, data=body, headers=sent) as response:
                assert response.status == 401
                answers += await response.read()
    async with ingest.session.get(ingest.url.replace("/v1/events", f"/track?data=[]&api_key={secret}")) as response:
        assert response.status == 401
        answers += await response.read()
    ingest.sink.away = True
    assert (await ingest.post(orjson.dumps(EVENT)))[0] == 503
    shown = answers.decode() + log.getvalue() + generate_latest(ingest.registry).decode()
    assert "ingest.write_failed" in log.getvalue()
    assert secret not in shown
    assert KEY not in shown


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
async def test_a5_and_a6_a_hostile_name_is_kept_as_it_is_or_refused_and_is_in_no_log(log, ingest, name) -> None:
    registry_before = series(ingest.registry)
    marked = f"canary-{name}-canary"
    events = [
        EVENT | {"account_id": marked},
        EVENT | {"id": "e2", "event": marked},
        EVENT | {"user_id": marked, "id": marked},
    ]
    status, answer = await ingest.post(orjson.dumps(events))
    printable = len(marked) <= 200 and not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in marked)
    assert status == (200 if printable else 400)
    records = ingest.sink.of(Topic.USAGE_EVENTS)
    assert [record.key for record in records] == ([marked.encode(), b"acme", b"acme"] if printable else [])
    ingest.sink.away = True
    assert (await ingest.post(orjson.dumps(events)))[0] == 503
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert "ingest.write_failed" in [line["event"] for line in lines]
    assert "canary" not in log.getvalue()
    assert series(ingest.registry) == registry_before
    assert all("\n" not in failed["message"] for failed in answer["failed_records"])


async def test_a5_an_account_that_is_no_utf8_is_refused(ingest) -> None:
    status, answer = await ingest.post(b'{"id":"e1","event":"Seen","account_id":"\xff\xfe"}')
    assert (status, answer["code"]) == (400, "invalid_events")


async def test_a10_a_flood_of_accounts_and_names_adds_no_series(start, fold) -> None:
    async with start(ingest_events_per_second=1e9) as ingest:
        before = series(ingest.registry)
        for number in range(0, 100_000, 5_000):
            batch = [
                {
                    "id": f"e{n}",
                    "account_id": f"account-{n}",
                    "event": f"Event {n}",
                    "source": f"source-{n}",
                    "user_id": f"u{n}",
                }
                for n in range(number, number + 5_000)
            ]
            assert (await ingest.post(orjson.dumps(batch)))[0] == 200
        assert len(ingest.sink.of(Topic.USAGE_EVENTS)) == 100_000
        assert series(ingest.registry) == before


async def test_a10_a_flood_by_one_key_is_429_with_retry_after(start) -> None:
    async with start(ingest_events_per_second=1) as ingest:
        body = orjson.dumps([EVENT | {"id": f"e{n}"} for n in range(1_000)])
        statuses = [(await ingest.post(body))[0] for _ in range(50)]
        async with ingest.session.post(ingest.url, data=body, headers={"X-API-Key": KEY}) as refused:
            assert refused.status == 429
            assert int(refused.headers["Retry-After"]) > 900  # a thousand events at one a second, less the burst
        assert statuses == [200, *[429] * 49]
        assert len(ingest.sink.of(Topic.USAGE_EVENTS)) == 1_000


SENT_AGAIN = {
    "/v1/events": EVENT,
    "/v1/track": {"messageId": "m1", "userId": "ann", "event": "Seen", "context": {"groupId": "acme"}},
    "/batch": {"batch": [{"event": "Seen", "uuid": "u1", "distinct_id": "ann", "properties": {"company_id": "acme"}}]},
    "/track": {"event": "Seen", "properties": {"$insert_id": "i1", "distinct_id": "ann", "company_id": "acme"}},
}


@pytest.mark.parametrize(("path", "body"), SENT_AGAIN.items(), ids=SENT_AGAIN)
async def test_a11_a_captured_request_sent_again_has_no_effect(ingest, fold, path, body) -> None:
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    for _ in range(20):
        url = ingest.url.replace("/v1/events", path)
        async with ingest.session.post(url, data=orjson.dumps(body), headers=headers) as response:
            assert response.status == 200
    outcomes = fold(ingest)
    assert outcomes == {Outcome.APPLIED: 1, Outcome.DUPLICATE: 19}
