"""What a dead letter is sent again as, or why not."""

import json
from types import SimpleNamespace

import pytest

from kenko.cli.dlq.again import Again, Known, Nothing, Refusal, again
from kenko.cli.dlq.learning import Asking, Sightings
from kenko.cli.dlq.letter import Letter, Place, account_of, line_of, read_letter
from kenko.cli.dlq.sorting import Sorting
from kenko.dialects.cloudevents import decode_record, encode_event
from kenko.dialects.known_accounts import KnownAccounts
from kenko.engine.partitioning import murmur2_partition
from kenko.stream.dead_letter import MAX_HEADERS_BYTES, MAX_KEY_BYTES, MAX_VALUE_BYTES, dead_letter_record
from schemas.base import from_ms, to_ms
from schemas.dead_letter import DeadLetter, DeadLetterReason
from schemas.topics import Topic
from schemas.usage_event import UsageEvent

PREFIX = "shared."
EVENTS = PREFIX + Topic.USAGE_EVENTS
NOW_MS = to_ms(from_ms(1_800_000_000_000))
WRITTEN_MS = NOW_MS - 3_600_000
KNOWN = Known({PREFIX + topic: topic for topic in Topic}, 12, NOW_MS)
GOOD = encode_event(UsageEvent(id="e1", account_id="acme", event="Login", time=from_ms(NOW_MS - 7_200_000)))


def letter_of(out, place=Place(0, 0)):  # noqa: B008 - a value that nobody can change
    """As it is read from the topic."""
    record = SimpleNamespace(
        partition=place.partition,
        offset=place.offset,
        timestamp=WRITTEN_MS,
        key=out.key,
        value=out.value,
        headers=tuple(out.headers),
    )
    return read_letter(record)


def of_scorer(key=GOOD.key, value=GOOD.value, headers=tuple(GOOD.headers), topic=EVENTS):
    record = SimpleNamespace(key=key, value=value, headers=headers, partition=5, offset=17)
    out = dead_letter_record(
        record, "letters", reason=DeadLetterReason.INVALID, message="wrong", app="scorer", source_topic=topic
    )
    return letter_of(out)


def of_ingest(body, message="account_id: is required", **headers):
    error = DeadLetter(reason=DeadLetterReason.INVALID, message=message, app="ingest")
    told = [*error.headers(), *((f"kenko.error.{name}", value.encode()) for name, value in headers.items())]
    value = body if isinstance(body, bytes) else json.dumps(body).encode()
    return letter_of(SimpleNamespace(key=None, value=value, headers=told))


def test_a_record_goes_as_it_was_to_where_its_key_belongs():
    found = again(of_scorer(), KNOWN, KnownAccounts())
    assert found.record == (
        EVENTS,
        GOOD.key,
        GOOD.value,
        tuple(GOOD.headers),
        murmur2_partition(b"acme", 12),
        None,
    )
    assert found.still_bad is None


def test_headers_of_the_letter_and_of_a_forward_do_not_go_along():
    forged = ("kenko.error.topic", b"__consumer_offsets")
    more = (("traceparent", b"t"), ("kenko.forwarded.partition", b"3"), ("kenko.forwarded.offset", b"9"), forged)
    found = again(of_scorer(headers=(*GOOD.headers, *more)), KNOWN, KnownAccounts())
    assert found.record.headers == (*GOOD.headers, ("traceparent", b"t"))
    assert found.record.topic == EVENTS


def test_a_record_without_a_key_goes_back_to_its_partition_and_is_still_bad():
    found = again(of_scorer(key=None), KNOWN, KnownAccounts())
    assert found.record.partition == 5
    assert found.still_bad == "key: is null: it must be the account id"


@pytest.mark.parametrize(
    "topic", ["other." + Topic.USAGE_EVENTS, PREFIX + Topic.DEAD_LETTERS, PREFIX + Topic.ACCOUNT_STATE, "elsewhere"]
)
def test_a_topic_that_is_not_ours_to_write_is_refused(topic):
    found = again(of_scorer(topic=topic), KNOWN, KnownAccounts())
    assert isinstance(found, Refusal)
    assert "no topic of this set-up that is read" in found.why


def test_a_record_of_another_topic_is_not_judged_as_an_event():
    found = again(of_scorer(value=b"{}", topic=PREFIX + Topic.TRANSITIONS), KNOWN, KnownAccounts())
    assert (found.record.topic, found.still_bad) == (PREFIX + Topic.TRANSITIONS, None)


@pytest.mark.parametrize(
    "cut",
    [
        {"value": b"x" * (MAX_VALUE_BYTES + 1)},
        {"key": b"x" * (MAX_KEY_BYTES + 1)},
        {"headers": (("big", b"x" * MAX_HEADERS_BYTES),)},
        {"value": b"x" * (MAX_VALUE_BYTES + 1), "headers": (("big", b"x" * MAX_HEADERS_BYTES),)},
    ],
)
def test_what_was_cut_cannot_be_sent_again(cut):
    assert again(of_scorer(**cut), KNOWN, KnownAccounts()).why == "only its beginning was kept: it was too large"


