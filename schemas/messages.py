"""Which contracts stand on which topic, and how a record carries them. For whoever writes or reads the topics."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas.account_traits import TRAITS_TYPE, AccountTraits
from schemas.base import Contract
from schemas.command import Command
from schemas.dead_letter import DeadLetter
from schemas.forget import FORGET_TYPE, Forget
from schemas.health import ScoreUpdate
from schemas.override import OVERRIDE_TYPE, Override
from schemas.source_state import SOURCE_STATE_TYPE, SourceState
from schemas.tick import TICK_TYPE, Tick
from schemas.topics import Topic
from schemas.transition import Transition
from schemas.usage_event import UsageEvent


class Carried(StrEnum):
    """How a Kafka record carries a contract."""

    BINARY = "binary"
    """A CloudEvent in binary mode: attributes as `ce_` headers, the rest as the value, JSON."""
    VALUE = "value"
    """The value is the contract, JSON."""
    HEADERS = "headers"
    """The headers are the contract; key and value are bytes as they came."""


class Party(StrEnum):
    """Who writes it."""

    ANYBODY = "anybody"
    """Whoever may write to the topic."""
    KENKO = "kenko"


@dataclass(frozen=True, kw_only=True)
class Message:
    """One kind of record on one topic."""

    name: str
    """That of the contract's schema file."""
    contract: type[Contract]
    topic: Topic
    carried: Carried
    written_by: Party
    type: str | None = None
    """The CloudEvents type; None: the event's own name, or no CloudEvent."""
    has_key: bool = True
    """The key is what the topic is keyed by; False: null."""


def _binary(name: str, contract: type[Contract], kind: str | None, *, written_by: Party, has_key: bool) -> Message:
    return Message(
        name=name,
        contract=contract,
        topic=Topic.USAGE_EVENTS,
        carried=Carried.BINARY,
        written_by=written_by,
        type=kind,
        has_key=has_key,
    )


def _value(name: str, contract: type[Contract], topic: Topic, *, written_by: Party) -> Message:
    return Message(name=name, contract=contract, topic=topic, carried=Carried.VALUE, written_by=written_by)


MESSAGES: Final = (
    _binary("usage-event", UsageEvent, None, written_by=Party.ANYBODY, has_key=True),
    _binary("account-traits", AccountTraits, TRAITS_TYPE, written_by=Party.ANYBODY, has_key=True),
    _binary("override", Override, OVERRIDE_TYPE, written_by=Party.ANYBODY, has_key=True),
    _binary("forget", Forget, FORGET_TYPE, written_by=Party.ANYBODY, has_key=True),
    _binary("tick", Tick, TICK_TYPE, written_by=Party.KENKO, has_key=False),
    _binary("source-state", SourceState, SOURCE_STATE_TYPE, written_by=Party.KENKO, has_key=False),
    _value("transition", Transition, Topic.TRANSITIONS, written_by=Party.KENKO),
    _value("score-update", ScoreUpdate, Topic.SCORES, written_by=Party.KENKO),
    _value("command", Command, Topic.COMMANDS, written_by=Party.ANYBODY),
    Message(
        name="dead-letter",
        contract=DeadLetter,
        topic=Topic.DEAD_LETTERS,
        carried=Carried.HEADERS,
        written_by=Party.KENKO,
    ),
)
"""Every message that a contract describes. A topic without one is Kenko's own business."""

ATTRIBUTES: Final = {
    "id": "ce_id",
    "source": "ce_source",
    "account_id": "ce_subject",
    "user_id": "ce_userid",
    "event": "ce_type",
    "time": "ce_time",
    "received_at": "ce_receivedtime",
    "backfill": "ce_backfill",
}
"""The fields of a contract that stand in headers in binary mode, and in which. Not of ticks and states of sources: their
value is the whole contract."""
