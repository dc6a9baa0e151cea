"""What is said of the records in the log."""

import zlib
from collections import Counter

import pytest

from kenko.cli.doctor.checks import examine
from kenko.cli.doctor.facts import CodecFacts, LetterFacts
from kenko.cli.doctor.finding import Status
from kenko.engine.partitioning import murmur2_partition
from schemas.dead_letter import DeadLetterReason

from .conftest import NOW_MS, PARTITIONS, by_crc32, event, tick

ACCOUNTS = [f"a{n}" for n in range(300)]
ASTRAY = [a for a in ACCOUNTS if zlib.crc32(a.encode()) % PARTITIONS != murmur2_partition(a.encode(), PARTITIONS)]


def with_newest(well, records):
    return well._replace(log=well.log._replace(newest=records))


def test_a_crc32_producer_is_recognised_and_told_which_setting_to_change(well):
    found = examine(with_newest(well, [by_crc32(account) for account in ACCOUNTS]))["events.partitioner"]
    assert found.status is Status.FAIL
    assert f"{len(ASTRAY)} of the newest 300 records" in found.says
    assert "CRC32" in found.says
    assert "Sources: api." in found.says
    assert "partitioner=murmur2_random" in found.mend


def test_a_few_of_many_are_a_warning(well):
    found = examine(with_newest(well, [*(event(a) for a in ACCOUNTS), by_crc32(ASTRAY[0])]))["events.partitioner"]
    assert found.status is Status.WARN
    assert "1 of the newest 301" in found.says


def test_records_that_no_known_partitioner_placed_are_not_called_crc32(well):
    astray = [
        event(a, (murmur2_partition(a.encode(), PARTITIONS) + n % 2 + 1) % PARTITIONS) for n, a in enumerate(ACCOUNTS)
    ]
    found = examine(with_newest(well, astray))["events.partitioner"]
    assert found.status is Status.FAIL
    assert "CRC32" not in found.says
    assert "murmur2" in found.mend


def test_without_keyed_records_there_is_nothing_to_say(well):
    assert "No record with a key" in examine(with_newest(well, [tick()]))["events.partitioner"].says


@pytest.mark.parametrize(
    ("records", "status", "says"),
    [
        ([], "ok", "Nothing stands in the log"),
        ([event("a"), tick()], "ok", "agree to within 5 s"),
        # the broker took it in a minute from now
        ([event("a", timestamp_ms=NOW_MS + 60_000)], "fail", "broker's clock is at least 60 s ahead of this machine's"),
        ([tick(ahead_ms=30_000)], "warn", "scorer's clock was 30 s ahead of the broker's"),
        ([tick(ahead_ms=-30_000)], "warn", "scorer's clock was 30 s behind the broker's"),
        # further ahead than a tick may be
        ([tick(ahead_ms=901_000)], "fail", "time stands still"),
        # producers' clocks say nothing of the broker's
        ([event("a", append_time=False, timestamp_ms=NOW_MS + 60_000)], "warn", "cannot be compared"),
    ],
)
def test_clocks(well, records, status, says):
    found = examine(with_newest(well, records))["events.clocks"]
    assert found.status == status
    assert says in found.says


@pytest.mark.parametrize(
    ("counts", "without", "unread", "status", "says"),
    [
        ({}, 0, 0, "ok", "No dead letter"),
        # 290 of the last day's 300 records are events
        ({"invalid": 1}, 0, 0, "ok", "1 dead letters in the last 24 hours, about 0.3% of what came: invalid 1."),
        (
            {"invalid": 20, "undecodable": 10},
            15,
            0,
            "warn",
            "invalid 20, undecodable 10, 15 of them without an account.",
        ),
        ({"invalid": 2000}, 0, 500, "fail", "2500 dead letters in the last 24 hours (500 of them not read)"),
    ],
)
def test_dead_letters(well, counts, without, unread, status, says):
    by_reason = Counter({DeadLetterReason(name): n for name, n in counts.items()})
    found = examine(well._replace(letters=LetterFacts(by_reason, without, unread, Counter())))["events.dead_letters"]
    assert found.status == status
    assert says in found.says
    assert found.status is Status.OK or "kenko dlq ls" in found.mend


def test_dead_letters_by_source_name_the_worst_first(well):
    by_source = Counter(
        {("crm", "invalid"): 3, ("web", "invalid"): 4, ("web", "unattributed"): 9, ("\x1b[2J", "invalid"): 1}
    )
    letters = LetterFacts(Counter({DeadLetterReason.INVALID: 17}), 0, 0, by_source)
    says = examine(well._replace(letters=letters))["events.dead_letters"].says
    assert says.endswith(" By source: web (unattributed 9, invalid 4), crm (invalid 3), \\x1b[2J (invalid 1).")


def test_of_many_sources_the_worst_are_named(well):
    by_source = Counter({(f"s{n}", "invalid"): n for n in range(1, 9)})
    letters = LetterFacts(Counter({DeadLetterReason.INVALID: 36}), 0, 0, by_source)
    says = examine(well._replace(letters=letters))["events.dead_letters"].says
    assert "By source: s8 (invalid 8), s7 (invalid 7)," in says
    assert says.endswith("s4 (invalid 4) and 3 more.")


def test_a_codec_that_is_missing_is_named_with_what_to_install(well):
    codecs = CodecFacts({"gzip": None, "zstd": "UnsupportedCodecError: no zstd"})
    found = examine(well._replace(codecs=codecs))["kafka.codecs"]
    assert found.status is Status.FAIL
    assert "cannot read zstd (UnsupportedCodecError: no zstd)" in found.says
    assert "aiokafka[lz4,snappy,zstd]" in found.mend
