"""`kenko model explain`: a health model in words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kenko.cli.model_file import read_model
from kenko.cli.say import EXIT_USAGE, fail, foreseen, out
from kenko.model import HealthModel
from kenko.model.describe import describe, words_of
from kenko.model.phrases import LANGUAGES

_TOGETHER = ("shares", "inputs")
"""Headings that are told as one: each input with its share."""


def model_explain(
    file: Annotated[Path, typer.Argument(help="The model's YAML file.")],
    *,
    lang: Annotated[str, typer.Option(help="Language of the words and of the model's labels: en or ja.")] = "en",
) -> None:
    """Say in words what a health model measures, how it weighs it, where red begins, and what else it tells."""
    if lang not in LANGUAGES:
        fail(f"--lang {lang}: there are words in {' and '.join(LANGUAGES)}.", code=EXIT_USAGE)
    with foreseen():
        model = read_model(file)
    for line in explain_lines(model, lang):
        out.print(line, markup=False, soft_wrap=True)


def explain_lines(model: HealthModel, language: str) -> list[str]:
    """The model, a line a part."""
    words = words_of(model, LANGUAGES[language], language)
    sections = describe(model, words)
    lines = [f"{model.name} {model.version}" + (f": {model.description}" if model.description else "")]
    for heading, parts in sections.items():
        if heading in ("about", "inputs") or not parts:
            continue
        lines += ["", words.say(heading)]
        if heading in _TOGETHER:
            lines += _weighed(parts, sections["inputs"])
        else:
            lines += [f"  {name}: {text}" for name, text in parts.items()]
    return lines


def _weighed(shares: dict[str, str], inputs: dict[str, str]) -> list[str]:
    """Each group with its share, and below it each input with its share and its curve."""
    return [
        f"    {share:>7}  {name.partition(' / ')[2]}: {inputs[name]}" if name in inputs else f"  {share:>7}  {name}"
        for name, share in shares.items()
    ]
