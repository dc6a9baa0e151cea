"""`kenko model schema`: the JSON Schema of a model's file."""

from __future__ import annotations

import typer

from kenko.model.file_schema import render


def model_schema() -> None:
    """Print the JSON Schema (2020-12) of a health model's file, for editors and other tools."""
    typer.echo(render(), nl=False)
