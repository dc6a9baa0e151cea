"""python -m services.scorer"""

from __future__ import annotations

import sys

from kenko.model import HealthModel, ModelErrors, load_model
from kenko.runtime.errors import ConfigurationError
from kenko.runtime.lifecycle import run
from kenko.runtime.logging import configure_logging
from kenko.runtime.settings import exit_configuration, load_settings
from services.scorer.app import ScorerService
from services.scorer.settings import ScorerSettings


def main() -> int:
    """Run the scorer; the process's exit code: 0 stopped, 1 failed (start it again), 2 a person has to change something."""
    settings = load_settings(ScorerSettings)
    configure_logging("scorer", settings.log_level, settings.log_format)
    try:
        model = read_model(settings)
    except ConfigurationError as error:
        exit_configuration(error)
    return run("scorer", lambda stop: ScorerService(settings, model).run(stop), grace_s=settings.stop_grace_s)


def read_model(settings: ScorerSettings) -> HealthModel:
    """The health model of `KENKO_MODEL`.

    Raises:
        ConfigurationError: no such file, or the model has mistakes: all of them, one a line, with their place.
    """
    path = settings.model_path
    if path is None:
        raise ConfigurationError("  KENKO_MODEL: is not set. Path of the health model's YAML file.")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"  KENKO_MODEL={path}: {error}") from None
    try:
        return load_model(text, name=str(path))
    except ModelErrors as mistakes:
        raise ConfigurationError(str(mistakes)) from None


if __name__ == "__main__":
    sys.exit(main())
