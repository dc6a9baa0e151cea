from __future__ import annotations

import json

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from kenko.alerting.episode import message_id
from kenko.alerting.outcome import DeliveryOutcome, SendError, SendStatus
from kenko.delivery.receiver import MemoryReceiver, ReceiverKind, fingerprint_of
from kenko.delivery.slack import SlackReceiver
from kenko.delivery.webhook import MAX_BODY, WebhookReceiver, body_of
from kenko.runtime.clock import ManualClock, SystemClock
from schemas.alert import AlertMessage, Notice

SECRET = "whsec_a2Vua28ta2Vua28ta2Vua28ta2Vua28tdGVzdA=="
OTHER = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItdGVzdA=="


def webhook(client, url, *secrets, clock=None):
    return WebhookReceiver(client, url, secrets or (SECRET,), clock or SystemClock())


@pytest.fixture(params=[ReceiverKind.MEMORY, ReceiverKind.WEBHOOK, ReceiverKind.SLACK])
def sender(request, client, receiver):
    """A receiver of each kind whose other side answers 200."""
    if request.param is ReceiverKind.MEMORY:
        return MemoryReceiver()
    if request.param is ReceiverKind.WEBHOOK:
        return webhook(client, receiver.url)
    return SlackReceiver(client, receiver.url, SystemClock())


async def test_every_receiver_says_who_it_is_and_delivers(sender, message):
    assert sender.name == sender.kind.value
    assert sender.fingerprint
    assert sender.concurrency >= 1
    assert await sender.deliver("id", message()) == DeliveryOutcome(SendStatus.DELIVERED, 200)


async def test_the_memory_receiver_answers_as_it_is_told(message):
    retry = DeliveryOutcome(SendStatus.RETRY, 500)
    memory = MemoryReceiver(outcomes=[retry])
    assert [(await memory.deliver("m", message())).status for _ in range(2)] == [retry.status, SendStatus.DELIVERED]
    assert (len(memory.tried), len(memory.delivered)) == (2, 1)


async def test_a_webhook_verifies_with_the_public_library(client, receiver, message):
    sent = message()
    identity = message_id(sent.data.id, sent.type)
    await webhook(client, receiver.url).deliver(identity, sent)
    (body,), (headers,) = receiver.bodies, receiver.headers
    assert Webhook(SECRET).verify(body, headers) == json.loads(body)
    assert AlertMessage.model_validate_json(body) == sent
    assert headers["webhook-id"] == identity == f"{sent.data.id}-firing"
    assert headers["Content-Type"] == "application/json"
    assert set(json.loads(body)) == {"type", "timestamp", "data"}


