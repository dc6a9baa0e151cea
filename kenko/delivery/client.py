"""The one HTTP client that talks to receivers: no redirects, no proxies, no cookies, checked addresses, capped."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver

from kenko.alerting.outcome import SendError
from kenko.delivery.resolver import GuardedResolver, RefusedAddressError
from kenko.delivery.target import RefusedUrlError, parse_target

TOTAL_TIMEOUT_S = 15.0
"""Of a whole try: name, connection, TLS, sending, answer."""
MAX_READ = 64 * 1024
"""Bytes of an answer that are read at most, and thrown away: reading lets the connection be used again."""
READ_TIMEOUT_S = 2.0
"""The status says all there is to know: a slow body is not waited for."""
DNS_CACHE_S = 10
HEADERS = frozenset({"content-type", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature"})
"""All that a receiver may set; the rest is aiohttp's own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a try brought: a status with the header that matters, or why there is none."""

    status: int | None = None
    retry_after: str | None = None
    error: SendError | None = None


class GuardedClient:
    """An `async with` of it holds its connections. The body of an answer is never kept, shown or logged."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        timeout_s: float = TOTAL_TIMEOUT_S,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._timeout_s = timeout_s
        self._inner = resolver
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        inner = self._inner or aiohttp.ThreadedResolver()
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(inner, allow_private=self._allow_private),
            ttl_dns_cache=DNS_CACHE_S,  # holds checked answers only
            limit=100,
            limit_per_host=20,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            auto_decompress=False,  # a compressed answer is not worth a bomb
            trust_env=False,  # a proxy would resolve the name again, unchecked
            headers={"User-Agent": "kenko"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One POST. Never raises for what the receiver or the network does.

        Raises:
            ValueError: a header that is not on the list, or holds a line break.
        """
        if self._session is None:
            raise ValueError("the client is used outside its 'async with'")
        for name, value in headers.items():
            if name.lower() not in HEADERS or not value.isprintable():
                raise ValueError(f"header {name!a} is not on the list, or its value is not printable")
        try:
            # At every send: a literal address never reaches the resolver.
            target = parse_target(url, allow_private=self._allow_private)
            async with self._session.post(
                target.url, data=body, headers=dict(headers), allow_redirects=False
            ) as response:
                answer = Answer(response.status, response.headers.get("Retry-After"))
                await _drain(response)
                return answer
        except (RefusedUrlError, RefusedAddressError):
            return Answer(error=SendError.REFUSED_ADDRESS)
        except TimeoutError:
            return Answer(error=SendError.TIMEOUT)
        except aiohttp.ClientSSLError:
            return Answer(error=SendError.BAD_TLS)
        except (aiohttp.ClientError, OSError) as error:
            refused = isinstance(error.__cause__, RefusedAddressError) or isinstance(
                getattr(error, "os_error", None), RefusedAddressError
            )
            return Answer(error=SendError.REFUSED_ADDRESS if refused else SendError.UNREACHABLE)


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Read a short rest, so that the connection can be used again; close it where the rest is long, slow or broken."""
    left = MAX_READ
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            while left > 0:
                chunk = await response.content.read(min(left, 8192))
                if not chunk:
                    return
                left -= len(chunk)
    except (TimeoutError, aiohttp.ClientError, OSError):
        pass  # the status was received, and it alone decides
    response.close()
