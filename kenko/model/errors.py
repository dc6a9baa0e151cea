"""What is wrong with a model, each mistake with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class ModelError:
    """One mistake. Line and column count from 1; `path` is like `score.groups.adoption.inputs[0].curve`."""

    line: int
    column: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.line}:{self.column}: {self.path}: " if self.path else f"{self.line}:{self.column}: "
        return where + self.message + (f" ({self.hint})" if self.hint else "")


class ModelErrors(Exception):  # noqa: N818 - the plural says that it holds every mistake
    """Every mistake of a model at once, in the order of the text."""

    def __init__(self, name: str, errors: Sequence[ModelError]) -> None:
        self.name = name
        self.errors = tuple(sorted(errors))
        super().__init__("\n".join(f"{name}:{error}" for error in self.errors))
