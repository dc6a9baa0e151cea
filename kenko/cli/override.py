"""`kenko override`: set an account's score by hand, for a time, with a reason; or lift that again."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from kenko.cli.amend import amendment, write
from kenko.cli.durations import read_day_or_time
from kenko.cli.say import EXIT_USAGE, fail
from schemas.base import from_ms
from schemas.override import Override

LIFTED = "Lifted by hand."


def override(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    *,
    score: Annotated[float | None, typer.Option(min=0, max=100, help="The score from now on.")] = None,
    until: Annotated[
        str | None, typer.Option(help="When it ends by itself: 2026-04-01 (midnight UTC) or a full time.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why: it is shown beside the score.")] = None,
    author: Annotated[str | None, typer.Option(help="Who sets it; by default you.")] = None,
    lift: Annotated[bool, typer.Option("--lift", help="End an override: what is measured counts again.")] = False,
    at: Annotated[str | None, typer.Option(help="Since when, as a full time; by default now.")] = None,
) -> None:
    """Set the score of ACCOUNT by hand. What is measured goes on, and is shown beside it.

    Writes to the Kafka of the stack that runs here, or KENKO_KAFKA_URL.
    """
    if lift and (score is not None or until is not None):
        fail("--lift goes without --score and --until.", code=EXIT_USAGE)
    if not lift and score is None:
        fail("Which score? Give --score 0 to 100, or --lift to end an override.", code=EXIT_USAGE)
    reason = (reason or "").strip() or (LIFTED if lift else "")
    if not reason:
        fail("Why? Give --reason: whoever sees the score will ask.", code=EXIT_USAGE)
    ends = None if until is None else from_ms(read_day_or_time(until))
    author = (author or user()).strip()
    record = amendment(Override, account=account, at=at, score=score, until=ends, reason=reason, author=author)
    if ends is not None and ends <= record.time:
        fail(
            f"--until {until} lies before {record.time:%Y-%m-%d %H:%M} UTC: it would end before it begins.",
            code=EXIT_USAGE,
        )
    if lift:
        said = f"{account}: no override any more, lifted by {author}"
    else:
        end = "until it is lifted" if ends is None else f"until {ends:%Y-%m-%d %H:%M} UTC"
        said = f"{account}: score {score:g} {end}, set by {author}"
    write(record, said)


def user() -> str:
    """Who runs the command; where nobody can tell, the command ends."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container without such a user
        fail("Who sets it? Give --author.", code=EXIT_USAGE)
