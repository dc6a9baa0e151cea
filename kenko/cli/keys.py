"""`kenko keys`: API keys, made, listed and revoked."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from pydantic import ValidationError
from rich.table import Table

from kenko.cli.durations import read_duration
from kenko.cli.key_file import Wanted, read_or_empty, with_new_key, without, write
from kenko.cli.say import EXIT_USAGE, fail, foreseen, out
from kenko.runtime.api_keys import ApiKey, Scope, read_key_file
from kenko.runtime.clock import SystemClock
from schemas.base import from_ms

File = Annotated[
    Path, typer.Option("--file", envvar="KENKO_KEYS_FILE", help="The file that the services read.", show_default=True)
]
DEFAULT_FILE = Path("keys.json")


def keys_create(
    name: Annotated[str, typer.Argument(help="Who gets it, for example billing-service.")],
    *,
    scope: Annotated[list[Scope], typer.Option(help="What it may do; several are allowed.")] = [Scope.INGEST],  # noqa: B006 - typer copies it
    source: Annotated[
        list[str], typer.Option(help="What it may send for; by default anything. The first is that of events without.")
    ] = [],  # noqa: B006 - as above
    expires: Annotated[str | None, typer.Option(help="After how long it counts no more: 90d, 12h.")] = None,
    rate: Annotated[float | None, typer.Option(help="Events a second; by default that of the service.", min=1)] = None,
    file: File = DEFAULT_FILE,
) -> None:
    """Make a key and print it, once: the file keeps only its hash.

    Running services read the file again within 5 seconds. A name may have two live keys, so that they can be rotated:
    make the new one, give it out, then revoke the old one.
    """
    now = _now()
    with foreseen():
        expires_at = None if expires is None else from_ms(SystemClock().now_ms() + read_duration(expires))
        try:
            wanted = Wanted(name, tuple(scope), tuple(source), rate, expires_at)
            made = with_new_key(read_or_empty(file), wanted, now)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            fail(f"{first['loc'][0]}: {first['msg']}", code=EXIT_USAGE)
        write(file, made.file)
    typer.echo(made.key)
    typer.echo(f"Written to {file} as a hash. This is the only time it is shown.", err=True)


def keys_list(
    *,
    json: Annotated[bool, typer.Option("--json", help="As JSON lines.")] = False,
    file: File = DEFAULT_FILE,
) -> None:
    """All keys of the file, revoked and expired ones too."""
    now = _now()
    with foreseen():
        keys = read_key_file(file).keys
    if json:
        for key in keys:
            shown = key.model_dump(mode="json", exclude={"hash"}) | {"state": _state(key, now)}
            typer.echo(orjson.dumps(shown).decode())
        return
    if not keys:
        out.print(f"{file} holds no keys. Make one with: kenko keys create NAME", markup=False)
        return
    table = Table("id", "name", "state", "may", "sources", "made", "expires")
    for key in keys:
        table.add_row(
            key.id,
            key.name,
            _state(key, now),
            ", ".join(scope.value for scope in key.scopes),
            ", ".join(key.sources) or "any",
            f"{key.created_at:%Y-%m-%d}",
            "never" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d %H:%M}",
        )
    out.print(table)


def keys_revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="Its 8 hexadecimal digits: the part after kenko_.")],
    *,
    file: File = DEFAULT_FILE,
) -> None:
    """Let a key count no more: within 5 seconds, in every service that reads the file."""
    with foreseen():
        write(file, without(read_key_file(file), key, _now()))
    typer.echo(f"{key} is revoked.")


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "live" if key.is_live(now) else "expired"


def _now() -> datetime:
    return from_ms(SystemClock().now_ms())
