"""The fields of a JSON object, unparsed: so that one bad item of a batch costs neither the envelope nor the good ones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec
import orjson

from kenko.dialects.strict_json import LENIENT, check_values, past_space
from schemas.usage_event import MAX_EVENT_BYTES

MOST_FIELDS: Final = 1_000
"""Of an object that is taken apart the slow way: more than that would hold up everybody else."""

_ABSENT: Final = msgspec.Raw(b"")


def split_object(raw: bytes, names: tuple[str, ...]) -> dict[str, bytes] | None:
    """The raw bytes of the fields `names` of the JSON object in `raw`; None if it is no object or too broken to split.

    Of two fields with one name the last counts. A million others are passed over and cost no memory.

    Raises:
        BadBody: too broken for that, and it holds more values than anybody's events.
    """
    try:
        members = _members(names).decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        check_values(raw)
        return _split_leniently(raw, names)
    found = zip(names, msgspec.structs.astuple(members), strict=True)
    return {name: bytes(value) for name, value in found if value is not _ABSENT}


@lru_cache(maxsize=64)
def _members(names: tuple[str, ...]) -> msgspec.json.Decoder[msgspec.Struct]:
    named = [(f"f{at}", msgspec.Raw, msgspec.field(default=_ABSENT, name=name)) for at, name in enumerate(names)]
    return msgspec.json.Decoder(msgspec.defstruct("Members", named))


def field_value(fields: Mapping[str, bytes], name: str) -> Any:
    """The value of a field that was split off; None where it is absent, cannot be parsed, or is larger than an event."""
    raw = fields.get(name, b"")
    if len(raw) > MAX_EVENT_BYTES:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _split_leniently(raw: bytes, names: tuple[str, ...]) -> dict[str, bytes] | None:
    """As `split_object`, passing over NaN, lone surrogates and bad UTF-8 inside a field, which the first way does not."""
    text = raw.decode("utf-8", "surrogateescape")
    at = past_space(text, 0)
    if text[at : at + 1] != "{":
        return None
    fields: dict[str, bytes] = {}
    empty = True
    at = past_space(text, at + 1)
    try:
        for _ in range(MOST_FIELDS):
            if empty and text[at : at + 1] == "}":
                break
            name, at = LENIENT.raw_decode(text, at)
            at = past_space(text, at)
            if not isinstance(name, str) or text[at : at + 1] != ":":
                return None
            at = past_space(text, at + 1)
            _, end = LENIENT.raw_decode(text, at)
            if name in names:
                fields[name] = text[at:end].encode("utf-8", "surrogateescape")
            empty = False
            at = past_space(text, end)
            if text[at : at + 1] == "}":
                break
            if text[at : at + 1] != ",":
                return None
            at = past_space(text, at + 1)
        else:
            return None
    except (ValueError, RecursionError):
        return None
    return fields if past_space(text, at + 1) == len(text) else None
