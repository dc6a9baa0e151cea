"""The HTTP protocol of uvicorn, guarded: connections that never finish their headers, or send too many, are ended.

uvicorn has a time-out between requests, but none for the headers of one, and with httptools no limit on their size.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.ingest.answers import STATUS, Refusal, RefusalCode, refused
from services.ingest.corked import Corked

MAX_HEADER_BYTES: Final = 32_768
LINGER_S: Final = 2.0
"""After an early answer the rest of the body is read and dropped for so long: closing at once would lose the answer."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection. `guarded` makes the class with its limits."""

    header_timeout_s: float = 15.0
    max_connections: int = 2_000

    _header_bytes: int | None = 0
    """Bytes of headers so far; None while no headers are awaited."""
    _header_timer: asyncio.TimerHandle | None = None
    _body_open: bool = False
    """The body of the newest request is still coming."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(Corked(transport, self.loop))  # type: ignore[arg-type] # all that uvicorn uses of one
        if len(self.connections) > self.max_connections:
            self._end(Refusal(RefusalCode.OVERLOADED, "too many connections: try again later", retry_after_s=5))
            return
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._header_bytes is not None:
            self._header_bytes += len(data)
            if self._header_bytes > MAX_HEADER_BYTES:
                self._end(_HEADERS_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._header_timer is None:
            self._await_headers()

    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._header_bytes = None
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MAX_HEADER_BYTES:
            self._end(_HEADERS_TOO_LARGE)
            return
        self._body_open = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._body_open = False
        if not self.transport.is_closing():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._body_open and self.cycle.response_complete:
            self.loop.call_later(LINGER_S, self._stop_lingering, self.cycle)

    def _stop_lingering(self, cycle: object) -> None:
        if self._body_open and self.cycle is cycle:
            self.transport.close()

    def _await_headers(self) -> None:
        self._header_bytes = 0
        self._header_timer = self.loop.call_later(self.header_timeout_s, self._headers_overdue)

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _headers_overdue(self) -> None:
        self._end(Refusal(RefusalCode.TIMEOUT, f"the headers did not arrive within {self.header_timeout_s:g} s"))

    def _end(self, refusal: Refusal) -> None:
        """Answer and close, without the application: there is no request to give it."""
        self._stop_timer()
        self._header_bytes = None
        if self.transport.is_closing():
            return
        response = refused(refusal)
        status = STATUS[refusal.code]
        head = [f"HTTP/1.1 {status.value} {status.phrase}".encode(), b"connection: close"]
        head += [name + b": " + value for name, value in response.raw_headers]
        self.transport.write(b"\r\n".join(head) + b"\r\n\r\n" + bytes(response.body))
        self.transport.close()


_HEADERS_TOO_LARGE: Final = Refusal(RefusalCode.HEADERS_TOO_LARGE, f"headers are at most {MAX_HEADER_BYTES} bytes")


def guarded(*, header_timeout_s: float, max_connections: int) -> type[GuardedProtocol]:
    """The protocol with these limits: uvicorn takes a class, and gives it no settings."""
    limits: dict[str, Any] = {"header_timeout_s": header_timeout_s, "max_connections": max_connections}
    return type("GuardedProtocol", (GuardedProtocol,), limits)
