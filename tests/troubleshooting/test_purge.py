"""The dead letters of one account leave their topic, and those of others do not, wherever it stops."""

from __future__ import annotations

import json

import pytest

from kenko.cli.dlq.of_account import is_of
from kenko.cli.dlq.purge import AT_ONCE, purge
from kenko.runtime.errors import PermanentError, TransientError
from kenko.stream.browser import Bounds
from kenko.stream.memory_log import MemoryLog

TOPIC = "kenko.dead-letters.v1"


class Letters:
    """A topic over the logs' twins: read, written and trimmed."""

    def __init__(self, partitions=2):
        self.logs = [MemoryLog(TOPIC, partition) for partition in range(partitions)]
        self.trims = []
        self.refuses = None
        self.dies_before_trim = None

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None

    async def bounds(self):
        return {log.partition: Bounds(log.start, log.end) for log in self.logs}

    async def read(self, ranges):
        for partition, (start, end) in ranges.items():
            for record in list(self.logs[partition].records):
                if start <= record.offset < end:
                    yield record

    async def send(self, records):
        for r in records:
            self.logs[r.partition].append(r.key, r.value, r.headers, timestamp=r.timestamp_ms)
        return [0] * len(records)

    async def delete_before(self, topic, offsets):
        assert topic == TOPIC
        if self.refuses is not None:
            raise self.refuses
        if len(self.trims) == self.dies_before_trim:
            self.dies_before_trim = None
            raise TransientError("the broker went away")
        self.trims.append(dict(offsets))
        for partition, offset in offsets.items():
            self.logs[partition].forget_below(offset)

    def put(self, partition, account, text="x", timestamp=1_700_000_000_000):
        headers = (("h", b"1"), ("none", None))
        self.logs[partition].append(account.encode(), text.encode(), headers, timestamp=timestamp)

    def held(self):
        return [sorted((r.key, r.value, r.timestamp, tuple(r.headers)) for r in log.records) for log in self.logs]

    async def purge(self, account="acme"):
        return await purge(account, TOPIC, open_log=self, output=self, trimmer=self)


@pytest.fixture
def letters():
    topic = Letters()
    for number, account in enumerate(("other", "acme", "third", "acme", "other")):
        topic.put(0, account, text=f"{number}")
    topic.put(1, "other")
    return topic


async def test_the_letters_of_others_stay_as_they_were(letters):
    wanted = [[record for record in held if record[0] != b"acme"] for held in letters.held()]

    done = await letters.purge()

    assert (done.letters, done.rewritten) == (2, 2)
    assert letters.held() == wanted
    assert letters.trims == [{0: 0}, {0: 4}], "what nobody has to move stays where it is"


async def test_without_a_letter_of_the_account_nothing_is_touched(letters):
    before = letters.held()
    assert (await letters.purge("nobody")).letters == 0
    assert letters.held() == before
    assert letters.trims == []


async def test_a_broker_that_cannot_delete_is_asked_before_anything_is_written(letters):
    letters.refuses = PermanentError("cannot", reason="kafka_unsupported")
    before = letters.held()
    with pytest.raises(PermanentError):
        await letters.purge()
    assert letters.held() == before


async def test_stopped_before_the_deletion_letters_are_doubled_and_none_is_lost(letters):
    wanted = [{record for record in held if record[0] != b"acme"} for held in letters.held()]
    letters.dies_before_trim = 1
    with pytest.raises(TransientError):
        await letters.purge()
    assert len(letters.held()[0]) == 7

    await letters.purge()

    assert [set(held) for held in letters.held()] == wanted


async def test_many_letters_are_moved_in_portions(letters):
    for number in range(2 * AT_ONCE + 1):
        letters.put(1, f"other-{number}")
    letters.put(1, "acme")
    done = await letters.purge()
    assert (done.letters, done.rewritten) == (3, 2 * AT_ONCE + 4)
    assert len(letters.held()[1]) == 2 * AT_ONCE + 2


async def test_a_letter_that_comes_meanwhile_is_found_too(letters):
    trim = letters.delete_before

    async def trim_and_bring(topic, offsets):
        await trim(topic, offsets)
        if len(letters.trims) == 2:
            letters.put(1, "acme")

    letters.delete_before = trim_and_bring
    done = await letters.purge()
    assert done.letters == 3
    assert all(record[0] != b"acme" for held in letters.held() for record in held)


JAPANESE = "健康-1"


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"acme", b"", ()),
        (None, b'{"account_id": "acme"}', ()),
        (None, b'{"context": {"groups": ["x", {"id": "acme"}]}}', ()),
        (None, b'{"acme": 1}', ()),
        (None, b'["acme"', ()),  # no JSON, and its beginning says it
        (None, b"acme", ()),
        (None, None, (("ce_subject", b"acme"),)),
        (None, b"\xff", (("kenko.error.message", b"key: 'acme' is too long"),)),
    ],
)
def test_a_letter_is_of_the_account_whose_id_stands_in_it(key, value, headers):
    assert is_of(key, value, headers, "acme")


@pytest.mark.parametrize("value", [json.dumps(JAPANESE), json.dumps(JAPANESE, ensure_ascii=False)])
@pytest.mark.parametrize("rest", ["", " broken"])
def test_an_id_is_found_however_json_writes_it(value, rest):
    assert is_of(None, f"[{value}{rest}]".encode(), (), JAPANESE)


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"acme-2", b"", ()),
        (None, b'{"account_id": "acme-2", "name": "the acme company"}', ()),
        (None, b"acme, acme-2", (("ce_subject", b"acme2"), ("empty", None))),
        (None, b"7", ()),
    ],
)
def test_an_id_that_only_begins_so_is_another(key, value, headers):
    assert not is_of(key, value, headers, "acme")
