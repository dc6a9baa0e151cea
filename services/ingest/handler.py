"""One request: who, what, into Kafka, and only then the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from kenko.dialects.body import BadBody, ReadBody, Refused, form_of, read_body
from kenko.dialects.cloudevents import encode_event
from kenko.dialects.problems import Problem, ProblemCode
from kenko.dialects.record import KafkaRecord
from kenko.dialects.times import Received
from kenko.runtime.clock import Clock
from kenko.runtime.errors import TransientError
from kenko.runtime.logging import get_logger
from schemas.base import from_ms
from schemas.dead_letter import DeadLetter
from schemas.topics import Topic
from schemas.usage_event import MAX_EVENT_BYTES
from services.ingest.answers import Refusal, RefusalCode, refused, success
from services.ingest.auth import AuthOutcome, Keyring
from services.ingest.budget import Budget, Share
from services.ingest.metrics import ACCEPTED, REJECTED, IngestMetrics
from services.ingest.request_body import read_request_body
from services.ingest.settings import IngestSettings
from services.ingest.sink import EventSink, Outgoing

APP: Final = "ingest"
MAX_DEAD_LETTER_BYTES: Final = 65_536
"""Of a dead letter that is larger, the beginning is kept: enough to find its sender."""

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class IngestHandler:
    """POST /v1/events."""

    settings: IngestSettings
    keyring: Keyring
    sink: EventSink
    clock: Clock
    metrics: IngestMetrics
    budget: Budget

    async def handle(self, request: Request) -> Response:
        """Always an answer, and one of the known statuses."""
        started = self.clock.monotonic()
        try:
            response = await self._take(request)
        except Refusal as refusal:
            response = refused(refusal)
        except Exception:  # noqa: BLE001 - whatever it is, the client must hear that nothing is known to be kept
            _log.exception("ingest.request_failed")
            detail = "Kenko made a mistake; nothing is known to be stored: send it again"
            response = refused(Refusal(RefusalCode.INTERNAL, detail, retry_after_s=5))
        self.metrics.requests.labels(str(response.status_code)).inc()
        self.metrics.request_seconds.observe(self.clock.monotonic() - started)
        return response

    async def _take(self, request: Request) -> Response:
        self._admit(request)
        content_type = request.headers.get("content-type", "")
        form = form_of(content_type)
        if form is None:
            raise Refusal(
                RefusalCode.UNSUPPORTED_MEDIA_TYPE,
                "Content-Type must be application/json, application/cloudevents+json"
                " or application/cloudevents-batch+json, in UTF-8",
            )
        with self.budget.open() as share:
            body = await self._read(request, share)
            received_ms = self.clock.now_ms()
            try:
                read = read_body(body, form, Received(from_ms(received_ms), received_ms))
            except BadBody as error:
                await self._refuse_body(body, error)
            return await self._keep(read)

    def _admit(self, request: Request) -> None:
        outcome = self.keyring.judge(request.headers.get("authorization"), request.headers.get("x-api-key"))
        self.metrics.auth.labels(outcome.value).inc()
        if outcome is not AuthOutcome.ADMITTED:
            raise Refusal(
                RefusalCode.UNAUTHORIZED,
                "a valid API key is required: Authorization: Bearer KEY, or Basic with the key as user name,"
                " or X-API-Key",
                headers={"WWW-Authenticate": 'Bearer realm="kenko"'},
            )

    async def _read(self, request: Request, share: Share) -> bytes:
        return await read_request_body(
            request,
            max_bytes=self.settings.ingest_max_body_bytes,
            timeout_s=self.settings.ingest_read_timeout_s,
            share=share,
        )

    async def _keep(self, read: ReadBody) -> Response:
        """Write the good events and the dead letters of the bad ones, wait for both, and say which is which."""
        records, refused_events = _encode(read)
        letters = [_dead_letter(refusal) for refusal in refused_events]
        await self._write([*records, *letters])
        problems = [refusal.problem for refusal in refused_events]
        self.metrics.events.labels(ACCEPTED, "").inc(len(records))
        self._count(problems)
        if problems and not records:
            raise _nothing_accepted(problems)
        return success(len(records), problems)

    async def _refuse_body(self, body: bytes, error: BadBody) -> None:
        problem = Problem(0, None, None, error.code, error.message)
        await self._write([_dead_letter(Refused(problem, body))])
        self._count([problem])
        too_large = error.code is ProblemCode.TOO_LARGE
        raise Refusal(RefusalCode.TOO_LARGE if too_large else RefusalCode.UNDECODABLE, error.message)

    async def _write(self, records: Sequence[Outgoing]) -> None:
        """A crash or a failure in the middle repeats and never loses: nothing was answered, so the client sends again."""
        started = self.clock.monotonic()
        try:
            await self.sink.write(records)
        except TransientError as error:
            _log.warning("ingest.write_failed", records=len(records), error=str(error))
            detail = "Kafka cannot take events now: send the same again later, with the same ids"
            raise Refusal(RefusalCode.KAFKA_AWAY, detail, retry_after_s=error.retry_after_s) from error
        self.metrics.produce_seconds.observe(self.clock.monotonic() - started)

    def _count(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            self.metrics.events.labels(REJECTED, problem.code.value).inc()


def _encode(read: ReadBody) -> tuple[list[Outgoing], list[Refused]]:
    """The records of the good events. One may still grow too large: some numbers are longer when written again."""
    records: list[Outgoing] = []
    grown: list[Refused] = []
    for index, raw, event in read.events:
        record = encode_event(event)
        if len(record.value) > MAX_EVENT_BYTES:
            message = f"an event is at most {MAX_EVENT_BYTES} bytes of JSON"
            grown.append(Refused(Problem(index, event.id, None, ProblemCode.TOO_LARGE, message), raw))
        else:
            records.append(Outgoing(Topic.USAGE_EVENTS, record))
    if not grown:
        return records, read.refused
    return records, sorted([*read.refused, *grown], key=lambda refusal: refusal.problem.index)


def _dead_letter(refusal: Refused) -> Outgoing:
    """The bytes as they came, with the reason. It has no key: what is wrong with it may be just that."""
    problem, raw = refusal
    letter = DeadLetter(reason=problem.code.dead_letter_reason, message=problem.message, app=APP)
    if len(raw) > MAX_DEAD_LETTER_BYTES:
        kept = f"{letter.message} (the first {MAX_DEAD_LETTER_BYTES} of {len(raw)} bytes are kept)"
        letter = letter.model_copy(update={"message": kept})
    return Outgoing(Topic.DEAD_LETTERS, KafkaRecord(None, raw[:MAX_DEAD_LETTER_BYTES], letter.headers()))


def _nothing_accepted(problems: Sequence[Problem]) -> Refusal:
    problem = problems[0]
    detail = problem.message if len(problems) == 1 else f"none of {len(problems)} events is valid; {problem.message}"
    too_large = all(p.code is ProblemCode.TOO_LARGE for p in problems)
    return Refusal(RefusalCode.TOO_LARGE if too_large else RefusalCode.INVALID_EVENTS, detail, problems=problems)
