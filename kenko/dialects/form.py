"""Bodies and queries that hold JSON in a field named `data`, as it is or in base64."""

from __future__ import annotations

import base64
import binascii
from typing import Final
from urllib.parse import unquote_to_bytes

from kenko.dialects.problems import ProblemCode
from kenko.dialects.request import BadBody, RequestParts

FORM_TYPE: Final = "application/x-www-form-urlencoded"
DATA: Final = "data"
MOST_FIELDS: Final = 32
MOST_BYTES: Final = 2_500_000
"""Fifty events of the largest size, which is the most that Mixpanel's clients put into one form."""
_URL_SAFE: Final = bytes.maketrans(b"-_ ", b"+/+")
"""Some clients send base64 without encoding its plus signs, which a form then takes for blanks."""


def is_form(parts: RequestParts) -> bool:
    """The body is a form: it says so, or, from clients that say nothing right, it looks like one."""
    if parts.body.lstrip(b" \t\r\n")[:1] in (b"{", b"["):
        return False  # what curl calls a form
    return parts.content_type.lower().startswith(FORM_TYPE) or parts.body.startswith(b"data=")


def form_fields(body: bytes) -> dict[str, bytes]:
    """The fields of a form, decoded. Of two with one name the first counts.

    Raises:
        BadBody: larger, or of more fields, than any client's: to take it apart would hold up everybody else.
    """
    if len(body) > MOST_BYTES:
        raise BadBody(
            None, ProblemCode.TOO_LARGE, f"a form is at most {MOST_BYTES} bytes: send less at a time, or JSON"
        )
    pairs = body.split(b"&", MOST_FIELDS)
    if len(pairs) > MOST_FIELDS:
        raise BadBody(None, ProblemCode.UNDECODABLE, f"a form has at most {MOST_FIELDS} fields")
    fields: dict[str, bytes] = {}
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        fields.setdefault(_decode(name).decode("utf-8", "replace"), _decode(value))
    return fields


def json_in(data: bytes) -> bytes:
    """The JSON in the field `data`.

    Raises:
        BadBody: neither JSON nor base64 of it.
    """
    text = data.strip()
    if text[:1] in (b"{", b"["):
        return text
    packed = text.translate(_URL_SAFE)
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadBody(DATA, ProblemCode.UNDECODABLE, "must be JSON, or JSON in base64") from None


def _decode(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))