def test_a_body_that_ingest_cut_cannot_be_sent_again():
    letter = of_ingest(
        b"{", message="an event is at most 32768 bytes of JSON (the first 65536 of 70000 bytes are kept)"
    )
    assert "only its beginning" in again(letter, KNOWN, KnownAccounts()).why


def test_a_sender_cannot_pass_for_a_cut_record():
    said = "header (value cut from 9 to 5 bytes) is wrong"
    letter = of_scorer()._replace(
        error=DeadLetter(reason="invalid", message=said, app="scorer", topic=EVENTS, partition=0)
    )
    assert isinstance(again(letter, KNOWN, KnownAccounts()), Again)


@pytest.mark.parametrize(
    "body",
    [
        {"id": "e1", "account_id": "acme", "event": "Login", "user_id": "ann"},
        {
            "specversion": "1.0",
            "id": "e1",
            "source": "api",
            "subject": "acme",
            "type": "Login",
            "data": {"userId": "ann"},
        },
    ],
)
def test_an_event_of_a_request_is_read_again_as_ingest_read_it(body):
    record = again(of_ingest(body), KNOWN, KnownAccounts()).record
    assert (record.topic, record.partition) == (EVENTS, murmur2_partition(b"acme", 12))
    event = decode_record(record.key, record.value, record.headers, NOW_MS)
    assert (event.id, event.source, event.account_id, event.user_id) == ("e1", "api", "acme", "ann")
    # It names no time, so it happened when it was received, not when it is sent again.
    assert to_ms(event.time) == to_ms(event.received_at) == WRITTEN_MS


def test_an_event_that_was_in_the_future_is_good_once_its_time_has_come():
    body = {"id": "e1", "account_id": "acme", "event": "Login", "time": from_ms(NOW_MS + 1_800_000).isoformat()}
    assert isinstance(again(of_ingest(body), KNOWN, KnownAccounts()), Again)
    assert "in the future" in again(of_ingest({**body, "time": "2099-01-01T00:00:00Z"}), KNOWN, KnownAccounts()).why


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"id": "e1", "event": "Login"}, "still no event: account_id: is required"),
        (b"{no", "still no event: is not strict JSON"),
        (b"[{}]", "still no event"),
        # our own records come from no client, by no way
        ({"id": "e1", "account_id": "a", "event": "kenko.tick.v1"}, "reserved"),
    ],
)
def test_a_request_that_is_still_no_event_says_what_is_wrong(body, why):
    assert why in again(of_ingest(body), KNOWN, KnownAccounts()).why


def test_the_dialect_and_the_source_of_the_key_are_kept_to():
    body = {"id": "e1", "account_id": "acme", "event": "Login"}
    assert "dialect 'morse'" in again(of_ingest(body, dialect="morse"), KNOWN, KnownAccounts()).why
    assert isinstance(again(of_ingest(body, dialect="plain"), KNOWN, KnownAccounts()), Again)
    record = again(of_ingest(body, source="crm"), KNOWN, KnownAccounts()).record
    assert decode_record(record.key, record.value, record.headers, NOW_MS).source == "crm"
    assert "only for 'crm'" in again(of_ingest({**body, "source": "billing"}, source="crm"), KNOWN, KnownAccounts()).why


def test_one_record_that_came_back_several_times_is_sent_once():
    first, other = of_scorer(), of_scorer(value=b'{"n": 1}')
    sorting = Sorting(KNOWN)
    taken = [sorting.take(letter) for letter in (first, first._replace(place=Place(0, 9)), other, of_ingest(b"{no"))]
    assert [record and record.value for record in taken] == [first.value, None, other.value, None]
    assert (sorting.taken, sorting.repeats, sorting.refused.number, sorting.still_bad.number) == (2, 1, 1, 0)


def test_of_many_the_first_few_are_kept():
    sorting = Sorting(KNOWN)
    for n in range(20):
        sorting.take(of_scorer(key=None, value=b'{"n": %d}' % n))
    assert (sorting.taken, sorting.still_bad.number, len(sorting.still_bad.first)) == (20, 20, 5)


def test_a_record_that_is_no_letter_of_ours_is_none():
    stranger = SimpleNamespace(partition=0, offset=0, timestamp=0, key=None, value=b"", headers=())
    assert read_letter(stranger) is None
    assert read_letter(SimpleNamespace(**{**vars(stranger), "headers": (("kenko.error.reason", b"\xff"),)})) is None


