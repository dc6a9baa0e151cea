"""Generated requests for ingest's parser: noise, valid bodies with something changed, and the tortures of JSON.

Request N of a seed is always the same, so a failure is repeated by its two numbers.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final
from urllib.parse import quote_plus

import orjson

from kenko.dialects.request import RequestParts
from kenko.dialects.routes import EVENTS_PATH, ROUTES
from kenko.dialects.segment_body import CALLS

PATHS: Final = tuple(ROUTES)
JSON_TYPE: Final = "application/json"
TYPES: Final = (
    JSON_TYPE,
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/x-ndjson",
    "application/json; charset=utf-16",
    "",
    ";;=",
    "\x00",
)
CE_HEADERS: Final = {
    "ce-specversion": "1.0",
    "ce-id": "e1",
    "ce-source": "app",
    "ce-type": "Seen",
    "ce-subject": "acme",
}
TIME: Final = "2026-03-01T11:00:00.000Z"

WORDS: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, 1e300, 2**53, 2**63 - 1, -(2**63), 2**64 - 1, "", " ", "null", "acme", "a" * 201, "\x00",
    "a\r\nb", "\x1b[31m", "%s%n", "{acme}", "*", ":", "\u202eacme", "\ufeff", "\U0001f600", "\ud7ff", TIME, "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z", 253402300800, -62135596801, 1e18, "kenko.tick.v1", [], {}, [[]], [1],
    {"": ""}, {"id": "acme"}, {"company": {"id": "acme"}}, {"company": "acme"},
)  # fmt: skip
"""Values put where others belong."""
FIELDS: Final = (
    "id", "source", "account_id", "user_id", "event", "time", "properties", "specversion", "type", "subject", "data", "userid",
    "data_base64", "messageId", "userId", "anonymousId", "groupId", "previousId", "timestamp", "originalTimestamp", "sentAt",
    "receivedAt", "context", "traits", "batch", "historical", "writeKey", "name", "uuid", "distinct_id", "offset", "options",
    "api_key", "token", "sent_at", "historical_migration", "$groups", "$group_type", "$group_key", "$group_set", "alias",
    "$anon_distinct_id", "$insert_id", "$group_id", "$set", "$set_once", "$unset", "$distinct_id", "$distinct_ids", "$time",
    "company", "events", "\x00", "",
)  # fmt: skip

_PLAIN: Final = {
    "id": "e1",
    "source": "app",
    "account_id": "acme",
    "event": "Seen",
    "time": TIME,
    "properties": {"rows": 1},
}
_CLOUD: Final = {
    "specversion": "1.0",
    "id": "e1",
    "source": "app",
    "type": "Seen",
    "subject": "acme",
    "data": {"rows": 1},
}
_CALL: Final = {
    "messageId": "m1", "userId": "ann", "event": "Seen", "groupId": "acme", "timestamp": TIME, "properties": {"rows": 1},
    "traits": {"seats": 4, "company": {"id": "acme", "name": "Acme"}}, "context": {"groupId": "acme"}, "previousId": "bob",
}  # fmt: skip
_POSTHOG: Final = {
    "uuid": "u1", "event": "Seen", "distinct_id": "ann", "timestamp": TIME, "properties": {"$groups": {"company": "acme"}},
}  # fmt: skip
_GROUPIDENTIFY: Final = {
    "event": "$groupidentify", "distinct_id": "ann",
    "properties": {"$group_type": "company", "$group_key": "acme", "$group_set": {"seats": 4}},
}  # fmt: skip
_MIXPANEL: Final = {
    "event": "Seen", "properties": {"token": "k", "distinct_id": "ann", "company_id": "acme", "time": 1772362800, "$insert_id": "i"}
}  # fmt: skip
_PROFILE: Final = {
    "$token": "k", "$group_key": "company_id", "$group_id": "acme", "$distinct_id": "ann", "$set": {"$name": "Acme", "seats": 4},
}  # fmt: skip
_TORTURES: Final = (
    b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"9223372036854775808", b"18446744073709551616", b"1" * 5_000, b"-0",
    b"1e-400", b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"\x00"', b"\xff", b'"\xff\xfe"', b'"\xed\xa0\x80"', b"\x00", b'"\\x41"',
    b"01", b"+1", b".5", b"1.", b"tru", b"'a'", b'"', b"/*", b'{"a":1,"a":2}', b'{"a":1,}', b"[1,]", b"{1:2}", b"\xef\xbb\xbf1",
)  # fmt: skip


def request(seed: int, number: int) -> RequestParts:
    """Request `number` of `seed`."""
    chance = random.Random(seed << 40 | number)
    path = EVENTS_PATH if number % 4 == 0 else PATHS[number % len(PATHS)]
    kind = chance.random()
    if kind < 0.1:
        return _around(chance, path, chance.randbytes(chance.randrange(200)))
    item = _mutated(chance, _valid(chance, path)) if kind < 0.9 else _valid(chance, path)
    body = _wrapped(chance, path, _tortured(chance, orjson.dumps(item)))
    if chance.random() < 0.25:
        body = _damaged(chance, body)
    return _around(chance, path, body)


def tortures(*, size: int = 1_000_000) -> Iterator[RequestParts]:
    """For each path: bodies of `size` values, or a tenth as deep; each a fixed one."""
    deep = size // 10
    wide = b",".join(b'"%d":1' % number for number in range(size))
    bodies = [
        b"[" * deep, b'{"a":' * deep, b"[" * deep + b"]" * deep, b'{"a":' * deep + b"1" + b"}" * deep,
        b"{" + wide + b"}", b'{"batch":[{' + wide + b"}]}", b'{"properties":{' + wide + b"}}", b'{"context":{' + wide + b'},"batch":[]}',
        b"[" + b"[]," * size + b"NaN]", b'{"batch":[' + b"{}," * size + b"{}]}", b'{"events":[' + b"1," * size + b"1]}",
        b'{"a":1,' * 3 + b'"a":' + b"1" * size + b"}}}", b'"' + b"\\u0000" * deep + b'"', b"data=" + b"W10" * deep, b"\n" * size,
        b"data=" + b"%5B" * deep, b"{" + b'"a":1,' * size + b'"a":NaN}',
    ]  # fmt: skip
    for path in PATHS:
        for body in bodies:
            content_type = TYPES[4] if body.startswith(b"data=") else JSON_TYPE
            yield RequestParts(path, content_type, {}, {}, body)
        for torture in _TORTURES:
            yield RequestParts(path, JSON_TYPE, {}, {}, torture)


def _valid(chance: random.Random, path: str) -> Any:
    if path == EVENTS_PATH:
        return chance.choice((_PLAIN, _CLOUD))
    if path.startswith("/v1/"):
        return (
            {**_CALL, "type": chance.choice(CALLS)}
            if path.rstrip("/") in ("/v1/batch", "/v1/b", "/v1/import")
            else _CALL
        )
    if path.startswith(("/groups", "/engage")):
        return _PROFILE
    if path.startswith(("/track", "/import")):
        return _MIXPANEL
    return chance.choice((_POSTHOG, _GROUPIDENTIFY))


def _mutated(chance: random.Random, item: dict[str, Any]) -> Any:
    """A copy with one to three fields gone, added or of another kind, here or one level down."""
    copy = {name: dict(value) if isinstance(value, dict) else value for name, value in item.items()}
    for _ in range(chance.randint(1, 3)):
        places = [copy, *(value for value in copy.values() if isinstance(value, dict))]
        place = chance.choice(places)
        name = chance.choice(FIELDS) if not place or chance.random() < 0.3 else chance.choice(list(place))
        if chance.random() < 0.2:
            place.pop(name, None)
        else:
            place[name] = deepcopy(chance.choice(WORDS))  # the next change may go into it
    return copy


def _tortured(chance: random.Random, raw: bytes) -> bytes:
    """One value replaced by what JSON, or we, do not have."""
    if chance.random() > 0.2:
        return raw
    colons = [at for at, byte in enumerate(raw) if byte == ord(":")]
    at = chance.choice(colons) + 1 if colons else 0
    end = next((end for end in range(at, len(raw)) if raw[end] in b",}"), len(raw))
    depth = chance.choice((31, 33, 254, 256, 1025, 3_000))
    torture = chance.choice((*_TORTURES, b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth))
    return raw[:at] + torture + raw[end:]


def _wrapped(chance: random.Random, path: str, raw: bytes) -> bytes:
    """Alone, in a list, in the envelope of a client, in a form."""
    many = b"[" + b",".join([raw] * chance.choice((0, 1, 1, 2, 3))) + b"]"
    match chance.randrange(7):
        case 0:
            return many
        case 1 | 2:
            return (
                b'{"batch":' + many + b',"sentAt":"' + TIME.encode() + b'","api_key":"k","context":{"groupId":"acme"}}'
            )
        case 3:
            return b'{"events":' + many + b"}"
        case 4 if not path.startswith("/v1/"):
            return b"data=" + (base64.b64encode(many) if chance.random() < 0.5 else quote_plus(many).encode())
        case _:
            return raw


def _damaged(chance: random.Random, body: bytes) -> bytes:
    """Some bytes changed, cut out or doubled."""
    damaged = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(damaged) + 1)
        match chance.randrange(3):
            case 0:
                damaged[at : at + 1] = bytes((chance.randrange(256),))
            case 1:
                del damaged[at : at + chance.randrange(8)]
            case _:
                damaged[at:at] = damaged[max(0, at - 4) : at]
    return bytes(damaged)


def _around(chance: random.Random, path: str, body: bytes) -> RequestParts:
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    content_type = JSON_TYPE
    if body.startswith(b"data="):
        content_type = "application/x-www-form-urlencoded"
    if path == EVENTS_PATH and b'"specversion"' in body:
        content_type = TYPES[2] if body.startswith(b"[") else TYPES[1]
    if chance.random() < 0.15:
        content_type = chance.choice(TYPES)
    if chance.random() < (0.3 if path == EVENTS_PATH else 0.02):
        headers = {name: value for name, value in CE_HEADERS.items() if chance.random() < 0.9}
        headers[chance.choice(tuple(CE_HEADERS))] = chance.choice(("%00", "%ff", '"', "\xe9", "%", "", "a" * 300))
    if chance.random() < 0.1:
        name = chance.choice(("data", "verbose", "_", "compression", "api_key"))
        query = {name: chance.choice(("1", "", "9" * 15, "-1", "[]", "e30", "\ufffd", "gzip", "²"))}
    return RequestParts(path, content_type, headers, query, body)
