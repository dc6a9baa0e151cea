"""JSON as we take it: strict, of bounded depth, with numbers and texts that every later stage can hold."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec
import orjson

from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.request import BadBody

MAX_DEPTH: Final = 32
"""Objects and lists inside each other, the event itself counted."""
MAX_NUMBER: Final = 2**63 - 1
MOST_VALUES: Final = 500_000
"""In a whole body. Five megabytes of `[],[],` are two million values, which would take forty times their size in memory."""

_RAW_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_SPACE: Final = re.compile(r"[ \t\n\r]*")
LENIENT: Final = json.JSONDecoder()
"""Passes over NaN and lone surrogates: for finding where a value ends, never for its meaning."""


def parse_object(raw: bytes, *, what: str = "an event") -> dict[str, Any]:
    """The JSON object in `raw`.

    Raises:
        FieldError: no JSON, or no object.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise FieldError(None, ProblemCode.UNDECODABLE, f"is not strict JSON in UTF-8: {error}") from None
    if not isinstance(value, dict):
        raise FieldError(None, ProblemCode.INVALID, f"{what} must be a JSON object, not {kind_of(value)}")
    return value


def split_list(raw: bytes, most: int) -> list[bytes] | None:
    """The raw bytes of each item of the JSON list in `raw`, unparsed; None if it is no list or too broken to split.

    At most the first `most` items.

    An item that is wrong inside is still an item: the good ones beside it are kept.

    Raises:
        BadBody: it holds more values than anybody's events.
    """
    check_values(raw)
    try:
        return [bytes(item) for item in _RAW_LIST.decode(raw)[:most]]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _split_leniently(raw, most)


def _split_leniently(raw: bytes, most: int) -> list[bytes] | None:
    """As `split_list`, passing over NaN, lone surrogates and bad UTF-8 inside an item, which the first way does not."""
    text = raw.decode("utf-8", "surrogateescape")
    items: list[bytes] = []
    at = past_space(text, 0)
    if text[at : at + 1] != "[":
        return None
    at = past_space(text, at + 1)
    try:
        while items or text[at : at + 1] != "]":
            _, end = LENIENT.raw_decode(text, at)
            items.append(text[at:end].encode("utf-8", "surrogateescape"))
            if len(items) == most:
                return items
            at = past_space(text, end)
            if text[at : at + 1] == "]":
                break
            if text[at : at + 1] != ",":
                return None
            at = past_space(text, at + 1)
    except (ValueError, RecursionError):
        return None
    return items if past_space(text, at + 1) == len(text) else None


def check_values(raw: bytes) -> None:
    """Asked before a body is taken apart, by whoever does not leave the values in it unmade.

    Raises:
        BadBody: it may hold more values than a body of the largest size has in earnest.
    """
    # Each value but the first stands behind one of these, so a smaller body need not be looked at.
    if len(raw) > MOST_VALUES and raw.count(b",") + raw.count(b"[") + raw.count(b"{") > MOST_VALUES:
        message = f"a body holds at most {MOST_VALUES} values: send smaller batches"
        raise BadBody(None, ProblemCode.TOO_LARGE, message)


def past_space(text: str, at: int) -> int:
    """Where the next token begins."""
    space = _SPACE.match(text, at)
    return space.end() if space else at


def check_properties(properties: dict[str, Any], path: str) -> None:
    """Depth, numbers and texts inside.

    Raises:
        FieldError: names the place, for example 'properties.rows[3]'.
    """
    if not _is_plain(properties):
        _check_levels(properties, path)


def _is_plain(properties: dict[str, Any]) -> bool:
    """Nothing nested and nothing wrong: what most events are, settled in one pass without building any path."""
    for key, value in properties.items():
        kind = type(value)
        if kind is str:
            if "\0" in value:
                return False
        elif kind is int or kind is float:
            if value > MAX_NUMBER or value < -MAX_NUMBER:
                return False
        elif kind is dict or kind is list:
            return False
        if "\0" in key:
            return False
    return True


def _check_levels(properties: dict[str, Any], path: str) -> None:
    level: list[tuple[str, Any]] = [(path, properties)]
    for _depth in range(MAX_DEPTH - 1):
        inner: list[tuple[str, Any]] = []
        for place, container in level:
            _check_level(place, container, inner)
        if not inner:
            return
        level = inner
    raise FieldError(path, ProblemCode.TOO_DEEP, f"must not be nested deeper than {MAX_DEPTH} levels")


def _check_level(place: str, container: Any, inner: list[tuple[str, Any]]) -> None:
    for key, value in container.items() if isinstance(container, dict) else enumerate(container):
        if isinstance(key, str) and "\0" in key:
            raise FieldError(place, ProblemCode.INVALID, "a name must not contain NUL")
        kind = type(value)
        if kind is str:
            if "\0" in value:
                raise FieldError(_join(place, key), ProblemCode.INVALID, "must not contain NUL")
        elif kind is int or kind is float:
            if not -MAX_NUMBER <= value <= MAX_NUMBER:
                message = f"must lie within ±{MAX_NUMBER}; send a larger number as a string"
                raise FieldError(_join(place, key), ProblemCode.INVALID, message)
        elif kind is dict or kind is list:
            inner.append((_join(place, key), value))


def _join(place: str, key: str | int) -> str:
    if isinstance(key, int):
        return f"{place}[{key}]"
    name = key if key.isprintable() and len(key) <= 100 else f"{key[:100]!a}"
    return f"{place}.{name}"


def kind_of(value: Any) -> str:
    """What a JSON value is, in JSON's words."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
