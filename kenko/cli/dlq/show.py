"""`kenko dlq show`: one dead letter, whole."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import typer

from kenko.cli.dlq.letter import Letter
from kenko.cli.dlq.reading import letters_at, read_place
from kenko.cli.local_info import found_settings
from kenko.cli.printable import dump, printable, printable_bytes
from kenko.cli.say import fail, foreseen, out
from kenko.runtime.settings import Settings
from schemas.base import from_ms
from schemas.dead_letter import DeadLetter


def dlq_show(
    place: Annotated[str, typer.Argument(metavar="PARTITION:OFFSET", help="As `kenko dlq ls` shows it.")],
) -> None:
    """Print one dead letter: why, where it stood, its headers, key and bytes. Bytes that are no text in hexadecimal."""
    wanted = read_place(place)
    with foreseen():
        settings, _ = found_settings(Settings, os.environ)
        found = asyncio.run(letters_at(settings, [wanted]))
    if wanted not in found:
        fail(f"No dead letter stands at {wanted}. It was never there, or is older than the topic's retention.")
    letter = found[wanted]
    if letter is None:
        fail(f"The record at {wanted} is no dead letter of Kenko: it has no kenko.error.* headers.")
    for line in _lines(letter):
        out.print(line, markup=False, soft_wrap=True)


def _lines(letter: Letter) -> list[str]:
    error = letter.error
    return [
        f"reason   {error.reason.value}",
        f"message  {printable(error.message)}",
        f"app      {printable(error.app)}",
        f"stood    {letter.stood}",
        *([f"came     {printable(_came(error))}"] if error.dialect is not None else []),
        f"written  {from_ms(letter.written_ms):%Y-%m-%d %H:%M:%S} UTC",
        f"key      {'none' if letter.key is None else printable_bytes(letter.key)}",
        f"headers  {len(letter.headers)}",
        *(f"  {printable(name)}: {printable_bytes(value)}" for name, value in letter.headers),
        f"value    {len(letter.value):,} bytes",
        *(f"  {line}" for line in dump(letter.value).split("\n")),
    ]


def _came(error: DeadLetter) -> str:
    """How its request came: `segment, /v1/batch, history`."""
    parts = (
        error.dialect,
        error.path,
        error.source and f"source {error.source}",
        "history" if error.backfill else None,
    )
    return ", ".join(part for part in parts if part)
