"""What `kenko dlq retry` makes of the letters that ingest writes: for every dialect what ingest would have written itself."""

from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import urlencode

import orjson
import pytest

from kenko.cli.dlq.again import Again, Known, Nothing, Refusal, again
from kenko.cli.dlq.letter import read_letter
from kenko.dialects.cloudevents import decode_record
from kenko.dialects.known_accounts import KnownAccounts
from kenko.runtime.clock import SystemClock
from schemas.account_traits import AccountTraits
from schemas.base import from_ms, to_ms
from schemas.topics import Topic

KEY = "a-key-for-the-tests-of-ingest"
HOUR_MS = 3_600_000
JSON = "application/json"


@pytest.fixture
def send(ingest):
    """POST to a path; brings the one letter that comes of it, as it is read from the topic."""

    async def send(path, body, content_type=JSON, **headers):
        url = f"http://127.0.0.1:{ingest.port}{path}"
        data = body if isinstance(body, (bytes, str)) else orjson.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with ingest.session.post(url, data=data, headers={"Content-Type": content_type, **named}) as response:
            await response.read()
        assert ingest.sink.of(Topic.USAGE_EVENTS) == []
        [written] = ingest.sink.of(Topic.DEAD_LETTERS)
        now_ms = SystemClock().now_ms()
        place = {"partition": 0, "offset": 0, "timestamp": now_ms}
        letter = read_letter(SimpleNamespace(**place, **written._asdict()))
        assert letter is not None
        assert KEY.encode() not in letter.value
        return letter

    return send


def retried(letter, accounts=None, after_ms=0):
    known = Known({topic.value: topic for topic in Topic}, 12, letter.written_ms + after_ms)
    return again(letter, known, KnownAccounts() if accounts is None else accounts)


def event_in(found, now_ms):
    assert isinstance(found, Again), found
    return decode_record(found.record.key, found.record.value, found.record.headers, now_ms)


SEGMENT = {"messageId": "e1", "userId": "ann", "properties": {"rows": 7}}
UNATTRIBUTED = {
    "segment, one call": ("/v1/track", {**SEGMENT, "event": "Seen", "writeKey": KEY}, {}, "Seen"),
    # Nothing but the short path of the browser says that it is a page.
    "segment, a page": ("/v1/p", {**SEGMENT, "writeKey": KEY}, {}, "Page Viewed"),
    "segment, a screen": ("/v1/screen/", {**SEGMENT, "writeKey": KEY}, {}, "Screen Viewed"),
    "segment, a batch": (
        "/v1/batch",
        {"batch": [{**SEGMENT, "type": "track", "event": "Seen"}], "writeKey": KEY},
        {},
        "Seen",
    ),
    "posthog v0": (
        "/batch/",
        {"api_key": KEY, "batch": [{"uuid": "e1", "distinct_id": "ann", "event": "Seen", "properties": {"rows": 7}}]},
        {},
        "Seen",
    ),
    "posthog, the key inside": (
        "/e/",
        {"uuid": "e1", "event": "Seen", "properties": {"distinct_id": "ann", "token": KEY, "rows": 7}},
        {},
        "Seen",
    ),
    "posthog v1": (
        "/i/v1/analytics/events",
        {"batch": [{"uuid": "e1", "distinct_id": "ann", "event": "Seen", "properties": {"rows": 7}}]},
        {"Authorization": f"Bearer {KEY}"},
        "Seen",
    ),
    "mixpanel": (
        "/track",
        [{"event": "Seen", "properties": {"distinct_id": "ann", "$insert_id": "e1", "token": KEY, "rows": 7}}],
        {},
        "Seen",
    ),
}


@pytest.mark.parametrize(("path", "body", "headers", "name"), UNATTRIBUTED.values(), ids=UNATTRIBUTED)
async def test_a_call_without_an_account_is_an_event_once_its_user_is_known(send, path, body, headers, name) -> None:
    letter = await send(path, body, **headers)
    found = retried(letter)
    assert isinstance(found, Refusal)
    assert found.unattributed
    accounts = KnownAccounts()
    accounts.note(letter.error.dialect, "ann", "acme")
    event = event_in(retried(letter, accounts), letter.written_ms)
    assert (event.id, event.account_id, event.user_id, event.event) == ("e1", "acme", "ann", name)
    assert event.source == letter.error.dialect
    assert event.properties == {"rows": 7}
    assert not event.backfill
    assert to_ms(event.time) == letter.written_ms


