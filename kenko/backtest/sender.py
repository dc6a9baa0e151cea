"""Send events to ingest over HTTP: many at once, and those of one account in order.

Each account has its lane; a lane sends one batch at a time, the lanes go side by side. A batch that ingest cannot
take now (503, 429, no answer) is sent again as it is, no sooner than ingest asked for: what got in the first time is
found out by its id, so a repeat counts once.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BytesIO
from typing import Any

import aiohttp
import orjson

from kenko.backtest.event_file import FileEvent
from kenko.runtime.clock import Clock, SystemClock
from kenko.runtime.errors import PermanentError, TransientError

LANES = 4
BATCH = 250
BATCH_BYTES = 1_000_000
TOO_LARGE = "too_large"
PATIENCE_S = 120.0
"""How long one batch is tried again before the replay gives up."""
FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 10.0

_AGAIN = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class Rejected(PermanentError):  # noqa: N818 - the name says what it is
    """Ingest refuses the request as a whole: a wrong key, a wrong URL. No event of the file could get in."""


@dataclass
class Sent:
    """What became of the events so far."""

    accepted: int = 0
    rejected: dict[int, str] = field(default_factory=dict)
    """Line in the file -> what ingest said."""
    reasons: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    """Batches sent again."""


class EventSender:
    """Sends to one ingest."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        key: str | None,
        lanes: int = LANES,
        clock: Clock | None = None,
    ) -> None:
        self._session = session
        self._url = url.rstrip("/") + "/v1/events"
        self._headers = {"Content-Type": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._lanes = lanes
        self._clock = clock or SystemClock()
        self.sent = Sent()

    async def send(self, events: Iterable[FileEvent]) -> None:
        """Send the events and wait until ingest has answered for every one of them.

        Raises:
            TransientError: ingest took nothing for `PATIENCE_S`.
            Rejected: ingest refuses requests as a whole.
        """
        lanes: list[list[FileEvent]] = [[] for _ in range(self._lanes)]
        for event in events:
            lanes[zlib.crc32(event.account_id.encode("utf-8", "replace")) % self._lanes].append(event)
        try:
            async with asyncio.TaskGroup() as group:
                for lane in lanes:
                    if lane:
                        group.create_task(self._send_lane(lane))
        except ExceptionGroup as errors:
            # One lane's error ends the others; the first one says what is wrong.
            raise errors.exceptions[0] from errors

    async def _send_lane(self, lane: list[FileEvent]) -> None:
        for batch in _batches(lane):
            body = b"[" + b",".join(raw for _, raw in batch) + b"]"
            events = [event for event, _ in batch]
            try:
                answer = await self._until_taken(body)
            except Rejected as error:
                if error.reason != TOO_LARGE or len(events) > 1:
                    raise
                answer = {"failed_records": [{"index": 0, "code": TOO_LARGE, "message": str(error)}]}
            self._count(events, answer)

    async def _until_taken(self, body: bytes) -> dict[str, Any]:
        deadline = self._clock.monotonic() + PATIENCE_S
        wait_s = FIRST_WAIT_S
        while True:
            try:
                return await self._post(body)
            except TransientError as error:
                if self._clock.monotonic() > deadline:
                    raise
                await asyncio.sleep(max(wait_s, error.retry_after_s))
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
                self.sent.repeats += 1

    async def _post(self, body: bytes) -> dict[str, Any]:
        try:
            async with self._session.post(self._url, data=BytesIO(body), headers=self._headers) as response:
                return _judged(response.status, response.headers.get("Retry-After"), await response.read())
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
            raise TransientError(f"{self._url} does not answer: {error!r}", retry_after_s=0) from error

    def _count(self, batch: Sequence[FileEvent], answer: dict[str, Any]) -> None:
        refused = answer["failed_records"]
        for refusal in refused:
            event = batch[refusal["index"]]
            field = refusal.get("field")
            message = str(refusal["message"])
            self.sent.rejected[event.line] = f"{field}: {message}" if field else message
            self.sent.reasons[str(refusal["code"])] += 1
        self.sent.accepted += len(batch) - len(refused)


def _judged(status: int, retry_after: str | None, body: bytes) -> dict[str, Any]:
    """The answer about each event; otherwise an error that says what to do."""
    if status in _AGAIN:
        seconds = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
        raise TransientError(f"ingest answers {status}", retry_after_s=seconds)
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = {"detail": body.decode(errors="replace")[:500]}
    if isinstance(answer, dict) and "failed_records" in answer:
        return answer
    detail = answer.get("detail") if isinstance(answer, dict) else None
    reason = TOO_LARGE if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else f"status_{status}"
    raise Rejected(f"ingest answers {status}: {detail}", reason=reason)


def _batches(lane: Iterable[FileEvent]) -> Iterator[list[tuple[FileEvent, bytes]]]:
    """Events in order with their JSON, as many at a time as ingest likes."""
    batch: list[tuple[FileEvent, bytes]] = []
    size = 0
    for event in lane:
        raw = orjson.dumps(event.body)
        if batch and (len(batch) == BATCH or size + len(raw) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((event, raw))
        size += len(raw)
    if batch:
        yield batch
