"""The keys file, changed by a person: read, changed, and put in place as a whole."""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from kenko.cli.say import EXIT_USAGE, fail
from kenko.runtime.api_keys import LIVE_FOR_ONE_NAME, ApiKey, KeyFile, Scope, new_key, read_key_file


class Wanted(NamedTuple):
    """What the new key is to be: fields of `ApiKey`."""

    name: str
    scopes: tuple[Scope, ...]
    sources: tuple[str, ...]
    events_per_second: float | None
    expires_at: datetime | None


class Made(NamedTuple):
    """A new key: the only moment at which it can be read."""

    key: str
    file: KeyFile


def read_or_empty(path: Path) -> KeyFile:
    """The keys in `path`; none where there is no file yet."""
    return read_key_file(path) if path.exists() else KeyFile()


def write(path: Path, file: KeyFile) -> None:
    """Readable for its owner alone, and never half of it: a service may be reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(file.model_dump_json(indent=2) + "\n")
        out.flush()
        os.fsync(out.fileno())
    new.replace(path)


def with_new_key(file: KeyFile, wanted: Wanted, now: datetime) -> Made:
    """A key more. Ends the command where the name has two live ones already."""
    live = [key.id for key in file.keys if key.name == wanted.name and key.is_live(now)]
    if len(live) >= LIVE_FOR_ONE_NAME:
        fail(f"{wanted.name} has {len(live)} live keys: revoke one of {', '.join(live)} first.", code=EXIT_USAGE)
    key, id_, hash_ = new_key(secrets.token_bytes(4), secrets.token_urlsafe(32))
    entry = ApiKey(id=id_, hash=hash_, created_at=now, **wanted._asdict())
    return Made(key, KeyFile(keys=(*file.keys, entry)))


def without(file: KeyFile, id_: str, now: datetime) -> KeyFile:
    """The key revoked. Ends the command where there is none of that id."""
    if all(key.id != id_ for key in file.keys):
        fail(f"There is no key {id_}. `kenko keys list` shows them all.", code=EXIT_USAGE)
    return KeyFile(
        keys=tuple(
            key.model_copy(update={"revoked_at": key.revoked_at or now}) if key.id == id_ else key for key in file.keys
        )
    )
