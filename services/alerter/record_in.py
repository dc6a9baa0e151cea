"""What stands on the transitions topic: transitions, forgets, and in `time: log` copied ticks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import ValidationError

from kenko.runtime.errors import PermanentError
from schemas.dead_letter import DeadLetterReason
from schemas.forget import FORGET_TYPE, Forget
from schemas.tick import TICK_TYPE, Tick
from schemas.transition import Transition

_CE_TYPE = "ce_type"
_MOST_MISTAKES = 3


class RecordIn(NamedTuple):
    """A record as it was read."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp_ms: int


class InvalidRecordError(PermanentError):
    """Never a transition. The text names the field, and holds no payload."""

    def __init__(self, message: str, reason: DeadLetterReason) -> None:
        super().__init__(message, reason=reason.value)
        self.dead = reason


def decode(record: RecordIn) -> Transition | Forget | Tick:
    """The contract in the record.

    Raises:
        InvalidRecordError: UNDECODABLE bytes, or an INVALID field.
    """
    if record.value is None:
        raise InvalidRecordError("value is null, expected a transition as JSON", DeadLetterReason.UNDECODABLE)
    kind = dict(record.headers).get(_CE_TYPE)
    content: Transition | Forget
    try:
        if kind == TICK_TYPE.encode():
            return Tick.model_validate_json(record.value)
        content = (Forget if kind == FORGET_TYPE.encode() else Transition).model_validate_json(record.value)
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_context=False, include_input=False)
        undecodable = mistakes[0]["type"] == "json_invalid"
        text = "; ".join(f"{'.'.join(map(str, m['loc']))}: {m['msg']}" for m in mistakes[:_MOST_MISTAKES])
        reason = DeadLetterReason.UNDECODABLE if undecodable else DeadLetterReason.INVALID
        raise InvalidRecordError(text, reason) from None
    if record.key != content.account_id.encode():
        # Whoever produced it put it on some partition: the state of the account may live on another.
        raise InvalidRecordError("key is not the account_id in the value", DeadLetterReason.INVALID)
    return content
