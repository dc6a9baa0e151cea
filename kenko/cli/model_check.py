"""`kenko model check`: every mistake of a health model at once, each with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kenko.cli.model_file import read_model
from kenko.cli.say import count_of, foreseen, out
from kenko.model import HealthModel


def model_check(file: Annotated[Path, typer.Argument(help="The model's YAML file.")]) -> None:
    """Check a health model. Lists every mistake with line, column and a hint; exits with 1 if there is any."""
    with foreseen():
        model = read_model(file)
    parts = ", ".join(_parts(model))
    out.print(f"{file}: {model.name} version {model.version} is fine: {parts}", markup=False, soft_wrap=True)
    out.print(f"state hash {model.state_hash}, score hash {model.score_hash}", markup=False, soft_wrap=True)
    if model.tests:
        tests = count_of(len(model.tests), "test")
        out.print(f"It has {tests} of its own: `kenko model test {file}` runs them.", markup=False, soft_wrap=True)


def _parts(model: HealthModel) -> list[str]:
    """How many of each part: those that every model has, and of the others those there are."""
    base = model.base
    always = [count_of(len(model.signals), "signal"), count_of(len(base.groups), "group")]
    rest = [(len(base.caps), "cap"), (len(base.rules), "rule"), (len(model.profiles), "profile")]
    return always + [count_of(number, noun) for number, noun in rest if number]
