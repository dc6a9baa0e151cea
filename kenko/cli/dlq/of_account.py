"""Whether a dead letter is of an account. Pure.

It may be broken in any way, so what is asked is whether the id stands in it: as its key, as a JSON string, or as a header.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import orjson


def is_of(key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes | None]], account_id: str) -> bool:
    """True for a record that has the account's id in it, as a whole: `acme` is not in `acme-2`."""
    plain = account_id.encode()
    return (
        key == plain
        or any(raw is not None and (raw == plain or _quotes(raw, account_id)) for _, raw in headers)
        or (value is not None and _in_value(value, account_id))
    )


def _in_value(value: bytes, account_id: str) -> bool:
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value == account_id.encode() or _quotes(value, account_id)
    return _in_json(body, account_id)


def _in_json(body: Any, account_id: str) -> bool:
    left = [body]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            left += (*part.keys(), *part.values())
        elif isinstance(part, list):
            left += part
        elif part == account_id:
            return True
    return False


def _quotes(raw: bytes, account_id: str) -> bool:
    """In quotation marks: as JSON writes it, in either way, or as our messages do."""
    return any(
        form in raw for form in (orjson.dumps(account_id), json.dumps(account_id).encode(), repr(account_id).encode())
    )
