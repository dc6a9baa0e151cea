"""A Lua script shipped beside this module, run by its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError

from kenko.store.client import AnyRedis


@dataclass(frozen=True)
class Script:
    """Text of a Lua script and its SHA-1, by which the server knows it."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest())

    @classmethod
    def load(cls, name: str) -> Script:
        """The script `name` of this package."""
        return cls(files("kenko.store").joinpath(name).read_text("utf-8"))

    async def run(self, client: AnyRedis, keys: Sequence[str], args: Sequence[str | bytes | int] = ()) -> Any:
        """Run it. All keys must lie in one slot. A server that forgot the script is sent the text, once."""
        encoded: Any = [key.encode() for key in keys]  # redis-py takes three times as long over strings
        try:
            return await client.evalsha(self.sha, len(keys), *encoded, *args)
        except NoScriptError:  # first use, a restart, a failover or SCRIPT FLUSH
            return await client.eval(self.text, len(keys), *encoded, *args)
