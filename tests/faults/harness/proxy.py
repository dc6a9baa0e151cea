"""A TCP proxy that is slow, cuts connections in the middle of an answer, or lets nothing through."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Self

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of no time: close() answers with a reset."""


class Proxy:
    """Async context manager; listens on a free loopback port and speaks to `target` (host, port)."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.delay_s = 0.0
        """Each piece of an answer comes so much later."""
        self.cut_in = 0
        """The so many-th answer from now comes half, then a reset; 0: none."""
        self.cuts = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.reset_all()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def reset_all(self) -> int:
        """Reset every connection; how many there were."""
        number = len(self._writers) // 2
        for writer in list(self._writers):
            self._reset(writer)
        return number

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(*self._target)
        except OSError:  # the server is away: so is the proxy
            self._reset(writer)
            return
        self._writers |= {writer, back}
        try:
            await asyncio.gather(self._pump(reader, back, answers=False), self._pump(there, writer, answers=True))
        finally:
            for one in (writer, back):
                self._writers.discard(one)
                one.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        with contextlib.suppress(OSError):  # one side has gone, and with it this direction
            while data := await reader.read(65_536):
                if answers:
                    if self.delay_s:
                        await asyncio.sleep(self.delay_s)
                    if self._cuts_now():
                        writer.write(data[: len(data) // 2])
                        self._reset(writer)
                        return
                writer.write(data)
                await writer.drain()
        writer.close()

    def _cuts_now(self) -> bool:
        if self.cut_in == 0:
            return False
        self.cut_in -= 1
        self.cuts += self.cut_in == 0
        return self.cut_in == 0

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()