FUTURE_MS = SystemClock().now_ms() + 2 * HOUR_MS
FUTURE = from_ms(FUTURE_MS).isoformat()
BINARY = {"ce_specversion": "1.0", "ce_id": "e1", "ce_source": "crm", "ce_type": "Seen", "ce_subject": "acme"}
CLOUD = {"specversion": "1.0", "id": "e1", "source": "crm", "type": "Seen", "subject": "acme"}
MIXPANEL = {"event": "Seen", "properties": {"$insert_id": "e1", "time": FUTURE_MS, "account_id": "acme", "token": KEY}}
IN_THE_FUTURE = {
    "plain": ("/v1/events", {"id": "e1", "account_id": "acme", "event": "Seen", "time": FUTURE}, {"X_API_Key": KEY}),
    "cloudevents": ("/v1/events", [{**CLOUD, "time": FUTURE}], {"X_API_Key": KEY}),
    "binary": ("/v1/events", b"{}", {"X_API_Key": KEY, **BINARY, "ce_time": FUTURE}),
    "segment, history": (
        "/v1/import",
        {
            "writeKey": KEY,
            "batch": [{"type": "track", "messageId": "e1", "event": "Seen", "groupId": "acme", "timestamp": FUTURE}],
        },
        {},
    ),
    "posthog, history": (
        "/batch/",
        {
            "api_key": KEY,
            "historical_migration": True,
            "batch": [{"uuid": "e1", "event": "Seen", "timestamp": FUTURE, "properties": {"$groups": {"a": "acme"}}}],
        },
        {},
    ),
    "mixpanel": ("/track", urlencode({"data": orjson.dumps([MIXPANEL]).decode()}), {}),
    "mixpanel, history": ("/import", [MIXPANEL], {}),
}


@pytest.mark.parametrize(("path", "body", "headers"), IN_THE_FUTURE.values(), ids=IN_THE_FUTURE)
async def test_an_event_of_the_future_is_good_once_its_time_has_come(request, send, path, body, headers) -> None:
    is_batch = path == "/v1/events" and isinstance(body, list)
    form = "application/x-www-form-urlencoded" if isinstance(body, str) else JSON
    letter = await send(path, body, "application/cloudevents-batch+json" if is_batch else form, **headers)
    assert letter.error.reason == "in_the_future"
    early = retried(letter)
    assert isinstance(early, Refusal)
    assert "in the future" in early.why
    now_ms = letter.written_ms + 3 * HOUR_MS
    event = event_in(retried(letter, after_ms=3 * HOUR_MS), now_ms)
    assert (event.id, event.account_id, event.event, to_ms(event.time)) == ("e1", "acme", "Seen", FUTURE_MS)
    assert event.backfill == ("history" in request.node.callspec.id)


TRAITS = {
    "segment": (
        "/v1/group",
        {"messageId": "e1", "groupId": "acme", "timestamp": FUTURE, "traits": {"seats": 4}, "writeKey": KEY},
    ),
    "posthog": (
        "/batch/",
        {
            "api_key": KEY,
            "event": "$groupidentify",
            "timestamp": FUTURE,
            "properties": {"$group_type": "company", "$group_key": "acme", "$group_set": {"seats": 4}},
        },
    ),
    "mixpanel": (
        "/groups",
        [{"$token": KEY, "$group_key": "company", "$group_id": "acme", "$set": {"seats": 4}, "$time": FUTURE_MS}],
    ),
}


@pytest.mark.parametrize(("path", "body"), TRAITS.values(), ids=TRAITS)
async def test_what_is_known_of_an_account_is_written_too(send, path, body) -> None:
    letter = await send(path, body)
    found = retried(letter, after_ms=3 * HOUR_MS)
    assert isinstance(found, Again), found
    assert found.still_bad is None
    record = decode_record(found.record.key, found.record.value, found.record.headers, letter.written_ms + 3 * HOUR_MS)
    assert isinstance(record, AccountTraits)
    assert (record.account_id, record.traits, to_ms(record.time)) == ("acme", {"seats": 4}, FUTURE_MS)


async def test_an_update_of_a_person_that_is_good_now_is_not_an_event(send) -> None:
    letter = await send("/engage", [{"$token": KEY, "$distinct_id": "ann", "$set": {"account_id": "a\x07"}}])
    refused = retried(letter)
    assert isinstance(refused, Refusal)
    assert "account_id" in refused.why
    mended = letter._replace(value=letter.value.replace(b"\\u0007", b""))
    assert isinstance(retried(mended), Nothing)


async def test_an_event_of_mixpanel_without_a_name_is_not_taken_for_a_person(send) -> None:
    letter = await send("/track", [{"properties": {"token": KEY, "distinct_id": "ann"}}])
    found = retried(letter)
    assert isinstance(found, Refusal)
    assert "event: is required" in found.why


async def test_a_body_as_a_whole_is_still_no_event(send) -> None:
    found = retried(await send("/v1/batch", b'{"batch": 7}', X_API_Key=KEY))
    assert isinstance(found, Refusal)
    assert "type: is required" in found.why
