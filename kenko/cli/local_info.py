"""Where the local stack of this folder is, so that another terminal finds it: `.kenko/local.json`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from kenko.runtime.settings import Settings, read_settings

HOME = Path(".kenko")
FILE = "local.json"

SettingsT = TypeVar("SettingsT", bound=Settings)


class LocalInfo(BaseModel):
    """A running local stack. Holds a key that was made for this run, so the file is the owner's alone to read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: str
    pid: int
    ingest_url: str
    key: str
    kafka_url: str
    redis_url: str
    partitions: int
    topic_prefix: str
    redis_prefix: str
    model: Path
    time: Literal["wall", "log"]
    kafka_idempotence: bool
    ops_urls: dict[str, str] = {}
    logs: Path

    def settings(self) -> dict[str, Any]:
        """Its settings, as `read_settings` takes them."""
        fields = self.model_dump(include=set(Settings.model_fields))
        return {**fields, "model_path": self.model}


def write_info(home: Path, info: LocalInfo) -> None:
    """Replaces the file as a whole: a reader never sees half of it."""
    part = home / f"{FILE}.{info.run}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(info.model_dump_json(indent=1))
    part.replace(home / FILE)


def read_info(home: Path = HOME) -> LocalInfo | None:
    """None if no local stack runs here."""
    try:
        info = LocalInfo.model_validate_json((home / FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return info if _alive(info.pid) else None


def remove_info(home: Path, run: str) -> None:
    """Removes the file if it is this run's: another stack may have been started since."""
    info = read_info(home)
    if info is not None and info.run == run:
        (home / FILE).unlink(missing_ok=True)


def found_settings(
    cls: type[SettingsT], environ: Mapping[str, str], *, home: Path = HOME
) -> tuple[SettingsT, LocalInfo | None]:
    """Settings of the servers that the environment names, else of the local stack that runs here.

    Raises:
        ConfigurationError: a setting is wrong.
    """
    named = "KENKO_REDIS_URL" in environ or "KENKO_KAFKA_URL" in environ
    info = None if named else read_info(home)
    return read_settings(cls, **(info.settings() if info is not None else {})), info


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
