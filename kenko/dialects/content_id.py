"""An id for an item that has none: the same for the same content, so that a retry still counts once."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson

from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.strict_json import MAX_DEPTH
from kenko.dialects.times import Received
from schemas.base import to_ms


def content_id(item: Mapping[str, Any], *, received: Received | None = None) -> str:
    """The id of a parsed item. Two calls that are alike in everything, time included, are taken as one.

    `received`: for an item without a time. Two that are alike then came at different times, and are two. What counts is when
    it came, not by when its time is judged: a dead letter that is read again, however often, has one id.

    Raises:
        FieldError: it is nested so deeply that it cannot be written again.
    """
    if received is not None and received.at is not None:
        item = {"received_ms": to_ms(received.at), "item": item}
    try:
        content = orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        message = f"an event must not be nested deeper than {MAX_DEPTH} levels"
        raise FieldError(None, ProblemCode.TOO_DEEP, message) from None
    return f"content-{sha256(content).hexdigest()[:32]}"
