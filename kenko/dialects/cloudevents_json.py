"""CloudEvents 1.0 in their JSON format: HTTP structured and batched mode, and structured records on Kafka.

`type` is the event's name, `subject` the account, the extension `userid` the person, `data` the properties.
Other extensions (traceparent, for example) are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kenko.dialects import fields
from kenko.dialects.assemble import assemble
from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.sending import ANYBODY, Origin
from kenko.dialects.times import Received
from schemas.usage_event import UsageEvent


def read_event(item: Mapping[str, Any], received: Received, origin: Origin = ANYBODY) -> UsageEvent:
    """The event in a parsed CloudEvent.

    Raises:
        FieldError: the first attribute that is wrong.
    """
    check_version(item)
    properties = read_data(item)
    source = fields.required(item, "source", "who produced it; ids are unique within a source")
    return assemble(
        {
            "id": fields.required(item, "id", "a value that stays the same when you retry, so that it counts once"),
            "source": origin.check_source(source, "source"),
            "account_id": fields.required(item, "subject", "the account whose health is scored"),
            "user_id": read_user(item, properties),
            "event": fields.name(item, "type"),
            "time": fields.time(item, "time", received),
            "received_at": received.at,
            "properties": properties,
            "backfill": origin.backfill,
        }
    )


def check_version(item: Mapping[str, Any]) -> None:
    version = item.get("specversion")
    if version is None:
        raise FieldError("specversion", ProblemCode.MISSING, "is required: '1.0'")
    if version != "1.0":
        raise FieldError("specversion", ProblemCode.INVALID, "must be '1.0'")


def read_data(item: Mapping[str, Any]) -> dict[str, Any]:
    """The properties. Data of another kind than a JSON object has no names we could count by, so it is refused."""
    if item.get("data_base64") is not None:
        raise FieldError("data_base64", ProblemCode.INVALID, "binary data is not taken: send a JSON object as 'data'")
    return fields.properties(item, "data")


def read_user(item: Mapping[str, Any], data: Mapping[str, Any]) -> str | None:
    """The extension `userid`, else `user_id` or `userId` inside the data."""
    user_id = fields.optional(item, "userid")
    if user_id is not None:
        return user_id
    for name in ("user_id", "userId"):
        if data.get(name) is not None:
            try:
                return fields.optional(data, name)
            except FieldError as error:
                raise FieldError(f"data.{name}", error.code, error.message) from None
    return None
