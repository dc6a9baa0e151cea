"""Write a record about an account onto the usage-events log, as `kenko override`, `traits` and `accounts forget` do."""

from __future__ import annotations

import asyncio
import os
from typing import Any, Final, NamedTuple, TypeVar
from uuid import uuid4

from pydantic import ValidationError

from kenko.cli.durations import read_time
from kenko.cli.local_info import found_settings
from kenko.cli.say import EXIT_USAGE, fail, foreseen, out
from kenko.dialects.cloudevents import decode_record, encode_forget, encode_override, encode_traits
from kenko.dialects.own_records import OfAccount
from kenko.dialects.record import InvalidRecord, KafkaRecord
from kenko.dialects.times import is_in_the_future
from kenko.engine.partitioning import murmur2_partition
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings
from kenko.stream.producer import KafkaOutput, OutRecord
from kenko.stream.topics import ensure_topics
from schemas.account_traits import AccountTraits
from schemas.base import from_ms
from schemas.forget import Forget
from schemas.override import Override
from schemas.topics import Topic

SOURCE: Final = "kenko/cli"

_C = TypeVar("_C", AccountTraits, Override, Forget)


class Written(NamedTuple):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


def amendment(cls: type[_C], *, account: str, at: str | None, **values: Any) -> _C:
    """The record, said at `at` or now; what is wrong with it ends the command."""
    now_ms = SystemClock().now_ms()
    time = from_ms(now_ms if at is None else read_time(at))
    if is_in_the_future(time, now_ms):
        fail(f"--at {at} is more than an hour ahead: nothing can be so yet.", code=EXIT_USAGE)
    try:
        return cls(id=uuid4().hex, source=SOURCE, account_id=account, time=time, **values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        message = first["msg"].removeprefix("Value error, ")
        fail(f"{'.'.join(map(str, first['loc'])) or 'the record'}: {message}", code=EXIT_USAGE)


def write(record: OfAccount, said: str) -> None:
    """Write it and say `said` and where it stands. It counts once the scorer has read it and a tick has come."""
    with foreseen():
        settings, _ = found_settings(Settings, os.environ)
        topic, partition, offset = asyncio.run(written(settings, record))
    out.print(said, markup=False, soft_wrap=True)
    out.print(f"{topic}, partition {partition}, offset {offset}; it counts from the next tick on.", markup=False)


def _encoded(record: OfAccount) -> KafkaRecord:
    match record:
        case Override():
            encoded = encode_override(record)
        case AccountTraits():
            encoded = encode_traits(record)
        case Forget():
            encoded = encode_forget(record)
    try:
        # What the scorer would put among the dead letters is better refused here, where somebody can mend it.
        decode_record(*encoded, SystemClock().now_ms())
    except InvalidRecord as refusal:
        fail(str(refusal), code=EXIT_USAGE)
    return encoded


async def written(settings: Settings, amendment: OfAccount) -> Written:
    """Write it; where it stands, once every replica that the topic asks for has it. What is wrong ends the command.

    Raises:
        TransientError, PermanentError, ConfigurationError: as the producer.
    """
    record, topic = _encoded(amendment), settings.topic(Topic.USAGE_EVENTS)
    assert record.key is not None  # noqa: S101 - all kinds have one
    # Before the producer asks for the topic: asking creates it on some brokers, with a number of partitions of its own.
    await ensure_topics(
        settings.kafka_url,
        partitions=settings.partitions,
        replication=settings.kafka_replication,
        prefix=settings.topic_prefix,
    )
    partition = murmur2_partition(record.key, settings.partitions)
    output = KafkaOutput(settings, client_id="kenko-cli")
    try:
        (offset,) = await output.send([OutRecord(topic, record.key, record.value, record.headers, partition)])
    finally:
        await output.stop()
    return Written(topic, partition, offset)
