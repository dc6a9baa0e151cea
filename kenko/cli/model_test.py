"""`kenko model test`: run the tests that a health model's own file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kenko.backtest.event_file import EventFileError
from kenko.backtest.event_source import open_source
from kenko.backtest.golden import GoldenResult, run_golden
from kenko.backtest.golden_log import events_in_place
from kenko.cli.model_file import read_model
from kenko.cli.say import EXIT_FAILED, count_of, foreseen, out
from kenko.model import HealthModel
from kenko.model.golden import GoldenTest


def model_test(file: Annotated[Path, typer.Argument(help="The model's YAML file.")]) -> None:
    """Run a health model's own tests. Says what was expected and found; exits with 1 if one fails."""
    with foreseen():
        model = read_model(file)
    if not model.tests:
        out.print(f"{file}: {model.name} has no tests. Write some under `tests:`.", markup=False, soft_wrap=True)
        return
    failed = 0
    for test in model.tests:
        result = run_test(model, test, file.parent)
        failed += not result.has_passed
        _print(result, file)
    passed = len(model.tests) - failed
    out.print(f"{count_of(len(model.tests), 'test')}: {passed:,} passed, {failed:,} failed", markup=False)
    if failed:
        raise typer.Exit(EXIT_FAILED)


def run_test(model: HealthModel, test: GoldenTest, folder: Path) -> GoldenResult:
    """One test; a file of events is looked for from `folder`, and one that cannot be read fails the test."""
    if test.file is None:
        return run_golden(model, test, events_in_place(test))
    try:
        source = open_source(folder / test.file)
    except EventFileError as error:
        return GoldenResult(test, (str(error),))
    if source.bad:
        return GoldenResult(test, tuple(f"{test.file}:{bad.line}: {bad.message}" for bad in source.bad))
    return run_golden(model, test, list(source.events()))


def _print(result: GoldenResult, file: Path) -> None:
    if result.has_passed:
        out.print(f"passed  {result.test.name}", markup=False, soft_wrap=True)
        return
    out.print(f"FAILED  {result.test.name} ({file}:{result.test.line})", markup=False, soft_wrap=True)
    for line in result.failures:
        out.print(f"        {line}", markup=False, soft_wrap=True)
    if result.found is not None:
        out.print(f"        all that was found: {result.found}", markup=False, soft_wrap=True)
