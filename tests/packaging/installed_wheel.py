"""The wheel as its users get it: installed with the locked versions, outside the checkout. Run by `make wheel`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("schemas", "kenko", "services")

EXTRAS = {
    "kenko.backtest.report.": {"jinja2", "matplotlib"},
    "kenko.backtest.calibration.": {"jinja2", "matplotlib", "numpy", "scipy", "sklearn"},
}
"""What the modules of these packages may want beyond the runtime requirements: only `--page` and `calibrate` use them."""

IMPORT_ALL = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        try:
            where = importlib.import_module(module.name).__file__
        except ModuleNotFoundError as error:
            print(module.name, error.name)
            continue
        assert where.startswith(sys.prefix), where
        print(module.name)
"""


@pytest.fixture(scope="session")
def bin_directory(tmp_path_factory):
    """bin/ of a new virtual environment that holds the wheel and what requirements/runtime.txt names, no more."""
    (wheel,) = (ROOT / "dist").glob("kenko-*.whl")
    environment = tmp_path_factory.mktemp("installed") / "venv"
    run(sys.executable, "-m", "venv", environment)
    pip = [environment / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    run(*pip, "--require-hashes", "-r", ROOT / "requirements" / "runtime.txt")
    run(*pip, "--no-deps", wheel)
    return environment / "bin"


@pytest.fixture
def installed(bin_directory, tmp_path):
    """Run a command of that environment in an empty directory, with no settings around."""

    def command(name, *arguments, **environ):
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("KENKO_", "PYTHON"))}
        return subprocess.run(
            [str(part) for part in (bin_directory / name, *arguments)],
            cwd=tmp_path,
            env={**clean, **environ},
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return command


def test_every_module_can_be_imported_with_the_runtime_requirements_alone(installed):
    result = installed("python", "-c", IMPORT_ALL, *PACKAGES)
    assert result.returncode == 0, result.stderr
    found = dict(line.partition(" ")[::2] for line in result.stdout.splitlines())
    assert set(found) >= {"schemas.topics", "kenko.runtime.settings", "services.scorer"}
    assert {
        module: missing
        for module, missing in found.items()
        if missing and not any(module.startswith(name) and missing in extra for name, extra in EXTRAS.items())
    } == {}


def test_every_file_of_the_packages_is_in_the_wheel(bin_directory):
    (site,) = bin_directory.parent.glob("lib/python*/site-packages")
    shipped = {f"{package}/{name}" for package in PACKAGES for name in files(site / package)}
    assert {name for name in shipped if not name.startswith("kenko/examples/")} == {
        f"{package}/{name}" for package in PACKAGES for name in files(ROOT / package)
    }


def test_the_examples_that_the_command_plays_by_itself_are_in_the_wheel(installed, bin_directory):
    (site,) = bin_directory.parent.glob("lib/python*/site-packages")
    examples = site / "kenko" / "examples"
    assert {name: (ROOT / "examples" / name).read_bytes() for name in files(examples)} == {
        name: (examples / name).read_bytes() for name in files(examples)
    }
    explained = installed("kenko", "explain", "ca00313", "--events", examples / "crm" / "events.jsonl.gz", "--model",
                          examples / "crm" / "model.yaml", "--at", "2024-03-01T00:00:00Z")  # fmt: skip
    assert explained.stdout.startswith("ca00313: "), explained.stderr
    by_default = installed("kenko", "explain", "ca00313", "--events", examples / "crm" / "events.jsonl.gz",
                           "--at", "2024-03-01T00:00:00Z")  # fmt: skip
    assert "model default" in by_default.stdout, by_default.stderr
    tested = installed("kenko", "model", "test", examples / "models" / "default.yaml")
    assert tested.returncode == 0, tested.stderr
    assert "kenko[embedded]" in installed("kenko", "demo").stderr


def test_the_data_files_are_among_them(bin_directory):
    (site,) = bin_directory.parent.glob("lib/python*/site-packages")
    for pattern in ("kenko/store/*.lua", "schemas/json/*.json", "schemas/examples/*.json", "kenko/py.typed"):
        assert list(site.glob(pattern)), pattern


def test_the_command_says_what_it_can_do(installed):
    result = installed("kenko", "--help")
    assert result.returncode == 0, result.stderr
    assert "replay" in result.stdout


@pytest.mark.parametrize("service", ["ingest", "scorer", "alerter"])
def test_a_service_names_the_setting_that_is_wrong(installed, service):
    result = installed("python", "-m", f"services.{service}", KENKO_KAFKA_URL="somewhere")
    assert (result.returncode, "KENKO_KAFKA_URL" in result.stderr) == (2, True), result.stderr


def test_without_its_extra_the_embedded_stack_names_it(installed):
    result = installed("python", "-m", "kenko.embedded")
    assert result.returncode != 0
    assert "kenko[embedded]" in result.stderr


def files(package: Path) -> set[str]:
    return {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, timeout=300)
