"""Target: a receiver's URL, taken apart and checked before anything is sent to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address

from yarl import URL

from kenko.delivery.address import is_public
from kenko.runtime.errors import PermanentError

PORTS = frozenset({80, 443, 8080, 8443})
"""What a public receiver may listen on: not the ports of mail, databases and consoles."""

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)(?:(?!-)[a-z0-9_-]{1,63}(?<!-)\.)*(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\Z")
_LOCAL = ("localhost", "local", "internal", "localdomain", "home.arpa")


class UrlRefusal(StrEnum):
    """What is wrong with a URL."""

    MALFORMED = "malformed"
    SCHEME = "scheme"
    CREDENTIALS = "credentials"
    """A name or password in the URL."""
    HOST = "host"
    """No plain host name: unicode, percent signs, or an address written as a number."""
    PORT = "port"
    ADDRESS = "address"
    """An address or a name that is not public."""


class RefusedUrlError(PermanentError):
    """The URL leads where we do not send. The text never repeats it: it may hold a secret."""

    def __init__(self, reason: UrlRefusal) -> None:
        super().__init__(f"the receiver's URL is refused: {reason.value}", reason=reason.value)
        self.refusal = reason


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be sent to. A host name in it is still resolved, and its addresses checked, at each send."""

    url: URL
    host: str

    def __repr__(self) -> str:
        return f"Target({self.url.scheme}://{self.host})"  # a path may be a secret (Slack's is)


def parse_target(url: str, *, allow_private: bool = False) -> Target:
    """Check `url`. `allow_private` lets private addresses, local names and any port through, and nothing else.

    Raises:
        RefusedUrlError: says what is wrong.
    """
    # What one parser takes for a host another takes for a path: a backslash, a tab, a second '@'.
    if not url.isascii() or not url.isprintable() or any(char in url for char in " \\"):
        raise RefusedUrlError(UrlRefusal.MALFORMED)
    try:
        parsed = URL(url, encoded=True)
        port, host = parsed.port, parsed.raw_host
    except ValueError:
        raise RefusedUrlError(UrlRefusal.MALFORMED) from None
    if parsed.scheme not in ("http", "https"):
        raise RefusedUrlError(UrlRefusal.SCHEME)
    if "@" in parsed.raw_authority:
        raise RefusedUrlError(UrlRefusal.CREDENTIALS)
    if not host:
        raise RefusedUrlError(UrlRefusal.HOST)
    if port is None or not 0 < port < 65_536 or (port not in PORTS and not allow_private):
        raise RefusedUrlError(UrlRefusal.PORT)
    _check_host(host, allow_private=allow_private)
    return Target(parsed, host)


def _check_host(host: str, *, allow_private: bool) -> None:
    try:
        address = str(ip_address(host))
    except ValueError:
        address = None
    if address is not None:
        if not allow_private and not is_public(address):
            raise RefusedUrlError(UrlRefusal.ADDRESS)
        return
    name = host.lower()
    # The last label of a real name is never a number: 2130706433, 0x7f.1 and 0177.0.0.1 are addresses in disguise.
    if not _HOST_NAME.match(name) or _NUMERIC.match(name.rpartition(".")[2]):
        raise RefusedUrlError(UrlRefusal.HOST)
    if not allow_private and (name.endswith(tuple(f".{suffix}" for suffix in _LOCAL)) or "." not in name):
        raise RefusedUrlError(UrlRefusal.ADDRESS)
