"""The local receiver takes what is signed with its secret, once an id, and nothing else."""

import json
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from standardwebhooks import Webhook

from kenko.cli.receiver import LocalReceiver, url_of
from kenko.embedded.ports import free_port
from kenko.runtime.clock import SystemClock
from schemas.alert import AlertMessage, AlertStatus, Notice
from schemas.base import from_ms
from schemas.transition import Cause

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def _body():
    at = datetime(2024, 2, 12, tzinfo=UTC)
    receipt = {"score": None, "standing": "unknown", "contributions": [], "change": {"before": None, "after": None}}
    alert = {
        "id": "a1",
        "account_id": "acme",
        "rule": "zone",
        "status": AlertStatus.FIRING,
        "zone": "red",
        "score": None,
        "score_before": None,
        "opened_at": at,
        "updated_at": at,
        "cause": Cause.PASSING_TIME,
        "title": "acme entered red",
        "reason": "No activity for 13 days.",
        "receipt": receipt,
    }
    return AlertMessage(type=Notice.FIRING, timestamp=at, data=alert).model_dump_json()


def _headers(body, *, secret=SECRET, message_id="a1-firing"):
    now_ms = SystemClock().now_ms()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now_ms // 1000),
        "webhook-signature": Webhook(secret).sign(message_id, from_ms(now_ms), body),
    }


@pytest.fixture
async def told():
    """(port, receiver, what was told)"""
    messages = []
    port = free_port()
    async with LocalReceiver(port=port, secret=SECRET, tell=messages.append) as receiver:
        yield port, receiver, messages


async def _post(port, body, headers):
    async with aiohttp.ClientSession() as session, session.post(url_of(port), data=body, headers=headers) as response:
        return response.status


async def test_a_signed_alert_is_told_once_and_counted_each_time(told):
    port, receiver, messages = told
    body = _body()
    assert [await _post(port, body, _headers(body)) for _ in range(2)] == [204, 204]
    assert [message.data.title for message in messages] == ["acme entered red"]
    assert receiver.received.times == {"a1-firing": 2}


@pytest.mark.parametrize("change", ["secret", "id", "body", "unsigned"])
async def test_what_is_not_signed_for_is_refused(told, change):
    port, receiver, messages = told
    body = _body()
    headers = _headers(body, secret=OTHER if change == "secret" else SECRET)
    if change == "id":
        headers["webhook-id"] = "another"
    if change == "unsigned":
        headers = {}
    sent = body.replace("acme", "evil") if change == "body" else body
    assert await _post(port, sent, headers) == 400
    assert (messages, len(receiver.received.refused)) == ([], 1)


async def test_a_signed_body_that_is_no_alert_is_refused(told):
    port, receiver, _ = told
    body = json.dumps({"type": "alert.firing"})
    assert await _post(port, body, _headers(body)) == 400
    assert receiver.received.refused[0].startswith("ValidationError")


def test_the_path_is_part_of_the_url():
    assert Path(url_of(80)).name == "alerts"
