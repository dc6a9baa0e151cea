"""Which model the scorer runs with here, by the name that its keys have."""

from __future__ import annotations

from kenko.cli.doctor.ask_here import read_model_file
from kenko.cli.local_info import LocalInfo
from kenko.model import HealthModel
from kenko.runtime.settings import Settings
from kenko.store.keys import model_part


def configured_model(settings: Settings, info: LocalInfo | None) -> str | None:
    """NAME-HASH of KENKO_MODEL, or of the stack that runs here; None: none is named, or it does not load."""
    _, loaded = read_model_file(settings.model_path or (info.model if info else None))
    return model_part(loaded.name, loaded.state_hash) if isinstance(loaded, HealthModel) else None
