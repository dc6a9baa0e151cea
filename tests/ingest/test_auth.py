"""Who may send."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import orjson
import pytest
from pydantic import SecretStr

from kenko.runtime.api_keys import Scope
from services.ingest.auth import AuthOutcome, Keyring, presented_key

EVENT = orjson.dumps({"id": "e1", "account_id": "acme", "event": "Seen"})
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = "a-key-for-the-tests-of-ingest"


def basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer  {KEY}"},
        {"Authorization": basic(f"{KEY}:")},
        {"Authorization": basic(f"{KEY}:ignored")},
        {"X-API-Key": KEY},
    ],
)
async def test_a_key_is_taken_in_each_place(ingest, headers) -> None:
    async with ingest.session.post(
        ingest.url, data=EVENT, headers=headers | {"Content-Type": "application/json"}
    ) as got:
        assert got.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {KEY[:-1]}"},
        {"Authorization": "Bearer ключ"},
        {"Authorization": "Basic ???"},
        {"Authorization": basic(f"x:{KEY}")},
        {"Authorization": f"Digest {KEY}"},
        {"X-API-Key": "unknown"},
    ],
)
async def test_without_a_known_key_the_answer_is_always_the_same(ingest, headers) -> None:
    async with ingest.session.post(
        ingest.url, data=EVENT, headers=headers | {"Content-Type": "application/json"}
    ) as got:
        answer = await got.read()
        assert got.status == 401
        assert got.headers["WWW-Authenticate"] == 'Bearer realm="kenko"'
    async with ingest.session.post(ingest.url, data=b"", headers={"X-API-Key": "another"}) as other:
        assert await other.read() == answer
    assert ingest.sink.written == []


def test_the_outcome_tells_apart_what_the_answer_does_not() -> None:
    keyring = Keyring([SecretStr("one"), SecretStr("two")])
    assert keyring.judge(b"two", Scope.INGEST, NOW)[0] is AuthOutcome.ADMITTED
    assert keyring.judge(b"three", Scope.INGEST, NOW)[0] is AuthOutcome.UNKNOWN_KEY
    assert keyring.judge(None, Scope.INGEST, NOW)[0] is AuthOutcome.NO_KEY
    assert Keyring([]).judge(None, Scope.INGEST, NOW)[0] is AuthOutcome.ADMITTED


def test_authorization_goes_before_the_other_header() -> None:
    assert presented_key("Bearer one", "two") == b"one"
    assert presented_key(None, " two ") == b"two"
