"""A row as one value of the store: the tail of its recent ids, behind its length (2 bytes, big endian), then the state.

One value, because the two belong together: a state without its ids would take a repeat twice.
"""

from __future__ import annotations

from struct import Struct

from kenko.engine.rows import Row

_LENGTH = Struct(">H")


def join(state: bytes, tail: bytes) -> bytes:
    """The value."""
    return _LENGTH.pack(len(tail)) + tail + state


def split(value: bytes, ids: list[bytes] | None) -> Row:
    """The reverse of `join`."""
    begin = 2 + _LENGTH.unpack_from(value)[0]
    return Row(value[begin:], ids, value[2:begin])
