"""`kenko traits`: say what is known of an account: seats, owner, renewal date."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

import orjson
import typer

from kenko.cli.amend import amendment, write
from kenko.cli.say import EXIT_USAGE, fail
from schemas.account_traits import AccountTraits, TraitValue

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def traits(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    values: Annotated[
        list[str],
        typer.Argument(metavar="NAME=VALUE...", help="For example seats=40 renewal_date=2026-06-30 owner=null."),
    ],
    *,
    at: Annotated[str | None, typer.Option(help="Since when it is so, as a full time; by default now.")] = None,
) -> None:
    """Say what is known of ACCOUNT. Traits that are not named stay as they are; null means: no longer known.

    A value is a number, true, false, null or a text; put it in JSON quotes ('"40"') to keep a number a text.

    Writes to the Kafka of the stack that runs here, or KENKO_KAFKA_URL.
    """
    known: dict[str, TraitValue] = {}
    for text in values:
        name, value = read_trait(text)
        if name in known:
            fail(f"{name} is given twice.", code=EXIT_USAGE)
        known[name] = value
    record = amendment(AccountTraits, account=account, at=at, traits=known)
    write(record, f"{account}: " + ", ".join(f"{name} {_shown(value)}" for name, value in record.traits.items()))


def read_trait(text: str) -> tuple[str, TraitValue]:
    """Name and value in `seats=40`."""
    name, equals, raw = text.partition("=")
    name, raw = name.strip(), raw.strip()
    if not equals or not name:
        raise typer.BadParameter(f"{text!r}: write NAME=VALUE, for example seats=40")
    if not name.isprintable():
        raise typer.BadParameter(f"{text!r}: the name holds characters that print nothing")
    if not raw:
        raise typer.BadParameter(f"{text!r}: no value; {name}=null means that it is no longer known")
    if _DAY.fullmatch(raw):
        try:
            date.fromisoformat(raw)
        except ValueError as error:
            raise typer.BadParameter(f"{text!r}: no day of the calendar ({error})") from None
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return name, raw
    if isinstance(value, list | dict):
        raise typer.BadParameter(f"{text!r}: a trait is a single value, no list and no object")
    return name, value if isinstance(value, str | bool | None) else float(value)


def _shown(value: TraitValue) -> str:
    match value:
        case None:
            return "is no longer known"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}" if abs(value) < 1e6 else f"{value:,.2f}".rstrip("0").rstrip(".")
        case _:
            return value
