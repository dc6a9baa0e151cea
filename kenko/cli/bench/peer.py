"""The peers of `benchmarks/peers`: what others would write, each a program of its own that prints one JSON line."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from kenko.embedded import tether
from kenko.runtime.errors import KenkoError

PEERS: Final = Path(__file__).resolve().parents[3] / "benchmarks" / "peers"
"""In a checkout; an installed Kenko has none."""
STOCK_FAUST: Final = PEERS / "stock_faust.py"
LIMIT_S: Final = 300.0
STOP_S: Final = 10.0


class PeerFailedError(KenkoError):
    """It printed no result. The message ends with the end of what it said instead."""


class Peer(NamedTuple):
    """What a peer says of itself."""

    events: int
    seconds: float
    cpu_seconds: float


async def run_peer(program: Path, *arguments: str) -> Peer:
    """Start it, wait for its line, end it.

    Raises:
        PeerFailedError: it ended without one, or takes too long.
    """
    command = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), sys.executable, str(program), *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            line = await _result(process)
    except TimeoutError:
        raise PeerFailedError(f"{program.name} gave no result within {LIMIT_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
    if not line:
        raise PeerFailedError(f"{program.name} ended with code {process.returncode} and gave no result")
    return Peer(**orjson.loads(line))


async def _result(process: asyncio.subprocess.Process) -> bytes:
    """The first line that is a JSON object: a framework may say something before it. Empty if there is none."""
    if process.stdout is None:
        raise PeerFailedError("a peer without standard output")
    while (line := await process.stdout.readline()) and b"{" not in line:
        pass
    return line[line.find(b"{") :]  # what a terminal is told may stand before it
