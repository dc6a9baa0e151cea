"""Text from outside made fit for a terminal: whoever sends an event must not steer the screen of who looks at it."""

from __future__ import annotations

import unicodedata
from typing import Final

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control and format characters (ANSI, bidirectional overrides, zero widths), surrogates, what is no character."""
_HEX_A_LINE: Final = 16


def printable(text: str, limit: int | None = None) -> str:
    """`text` in one line; what is not shown as itself stands there as its escape. Longer than `limit`: cut, with "…"."""
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if unicodedata.category(char) in _HIDDEN else char for char in text)


def printable_bytes(raw: bytes, limit: int | None = None) -> str:
    """As `printable` for UTF-8; other bytes as `0x` and hexadecimal digits."""
    try:
        return printable(raw.decode(), limit)
    except UnicodeDecodeError:
        return printable(f"0x{raw.hex()}", limit)


def dump(raw: bytes) -> str:
    """UTF-8 as its lines, each printable; other bytes as lines of offset, hexadecimal digits and ASCII."""
    try:
        return "\n".join(printable(line) for line in raw.decode().split("\n"))
    except UnicodeDecodeError:
        return "\n".join(_hex_line(at, raw[at : at + _HEX_A_LINE]) for at in range(0, len(raw), _HEX_A_LINE))


def _hex_line(at: int, part: bytes) -> str:
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
    return f"{at:08x}  {part.hex(' '):<{3 * _HEX_A_LINE}} {text}"


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode() if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
