"""The records a runner writes: transitions, scores, copied ticks and forgets. Pure. (Dead letters: `dead_letter`.)"""

from __future__ import annotations

from typing import Final

import orjson

from kenko.dialects.cloudevents import encode_tick
from kenko.stream.producer import OutRecord
from schemas.base import to_ms
from schemas.forget import FORGET_TYPE, Forget
from schemas.health import ScoreUpdate
from schemas.tick import Tick
from schemas.transition import Transition

TRANSITION_HEADER: Final = ("kenko-type", b"transition")
COPY_SOURCE: Final = "kenko/scorer"


def transition_record(transition: Transition, topic: str) -> OutRecord:
    """Keyed by account; on the partition that its account's ticks are copied to."""
    return OutRecord(
        topic=topic,
        key=transition.account_id.encode(),
        value=transition.model_dump_json().encode(),
        headers=(TRANSITION_HEADER,),
        partition=transition.partition,
    )


def score_record(update: ScoreUpdate, topic: str) -> OutRecord:
    """Keyed by account, for the topic is compacted; on the partition that the account's events stand on."""
    # The bytes of model_dump_json at a sixth of its cost: after a change of the model every account has an update.
    value = orjson.dumps(vars(update), option=orjson.OPT_UTC_Z)
    return OutRecord(topic=topic, key=update.account_id.encode(), value=value, partition=update.partition)


def tick_copy(tick: Tick, topic: str, *, partition: int, offset: int) -> OutRecord:
    """A tick of the usage-events log for the alerter, whose time follows the scorer's (`time: log`).

    Written anew, in the one form that the alerter reads, whatever form and size the tick had. A repeat has the same id.
    """
    record = encode_tick(to_ms(tick.time), source=COPY_SOURCE, id=f"{partition}-{offset}")
    return OutRecord(topic=topic, key=None, value=record.value, headers=tuple(record.headers), partition=partition)


def score_tombstone(record: Forget, topic: str, *, partition: int) -> OutRecord:
    """The end of an account on the scores topic: compaction then takes what is before it, and at last the tombstone."""
    return OutRecord(topic=topic, key=record.account_id.encode(), value=None, partition=partition)


def forget_copy(record: Forget, topic: str, *, partition: int) -> OutRecord:
    """A forget for the alerter, behind the transitions of its account. The value is the whole contract."""
    return OutRecord(
        topic=topic,
        key=record.account_id.encode(),
        value=record.model_dump_json().encode(),
        headers=(("ce_type", FORGET_TYPE.encode()),),
        partition=partition,
    )
