"""Keys of a file, over HTTP: scopes, sources, rates, guesses, rotation while ingest runs; and who may see what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from kenko.dialects.cloudevents import decode_record
from kenko.runtime.api_keys import ApiKey, KeyFile, Scope, new_key
from kenko.runtime.clock import SystemClock
from schemas.dead_letter import DeadLetter
from schemas.topics import Topic

EVENT = {"id": "e1", "account_id": "acme", "event": "Seen"}
MADE = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Keys:
    """A keys file that a test writes as it goes."""

    def __init__(self, path) -> None:
        self.path = path
        self.entries: dict[str, ApiKey] = {}
        self.write()

    def add(self, name: str, *scopes: Scope, **more: object) -> str:
        number = len(self.entries)
        key, id_, hash_ = new_key(number.to_bytes(4, "big"), f"{number:043}")
        self.entries[key] = ApiKey(
            id=id_, hash=hash_, name=name, scopes=scopes or (Scope.INGEST,), created_at=MADE, **more
        )
        self.write()
        return key

    def change(self, key: str, **changed: object) -> None:
        self.entries[key] = self.entries[key].model_copy(update=changed)
        self.write()

    def write(self) -> None:
        self.path.write_text(KeyFile(keys=tuple(self.entries.values())).model_dump_json())


@pytest.fixture
def keys(tmp_path) -> Keys:
    return Keys(tmp_path / "keys.json")


async def ask(ingest, key: str | None, path: str = "/v1/ingest/problems"):
    headers = {} if key is None else {"X-API-Key": key}
    async with ingest.session.get(ingest.url.replace("/v1/events", path), headers=headers) as got:
        return got.status, await got.json(content_type=None)


async def test_a_key_does_what_its_scope_says_and_no_other_thing(start, keys) -> None:
    sending, reading = keys.add("app"), keys.add("support", Scope.READ)
    expired = keys.add("old", expires_at=MADE)
    revoked = keys.add("gone", revoked_at=MADE)
    async with start(ingest_keys="", keys_file=keys.path) as ingest:
        body = orjson.dumps(EVENT)
        answers = {}
        for name, key in {"app": sending, "read": reading, "old": expired, "gone": revoked, "no": "kenko_x"}.items():
            answers[name] = await ingest.post(body, X_API_Key=key)
        assert [status for status, _ in answers.values()] == [200, 401, 401, 401, 401]
        assert answers["read"] == answers["old"] == answers["gone"] == answers["no"]
        assert (await ask(ingest, reading))[0] == 200
        assert (await ask(ingest, sending))[0] == 401
        assert (await ask(ingest, None))[0] == 401


async def test_a_key_sends_for_its_sources_only(start, keys) -> None:
    key = keys.add("billing", sources=("billing", "invoices"))
    async with start(ingest_keys="", keys_file=keys.path) as ingest:
        events = [EVENT, EVENT | {"id": "e2", "source": "invoices"}, EVENT | {"id": "e3", "source": "crm"}]
        status, answer = await ingest.post(orjson.dumps(events), X_API_Key=key)
        now_ms = SystemClock().now_ms()
        kept = [decode_record(r.key, r.value, r.headers, now_ms) for r in ingest.sink.of(Topic.USAGE_EVENTS)]
        assert (status, [event.source for event in kept]) == (200, ["billing", "invoices"])
        [failed] = answer["failed_records"]
        assert (failed["index"], failed["field"], failed["code"]) == (2, "source", "forbidden_source")
        [letter] = ingest.sink.of(Topic.DEAD_LETTERS)
        assert DeadLetter.from_headers(letter.headers).source == "billing"


async def test_keys_are_rotated_while_ingest_runs(start, keys) -> None:
    old = keys.add("app")
    async with start(ingest_keys="", keys_file=keys.path) as ingest:
        new = keys.add("app")
        ingest.keys.look()
        for key in (old, new):
            assert (await ingest.post(orjson.dumps(EVENT), X_API_Key=key))[0] == 200
        keys.change(old, revoked_at=MADE + timedelta(days=1))
        ingest.keys.look()
        assert [(await ingest.post(orjson.dumps(EVENT), X_API_Key=key))[0] for key in (old, new)] == [401, 200]


async def test_who_sends_too_much_is_told_when_to_come_again_and_holds_up_nobody(start, keys) -> None:
    loud, quiet = keys.add("loud", events_per_second=1), keys.add("quiet")
    async with start(ingest_keys="", keys_file=keys.path) as ingest:
        batch = orjson.dumps([EVENT | {"id": f"e{number}"} for number in range(60)])
        assert (await ingest.post(batch, X_API_Key=loud))[0] == 200
        headers = {"X-API-Key": loud, "Content-Type": "application/json"}
        async with ingest.session.post(ingest.url, data=batch, headers=headers) as again:
            assert again.status == 429
            assert 1 <= int(again.headers["Retry-After"]) <= 60
            assert (await again.json(content_type=None))["code"] == "rate_limited"
        assert (await ingest.post(batch, X_API_Key=quiet))[0] == 200
        assert len(ingest.sink.of(Topic.USAGE_EVENTS)) == 120
        assert ingest.metric("kenko_ingest_throttled_total") == 1


async def test_guessing_is_throttled_and_a_true_key_is_not(start, keys) -> None:
    true = keys.add("app")
    async with start(ingest_keys="", keys_file=keys.path) as ingest:
        body = orjson.dumps(EVENT)
        statuses = [(await ingest.post(body, X_API_Key=f"kenko_{n:08x}_{n:x>43}"))[0] for n in range(100)]
        assert set(statuses) == {401, 429}
        assert statuses[:30] == [401] * 30
        assert statuses.count(429) >= 50  # the slower this test runs, the more of them are let through
        assert (await ingest.post(body, X_API_Key=true))[0] == 200
        assert ingest.metric("kenko_ingest_auth_total", outcome="throttled") == statuses.count(429)


async def test_what_is_wrong_is_shown_by_source_to_whom_it_concerns(start, keys) -> None:
    app, web = keys.add("app", sources=("app",)), keys.add("web", sources=("web",))
    everything, one = keys.add("ops", Scope.READ), keys.add("web team", Scope.READ, sources=("web",))
    async with start(ingest_keys="", keys_file=keys.path) as ingest:
        assert (await ask(ingest, everything))[1]["sources"] == []
        await ingest.post(orjson.dumps([EVENT, {"id": "secret-payload"}]), X_API_Key=app)
        await ingest.post(orjson.dumps(EVENT), X_API_Key=web)
        _, report = await ask(ingest, everything)
        assert [(s["source"], s["accepted"], s["rejected"]) for s in report["sources"]] == [
            ("app", 1, 1),
            ("web", 1, 0),
        ]
        [problem] = report["sources"][0]["problems"]
        assert (problem["code"], problem["count"], problem["dialect"]) == ("missing", 1, "plain")
        assert problem["last_message"] == "account_id: is required: the customer whose health is scored"
        _, report = await ask(ingest, one)
        assert [s["source"] for s in report["sources"]] == ["web"]
