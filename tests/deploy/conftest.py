"""Deployment files as data, and the settings that each of Kenko's programs knows."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kenko.runtime.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "deploy" / "k8s" / "base"


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="session")
def manifests() -> list[dict[str, Any]]:
    """The base as kustomize renders it."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        reason = "kubectl is not on the PATH, so the Kubernetes base cannot be rendered"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    rendered = subprocess.run([kubectl, "kustomize", str(BASE)], capture_output=True, text=True, check=False)
    assert rendered.returncode == 0, rendered.stderr
    return list(yaml.safe_load_all(rendered.stdout))


@pytest.fixture(scope="session")
def pods(manifests) -> dict[str, dict[str, Any]]:
    """Pod specification by the name of its workload."""
    return {
        manifest["metadata"]["name"]: manifest["spec"]["template"]["spec"]
        for manifest in manifests
        if "template" in manifest.get("spec", {})
    }


@pytest.fixture(scope="session")
def config_maps(manifests) -> dict[str, dict[str, str]]:
    """Data of each ConfigMap by its name, the generated suffix included."""
    return {item["metadata"]["name"]: item["data"] for item in manifests if item["kind"] == "ConfigMap"}


@pytest.fixture(scope="session")
def settings_of():
    """The settings class of what a container runs, from its arguments."""

    def find(arguments: list[str]) -> type[Settings]:
        module = arguments[0]
        if module == "kenko.cli":
            return Settings
        classes = [
            thing
            for thing in vars(importlib.import_module(f"{module}.settings")).values()
            if isinstance(thing, type) and issubclass(thing, Settings) and thing.__module__ == f"{module}.settings"
        ]
        assert len(classes) == 1, f"{module}.settings has {classes}"
        return classes[0]

    return find


@pytest.fixture(scope="session")
def variables_of(settings_of):
    """The environment variables that a container's program reads, from its arguments."""

    def names(arguments: list[str]) -> set[str]:
        fields = settings_of(arguments).model_fields
        return {str(field.validation_alias or f"{ENV_PREFIX}{name}".upper()) for name, field in fields.items()}

    return names


@pytest.fixture(scope="session")
def interpolated():
    """A value of docker-compose.yml as compose fills it in, from `given`."""

    def fill(value: str, given: dict[str, str]) -> str:
        def replace(match: re.Match[str]) -> str:
            name, operator, rest = match.groups()
            return given.get(name) or (rest if operator == ":-" else "")

        return re.sub(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}", replace, value)

    return fill
