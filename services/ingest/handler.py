"""One request: who, what, into Kafka, and only then the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, NoReturn

import orjson
from starlette.requests import Request
from starlette.responses import Response

from kenko.dialects.cloudevents import encode_event, encode_traits
from kenko.dialects.known_accounts import KnownAccounts
from kenko.dialects.problems import Problem, ProblemCode
from kenko.dialects.reading import Dialect, DialectName, Reading, Refused, Taken, read_items
from kenko.dialects.record import KafkaRecord
from kenko.dialects.request import BadBody, RequestParts, UnsupportedMedia
from kenko.dialects.routes import ROUTES
from kenko.dialects.sending import Origin, Sending
from kenko.dialects.times import Received
from kenko.runtime.api_keys import Scope
from kenko.runtime.clock import Clock
from kenko.runtime.errors import TransientError
from kenko.runtime.logging import get_logger
from schemas.account_traits import AccountTraits
from schemas.base import from_ms
from schemas.dead_letter import DeadLetter
from schemas.topics import Topic
from schemas.usage_event import MAX_EVENT_BYTES, UsageEvent
from services.ingest.admission import Admission
from services.ingest.answers import Refusal, RefusalCode, plain_success, refused, success
from services.ingest.auth import Sender, presented_key
from services.ingest.budget import Budget, Share
from services.ingest.metrics import ACCEPTED, NOTED, REJECTED, UNATTRIBUTED, IngestMetrics
from services.ingest.problem_book import ProblemBook
from services.ingest.request_body import read_request_body
from services.ingest.settings import IngestSettings
from services.ingest.sink import EventSink, Outgoing

APP: Final = "ingest"
MAX_DEAD_LETTER_BYTES: Final = 65_536
"""Of a dead letter that is larger, the beginning is kept: enough to find its sender."""

_log = get_logger(__name__)


class _Came(NamedTuple):
    """How a request came: what a dead letter keeps of it beside the item."""

    dialect: DialectName
    path: str
    sender: Sender
    backfill: bool = False


@dataclass(frozen=True, kw_only=True)
class IngestHandler:
    """POST to any of the paths that clients use."""

    settings: IngestSettings
    admission: Admission
    sink: EventSink
    clock: Clock
    metrics: IngestMetrics
    budget: Budget
    problems: ProblemBook
    known: KnownAccounts = field(default_factory=KnownAccounts)

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

    def drop(self) -> Response:
        """All is well, to what is of no use to us. Nothing of it is read, so nobody is asked for a key."""
        response = success(0, [], {})
        self.metrics.requests.labels(str(response.status_code)).inc()
        return response

    async def _take(self, request: Request) -> Response:
        headers = request.headers
        address = _address(request)
        parts = RequestParts(request.scope["path"], headers.get("content-type", ""), headers, request.query_params, b"")
        key = presented_key(headers.get("authorization"), headers.get("x-api-key"))
        try:
            dialect = ROUTES[parts.path](parts)
        except UnsupportedMedia as error:
            self.admission.admit(key, address)
            raise Refusal(RefusalCode.UNSUPPORTED_MEDIA_TYPE, str(error)) from None
        sender = None if key is None and dialect.key_in_body else self.admission.admit(key, address)
        with self.budget.open() as share:
            parts = parts._replace(body=await self._read(_encoded(request, dialect), share))
            received_ms = self.clock.now_ms()
            try:
                envelope = dialect.open(parts)
                if sender is None:
                    key = _bytes(envelope.key)
                    sender = self.admission.admit(key, address)
                self.admission.spent(sender, len(envelope.items))
                origin = Origin(sender.sources, backfill=envelope.backfill)
                sending = Sending(Received(from_ms(received_ms), received_ms), origin, self.known)
                reading = read_items(dialect, envelope, sending)
            except BadBody as error:
                sender = sender or self.admission.admit(None, address)
                await self._refuse_body(_without_key(parts.body, key), error, _Came(dialect.name, parts.path, sender))
            except UnsupportedMedia as error:
                raise Refusal(RefusalCode.UNSUPPORTED_MEDIA_TYPE, str(error)) from None
            came = _Came(dialect.name, parts.path, sender, envelope.backfill)
            response = await self._keep(reading, dialect, came, key)
            return plain_success() if envelope.terse else response

    def report(self, request: Request) -> Response:
        """What is wrong with the events of late, for whoever may read it."""
        key = presented_key(request.headers.get("authorization"), request.headers.get("x-api-key"))
        try:
            reader = self.admission.admit(key, _address(request), Scope.READ)
        except Refusal as refusal:
            return refused(refusal)
        return Response(orjson.dumps(self.problems.report(reader.sources)), media_type="application/json")

    async def _read(self, request: Request, share: Share) -> bytes:
        return await read_request_body(
            request,
            max_bytes=self.settings.ingest_max_body_bytes,
            timeout_s=self.settings.ingest_read_timeout_s,
            share=share,
        )

    async def _keep(self, reading: Reading, dialect: Dialect, came: _Came, key: bytes | None) -> Response:
        """Write the good events and the dead letters of the bad ones, wait for both, and say which is which."""
        records, reading = _encode(reading)
        letters = [_dead_letter(Refused(problem, _without_key(raw, key)), came) for problem, raw in reading.refused]
        await self._write([*records, *letters])
        self._count(dialect.name, ACCEPTED, len(records))
        self._count(dialect.name, NOTED, len(reading.taken) - len(records))
        problems = [refusal.problem for refusal in reading.refused]
        self._count_problems(came, len(reading.taken), problems)
        if problems and not reading.taken and any(p.code is not ProblemCode.UNATTRIBUTED for p in problems):
            raise _nothing_accepted(problems)
        return success(len(reading.taken), problems, dialect.answer(reading))

    async def _refuse_body(self, body: bytes, error: BadBody, came: _Came) -> NoReturn:
        problem = Problem(0, None, None, error.code, error.message)
        await self._write([_dead_letter(Refused(problem, body), came)])
        self._count_problems(came, 0, [problem])
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

    def _count(self, dialect: DialectName, outcome: str, number: int) -> None:
        if number:
            self.metrics.events.labels(dialect.value, outcome, "").inc(number)

    def _count_problems(self, came: _Came, kept: int, problems: Sequence[Problem]) -> None:
        dialect = came.dialect
        source = came.sender.sources[0] if came.sender.sources else dialect.value
        self.problems.note(source, dialect, kept, problems, from_ms(self.clock.now_ms()))
        for problem in problems:
            outcome = UNATTRIBUTED if problem.code is ProblemCode.UNATTRIBUTED else REJECTED
            self.metrics.events.labels(dialect.value, outcome, problem.code.value).inc()


def _address(request: Request) -> str:
    """Where the request came from: of one behind a proxy, the proxy."""
    return request.client.host if request.client is not None else ""


def _bytes(key: str | None) -> bytes | None:
    return None if key is None else key.encode()


def _encoded(request: Request, dialect: Dialect) -> Request:
    """The request with the Content-Encoding that its client told elsewhere, so that the one set of limits holds."""
    if dialect.encoding is None:
        return request
    headers = [*request.scope["headers"], (b"content-encoding", dialect.encoding.encode())]
    return Request({**request.scope, "headers": headers}, request.receive)


def _without_key(raw: bytes, key: bytes | None) -> bytes:
    """Bytes that may be kept and shown: some clients put the key into each event."""
    return raw.replace(key, b"[key]") if key else raw


def _encode(reading: Reading) -> tuple[list[Outgoing], Reading]:
    """The records of the good items. One may still grow too large: some numbers are longer when written again."""
    records: list[Outgoing] = []
    grown: list[Refused] = []
    for index, raw, item in reading.taken:
        if isinstance(item, UsageEvent):
            record = encode_event(item)
        elif isinstance(item, AccountTraits):
            record = encode_traits(item)
        else:
            continue
        if len(record.value) > MAX_EVENT_BYTES:
            message = f"an event is at most {MAX_EVENT_BYTES} bytes of JSON"
            grown.append(Refused(Problem(index, item.id, None, ProblemCode.TOO_LARGE, message), raw))
        else:
            records.append(Outgoing(Topic.USAGE_EVENTS, record))
    return records, _without(reading, grown) if grown else reading


def _without(reading: Reading, grown: list[Refused]) -> Reading:
    gone = {refusal.problem.index for refusal in grown}
    taken: list[Taken] = [item for item in reading.taken if item.place not in gone]
    return Reading(taken, sorted([*reading.refused, *grown], key=lambda refusal: refusal.problem.index))


def _dead_letter(refusal: Refused, came: _Came) -> Outgoing:
    """The bytes as they came, with the reason. It has no key: what is wrong with it may be just that."""
    problem, raw = refusal
    letter = DeadLetter(
        reason=problem.code.dead_letter_reason,
        message=problem.message,
        app=APP,
        dialect=came.dialect.value,
        path=came.path,
        source=came.sender.sources[0] if came.sender.sources else None,
        backfill=came.backfill,
    )
    if len(raw) > MAX_DEAD_LETTER_BYTES:
        kept = f"{letter.message} (the first {MAX_DEAD_LETTER_BYTES} of {len(raw)} bytes are kept)"
        letter = letter.model_copy(update={"message": kept})
    return Outgoing(Topic.DEAD_LETTERS, KafkaRecord(None, raw[:MAX_DEAD_LETTER_BYTES], letter.headers()))


def _nothing_accepted(problems: Sequence[Problem]) -> Refusal:
    problem = problems[0]
    detail = problem.message if len(problems) == 1 else f"none of {len(problems)} events is valid; {problem.message}"
    too_large = all(p.code is ProblemCode.TOO_LARGE for p in problems)
    return Refusal(RefusalCode.TOO_LARGE if too_large else RefusalCode.INVALID_EVENTS, detail, problems=problems)
