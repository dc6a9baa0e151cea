"""What ingest says is wrong with the events it was sent, by source. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from kenko.cli.doctor.facts import Unknown
from kenko.cli.doctor.finding import Finding, fail, ok, skipped, some, warn
from kenko.cli.doctor.ingest_report import IngestReport, SourceReport
from kenko.cli.printable import printable
from kenko.dialects.problems import ProblemCode

MUCH_UNATTRIBUTED: Final = 0.05
MOST_OF_A_SOURCE: Final = 0.5
"""A source of which so much is lost is as good as not connected."""
SHOWN: Final = 3
SHOWN_NAME: Final = 60
SHOWN_MESSAGE: Final = 160

MENDS: Final[Mapping[str, str]] = {
    ProblemCode.UNDECODABLE: "send strict JSON in UTF-8, without NaN",
    ProblemCode.MISSING: "send the field that the message names",
    ProblemCode.INVALID: "send the field as the message says",
    ProblemCode.UNKNOWN_FIELD: "put free values under properties",
    ProblemCode.RESERVED: "rename the event: names that begin with kenko. are Kenko's own",
    ProblemCode.IN_THE_FUTURE: "run NTP where the sender runs; once the time has come, kenko dlq retry --reason in_the_future",
    ProblemCode.TOO_LARGE: "send less in one event (at most 32 KB), and fewer in one request",
    ProblemCode.TOO_DEEP: "nest the properties less deeply",
    ProblemCode.UNATTRIBUTED: "send groupId, $groups or account_id with the call, or a group call for the user before; then"
    " kenko dlq retry --reason unattributed --learn 7d",
    ProblemCode.FORBIDDEN_SOURCE: "give the sender a key for this source: kenko keys create NAME --source SOURCE",
}


class _Lost(NamedTuple):
    source: str
    code: str
    number: int
    message: str


def answers(report: IngestReport | Unknown) -> Finding:
    """It is there, and says what it knows."""
    if isinstance(report, Unknown):
        if not report.error:
            return skipped(report.because)
        return fail(
            f"Ingest does not say what is wrong: {report.error}",
            "See that --url is http://HOST:PORT of ingest, and that KENKO_KEY holds a key made with:"
            " kenko keys create NAME --scope read",
        )
    accepted = sum(source.accepted for source in report.sources)
    seen = sum(source.seen for source in report.sources)
    return ok(f"This process of ingest has accepted {accepted:,} of {seen:,} events since {_since(report)}.")


def unattributed(report: IngestReport) -> Finding:
    """Events of which nobody can tell the account do not count for anybody."""
    much = [source for source in report.sources if _share(source) > MUCH_UNATTRIBUTED]
    if not much:
        return ok(f"No source has more than {MUCH_UNATTRIBUTED:.0%} of its events without an account.")
    much.sort(key=_share, reverse=True)
    named = [f"{_name(s.source)} {_share(s):.1%} ({s.unattributed:,} of {s.seen:,})" for s in much]
    judge = fail if _share(much[0]) >= MOST_OF_A_SOURCE else warn
    return judge(
        f"Of these sources too many events name no account, since {_since(report)}: {some(named)}.",
        f"{_capital(MENDS[ProblemCode.UNATTRIBUTED])}.",
    )


def problems(report: IngestReport) -> Finding:
    """What is refused most. What has no account is told apart, by `unattributed`."""
    lost = [
        _Lost(source.source, problem.code, problem.count, problem.last_message)
        for source in report.sources
        for problem in source.problems
        if problem.code != ProblemCode.UNATTRIBUTED
    ]
    if not lost:
        return ok(f"Nothing was refused since {_since(report)}.")
    lost.sort(key=lambda one: -one.number)
    top = lost[:SHOWN]
    named = [f"{_name(o.source)} {_name(o.code)} {o.number:,} ({printable(o.message, SHOWN_MESSAGE)})" for o in top]
    mends = [f"{_name(o.source)}: {MENDS.get(o.code, 'do as the message says')}" for o in top]
    total = sum(one.number for one in lost)
    nearly_all = any(source.seen and source.rejected / source.seen >= MOST_OF_A_SOURCE for source in report.sources)
    return (fail if nearly_all else warn)(
        f"{total:,} events were refused since {_since(report)}, most of them: {'; '.join(named)}.",
        f"{'; '.join(dict.fromkeys(mends))}. kenko tail --rejected shows them as they come.",
    )


def _share(source: SourceReport) -> float:
    return source.unattributed / source.seen if source.seen else 0.0


def _since(report: IngestReport) -> str:
    return f"{report.since:%Y-%m-%d %H:%M} UTC"


def _name(text: str) -> str:
    return printable(text, SHOWN_NAME)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