def test_a_line_of_a_letter_steers_no_terminal():
    letter = of_scorer()
    bad = letter._replace(error=letter.error.model_copy(update={"message": "\x1b[2J gone", "topic": "t\x07"}))
    assert line_of(bad) == "2027-01-15 07:00:00  invalid  \\x1b[2J gone  scorer  t\\x07 5:17"


@pytest.mark.parametrize(
    ("letter", "account"),
    [
        (of_scorer(), "acme"),
        (of_ingest({"account_id": "acme"}), "acme"),
        (of_ingest({"subject": "acme"}), "acme"),
        (of_ingest({"account_id": 7}), None),
        (of_ingest([1]), None),
        (of_ingest(b"{no"), None),
    ],
)
def test_the_account_of_a_letter(letter: Letter, account):
    assert account_of(letter) == account


def test_calls_that_look_alike_are_two_and_one_letter_has_one_id():
    """Without id and time they are two clicks; what is retried twice is one."""
    call = of_ingest({"event": "Seen", "context": {"groupId": "acme"}}, dialect="segment", path="/v1/track")
    later = call._replace(written_ms=WRITTEN_MS + 1, place=Place(0, 1))
    sorting, again_later = Sorting(KNOWN), Sorting(KNOWN._replace(now_ms=NOW_MS + 60_000))
    ids = [dict(sorting.take(letter).headers)["ce_id"] for letter in (call, later)]
    assert len(set(ids)) == 2
    assert [dict(again_later.take(letter).headers)["ce_id"] for letter in (call, later)] == ids


def test_a_letter_of_a_person_alone_has_nothing_to_send():
    letter = of_ingest({"type": "identify", "messageId": "m1", "userId": "ann"}, dialect="segment")
    assert again(letter, KNOWN, KnownAccounts()) == Nothing(letter)
    sorting = Sorting(KNOWN)
    assert (sorting.take(letter), sorting.nothing, sorting.refused.number) == (None, 1, 0)


def test_what_names_the_user_alone_goes_to_where_the_user_was_seen():
    letter = of_ingest({"messageId": "m1", "userId": "ann", "event": "Seen"}, dialect="segment", path="/v1/t/")
    refusal = again(letter, KNOWN, KnownAccounts())
    assert refusal.unattributed
    assert "no account" in refusal.why
    accounts = KnownAccounts()
    accounts.note("segment", "ann", "acme")
    assert again(letter, KNOWN, accounts).record.key == b"acme"
    # Ids of users are those of a source: ann of another may be somebody else.
    assert again(letter._replace(error=letter.error.model_copy(update={"source": "crm"})), KNOWN, accounts).unattributed


def test_one_letter_tells_where_the_user_of_the_next_one_is():
    named = {"messageId": "m1", "userId": "ann", "event": "Seen", "groupId": "acme"}
    alone = {"messageId": "m2", "userId": "ann", "event": "Seen"}
    sorting = Sorting(KNOWN)
    letters = [of_ingest(call, dialect="segment", path="/v1/track") for call in (alone, named, alone)]
    keys = [sorting.take(letter._replace(place=Place(0, n))) for n, letter in enumerate(letters)]
    assert [record and record.key for record in keys] == [None, b"acme", b"acme"]
    assert (sorting.taken, sorting.unattributed) == (2, 1)


def test_asking_remembers_whom_it_does_not_know():
    asking = Asking()
    asking.note("segment", "ann", "acme")
    sorting = Sorting(KNOWN, asking)
    for user in ("ann", "bo", "bo"):
        sorting.take(of_ingest({"userId": user, "event": "Seen"}, dialect="segment", path="/v1/track"))
    assert asking.in_vain == {("segment", "bo")}


def test_the_newest_sighting_counts_in_whatever_order_they_are_read():
    seen = Sightings({("crm", "ann"), ("crm", "bo"), ("crm", "cy")})
    for user, account, source, at_ms in [
        ("ann", "new", "crm", 9),
        ("ann", "old", "crm", 5),
        ("bo", "elsewhere", "api", 9),
        ("dee", "acme", "crm", 9),
        (None, "acme", "crm", 9),
        ("cy", "acme", "crm", 1),
    ]:
        seen.see(UsageEvent(id="e", source=source, account_id=account, user_id=user, event="x", time=from_ms(0)), at_ms)
    accounts = seen.accounts()
    assert seen.found == 2
    assert [accounts.of("crm", user) for user in ("ann", "bo", "cy", "dee")] == ["new", None, "acme", None]


def test_history_stays_history():
    body = {"id": "e1", "account_id": "acme", "event": "Login"}
    for told, expected in [({}, False), ({"backfill": "true"}, True)]:
        record = again(of_ingest(body, **told), KNOWN, KnownAccounts()).record
        assert decode_record(record.key, record.value, record.headers, NOW_MS).backfill is expected