async def test_what_was_tampered_with_does_not_verify(client, receiver, message):
    await webhook(client, receiver.url).deliver("m1", message())
    (body,), (headers,) = receiver.bodies, receiver.headers
    flipped = bytearray(body)
    for position in range(0, len(body), 97):
        flipped[position] ^= 1
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(bytes(flipped), headers, json_parse=False)
        flipped[position] ^= 1
    for wrong in ({"webhook-id": "m2"}, {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(body, {**headers, **wrong})
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(body, headers)


@pytest.mark.parametrize("off_ms", [-301_000, 301_000])
async def test_an_old_or_early_timestamp_does_not_verify(client, receiver, message, off_ms):
    clock = ManualClock(SystemClock().now_ms() + off_ms)
    await webhook(client, receiver.url, clock=clock).deliver("m1", message())
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(receiver.bodies[0], receiver.headers[0])


async def test_during_a_rotation_either_secret_verifies(client, receiver, message):
    await webhook(client, receiver.url, SECRET, OTHER).deliver("m1", message())
    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify(receiver.bodies[0], receiver.headers[0])


async def test_a_retry_has_the_same_id_and_body(client, receiver, message):
    sender = webhook(client, receiver.url)
    receiver.behave = receiver.status(500)
    await sender.deliver("m1", message())
    receiver.behave = receiver.status(200)
    await sender.deliver("m1", message())
    assert receiver.bodies[0] == receiver.bodies[1]
    assert receiver.headers[0]["webhook-id"] == receiver.headers[1]["webhook-id"]


@pytest.mark.parametrize("inputs", [1, 50, 300])
def test_a_body_stays_below_its_limit_and_its_contributions_add_up(message, inputs):
    body = body_of(message(inputs, label="Ünicode " * 20))
    assert len(body.encode()) <= MAX_BODY
    assert AlertMessage.model_validate_json(body).data.id == message().data.id


async def test_a_message_that_cannot_be_made_to_fit_is_not_tried(client, receiver, message):
    sent = message()
    huge = sent.model_copy(update={"data": sent.data.model_copy(update={"rule": "x" * MAX_BODY})})
    outcome = await webhook(client, receiver.url).deliver("m1", huge)
    assert outcome == DeliveryOutcome(SendStatus.PERMANENT, error=SendError.TOO_LARGE)
    assert receiver.bodies == []


def test_a_webhook_without_a_secret_is_refused(client):
    with pytest.raises(ValueError, match="secret"):
        WebhookReceiver(client, "https://example.com/", (), SystemClock())


async def test_slack_gets_blocks(client, receiver, message):
    await SlackReceiver(client, receiver.url, SystemClock()).deliver("m1", message())
    payload = json.loads(receiver.bodies[0])
    assert payload["text"].startswith("Acme entered red")
    assert {block["type"] for block in payload["blocks"]} == {"header", "section", "context"}


OUTCOMES = [
    # status, headers, webhook, slack
    (200, {}, SendStatus.DELIVERED, SendStatus.DELIVERED),
    (204, {}, SendStatus.DELIVERED, SendStatus.DELIVERED),
    (301, {"Location": "http://127.0.0.1/"}, SendStatus.RETRY, SendStatus.RETRY),
    (400, {}, SendStatus.RETRY, SendStatus.PERMANENT),  # Slack: invalid_payload
    (403, {}, SendStatus.RETRY, SendStatus.RETRY),
    (404, {}, SendStatus.RETRY, SendStatus.RETRY),
    (410, {}, SendStatus.DISABLED, SendStatus.DISABLED),
    (429, {}, SendStatus.RETRY, SendStatus.RETRY),
    (500, {}, SendStatus.RETRY, SendStatus.RETRY),
]


@pytest.mark.parametrize("row", OUTCOMES)
async def test_what_a_status_means(client, receiver, message, row):
    status, headers, as_webhook, as_slack = row
    receiver.behave = receiver.status(status, headers, b"" if status == 204 else b"no")
    outcome = await webhook(client, receiver.url).deliver("m", message())
    assert (outcome.status, outcome.http_status) == (as_webhook, status)
    assert (await SlackReceiver(client, receiver.url, SystemClock()).deliver("m", message())).status is as_slack


@pytest.mark.parametrize(
    ("retry_after", "wait_ms"),
    [("7", 7000), ("999999999", 3_600_000), ("Thu, 01 Jan 1970 00:01:00 GMT", 60_000), ("x", None)],
)
async def test_a_429_says_how_long_to_wait(client, receiver, message, retry_after, wait_ms):
    receiver.behave = receiver.status(429, {"Retry-After": retry_after})
    outcome = await webhook(client, receiver.url, clock=ManualClock(0)).deliver("m", message())
    assert outcome == DeliveryOutcome(SendStatus.RETRY, 429, wait_ms, SendError.STATUS)


def test_a_fingerprint_tells_urls_apart_and_nothing_else():
    assert fingerprint_of("https://a.example/x") != fingerprint_of("https://a.example/y")
    assert len(fingerprint_of("https://a.example/x")) == 16


def test_the_end_of_an_alert_has_an_id_of_its_own():
    assert message_id("a", Notice.FIRING) != message_id("a", Notice.RESOLVED)
