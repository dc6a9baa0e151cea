"""Resolver: names become addresses that were checked, and the connection is made to exactly those."""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from kenko.delivery.address import is_public


class RefusedAddressError(OSError):
    """The name leads to an address that is not public."""


class GuardedResolver(AbstractResolver):
    """Asks `inner`, and refuses the whole answer if one address in it is not public.

    aiohttp connects to what this returns and asks no one again, so the name cannot change its mind between check
    and connection; Host and SNI stay the name.
    """

    def __init__(self, inner: AbstractResolver, *, allow_private: bool = False) -> None:
        self._inner = inner
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answers = await self._inner.resolve(host, port, family)
        if not self._allow_private and not all(is_public(answer["host"]) for answer in answers):
            raise RefusedAddressError("the name leads to an address that is not public")
        return answers

    async def close(self) -> None:
        await self._inner.close()
