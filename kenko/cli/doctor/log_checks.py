"""Is what stands in the log what Kenko can use? Pure."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Final

from kenko.cli.doctor.facts import CodecFacts, LetterFacts, LogFacts, SeenRecord, SetUp
from kenko.cli.doctor.finding import Finding, fail, ok, some, warn
from kenko.cli.printable import printable
from kenko.engine.partition import TICK_AHEAD_MS
from kenko.engine.partitioning import murmur2_partition

MURMUR2: Final = "partitioner=murmur2_random"
"""librdkafka's name for what Java and aiokafka do by default."""
MUCH_MISROUTED: Final = 0.1
CLOCKS_APART_MS: Final = 5_000
FEW_LETTERS: Final = 0.01
MOST_LETTERS: Final = 0.5
SHOWN_SOURCE: Final = 60


def partitioner(log: LogFacts, set_up: SetUp) -> Finding:
    """An account's events must stand on one partition, the one that murmur2 says."""
    keyed = [(record, record.key) for record in log.newest if record.key is not None]
    wrong = [(record, key) for record, key in keyed if murmur2_partition(key, set_up.partitions) != record.partition]
    if not keyed:
        return ok("No record with a key stands in the log yet.")
    if not wrong:
        return ok(f"Each of the newest {len(keyed)} records with a key stands on the partition of its key.")
    by_crc32 = [record for record, key in wrong if zlib.crc32(key) % set_up.partitions == record.partition]
    sources = Counter(record.source for record, _ in wrong if record.source is not None)
    who = f" Sources: {some([name for name, _ in sources.most_common()])}." if sources else ""
    says = f"{len(wrong)} of the newest {len(keyed)} records with a key stand on another partition than their key's."
    judge = fail if len(wrong) > MUCH_MISROUTED * len(keyed) else warn
    if len(by_crc32) == len(wrong):
        return judge(
            f"{says} They stand where CRC32 puts them, the default of librdkafka.{who}",
            f"Set {MURMUR2} in the producers (confluent-kafka, node-rdkafka and all others on librdkafka).",
        )
    return judge(
        f"{says}{who}",
        f"Key records by the account's id and leave the partition to murmur2: Java's and aiokafka's default;"
        f" with librdkafka set {MURMUR2}.",
    )


def clocks(log: LogFacts, now_ms: int) -> Finding:
    """The broker's clock against this machine's and against the scorer's, as far as the log tells: nothing is written."""
    appended = [record for record in log.newest if record.append_time]
    if not log.newest:
        return ok("Nothing stands in the log yet, so no clock can be compared.")
    if not appended:
        return warn(
            "The newest records bear their producers' time, so the broker's clock cannot be compared.",
            "Set message.timestamp.type=LogAppendTime on the topic and look again. The trial broker of `kenko up` does not"
            " keep to it: there it means nothing.",
        )
    mend = "Run chrony or another NTP client on every machine, the brokers too."
    ahead_ms = max(record.timestamp_ms for record in appended) - now_ms
    if ahead_ms > CLOCKS_APART_MS:
        return fail(f"The broker's clock is at least {_seconds(ahead_ms)} ahead of this machine's.", mend)
    ticks = [record.tick_ms - record.timestamp_ms for record in appended if record.tick_ms is not None]
    furthest_ms = max(ticks, key=abs, default=0)
    if abs(furthest_ms) <= CLOCKS_APART_MS:
        return ok(
            f"Broker, scorer and this machine agree to within {_seconds(CLOCKS_APART_MS)}, as far as the log tells."
        )
    where = f"{_seconds(abs(furthest_ms))} {'ahead of' if furthest_ms > 0 else 'behind'}"
    if furthest_ms > TICK_AHEAD_MS:
        return fail(
            f"The scorer's clock was {where} the broker's: such a tick is ignored, and time stands still.", mend
        )
    return warn(f"The scorer's clock was {where} the broker's.", mend)


def dead_letters(letters: LetterFacts, log: LogFacts) -> Finding:
    """What was given up in a day, against what came."""
    total = letters.by_reason.total() + letters.left_unread
    if total == 0:
        return ok("No dead letter in the last 24 hours.")
    reasons = [f"{reason.value if reason else 'unknown'} {n}" for reason, n in letters.by_reason.most_common()]
    unread = f" ({letters.left_unread} of them not read)" if letters.left_unread else ""
    without = f", {letters.without_account} of them without an account" if letters.without_account else ""
    came = round(log.last_day * _share_of_events(log.newest))
    share = total / (total + came)
    says = (
        f"{total} dead letters in the last 24 hours{unread}, about {share:.1%} of what came:"
        f" {', '.join(reasons)}{without}.{_by_source(letters)}"
    )
    mend = "kenko dlq ls shows them; kenko dlq show PARTITION:OFFSET shows one; when its sender is mended, kenko dlq retry."
    if share >= MOST_LETTERS:
        return fail(says, mend)
    return ok(says) if share < FEW_LETTERS else warn(says, mend)


def _by_source(letters: LetterFacts) -> str:
    """The sources that have the most, with their reasons."""
    of: dict[str, Counter[str]] = {}
    for (source, reason), n in letters.by_source.items():
        of.setdefault(source, Counter())[reason] += n
    most = sorted(of, key=lambda source: (-of[source].total(), source))
    named = [
        f"{printable(source, SHOWN_SOURCE)} ({', '.join(f'{reason} {n}' for reason, n in of[source].most_common())})"
        for source in most
    ]
    return f" By source: {some(named)}." if named else ""


def codecs(found: CodecFacts) -> Finding:
    """Producers choose the codec, so every one of Kafka's has to be readable here."""
    broken = {name: why for name, why in found.failures.items() if why is not None}
    if broken:
        return fail(
            f"This installation cannot read {some([f'{name} ({why})' for name, why in broken.items()])}: one producer that"
            " compresses so stops its partition.",
            "pip install 'aiokafka[lz4,snappy,zstd]'",
        )
    return ok(f"Records compressed with {', '.join(found.failures)} can be read.")


def _share_of_events(newest: Sequence[SeenRecord]) -> float:
    return sum(record.source is not None for record in newest) / len(newest) if newest else 0.0


def _seconds(ms: int) -> str:
    return f"{ms / 1000:,.0f} s"
