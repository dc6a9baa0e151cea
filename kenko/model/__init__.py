"""The health-model language: load, validate, hash. Pure: text in, frozen values out."""

from kenko.model.errors import ModelError, ModelErrors
from kenko.model.load import load_model
from kenko.model.spec import HealthModel

__all__ = ["HealthModel", "ModelError", "ModelErrors", "load_model"]
