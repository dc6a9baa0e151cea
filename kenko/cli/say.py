"""What the commands print: results on standard output, mistakes on standard error, in the same few forms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.console import Console

from kenko.backtest.event_file import EventFileError
from kenko.cli.service_process import ServiceDiedError
from kenko.embedded.errors import EmbeddedError
from kenko.model.errors import ModelErrors
from kenko.runtime.errors import ConfigurationError, KenkoError

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_STOPPED = 130


def fail(message: str, *, code: int = EXIT_FAILED) -> NoReturn:
    """Say what is wrong and end."""
    err.print(message, markup=False, soft_wrap=True)
    raise typer.Exit(code)


@contextmanager
def foreseen() -> Iterator[None]:
    """Errors that say themselves what to do are printed without a traceback; any other is a bug and keeps it."""
    try:
        yield
    except ModelErrors as error:
        fail(f"{error}\n{count_of(len(error.errors), 'mistake')} in {error.name}")
    except ConfigurationError as error:
        fail(str(error), code=EXIT_USAGE)
    except (EventFileError, ServiceDiedError, EmbeddedError, KenkoError) as error:
        fail(str(error))


def count_of(number: int, noun: str) -> str:
    """`1 mistake`, `1,200 mistakes`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
