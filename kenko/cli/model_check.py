"""`kenko model check`: every mistake of a health model at once, each with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kenko.cli.model_file import read_model
from kenko.cli.say import count_of, foreseen, out


def model_check(file: Annotated[Path, typer.Argument(help="The model's YAML file.")]) -> None:
    """Check a health model. Lists every mistake with line, column and a hint; exits with 1 if there is any."""
    with foreseen():
        model = read_model(file)
    parts = [
        count_of(len(model.signals), "signal"),
        count_of(len(model.groups), "group"),
        count_of(len(model.caps), "cap"),
    ]
    out.print(f"{file}: {model.name} version {model.version} is fine: {', '.join(parts)}", markup=False, soft_wrap=True)
    out.print(f"state hash {model.state_hash}, score hash {model.score_hash}", markup=False, soft_wrap=True)
