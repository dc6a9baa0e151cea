"""Does the health model load? Pure."""

from __future__ import annotations

from kenko.cli.doctor.facts import ModelFile, Unknown
from kenko.cli.doctor.finding import Finding, fail, ok
from kenko.model import HealthModel

SHOWN = 3


def loads(file: ModelFile, model: HealthModel | Unknown) -> Finding:
    if file.path is None:
        return fail("No health model is named: the scorer does not start.", "Set KENKO_MODEL, or give --model.")
    if isinstance(model, Unknown):
        more = len(file.mistakes) - SHOWN
        rest = f" … and {more} more" if more > 0 else ""
        return fail(
            f"{file.path} does not load: {'; '.join(file.mistakes[:SHOWN])}{rest}",
            f"kenko model check {file.path} lists every mistake with its line.",
        )
    return ok(f"{file.path}: {model.name} version {model.version}, score hash {model.score_hash[:8]}.")
