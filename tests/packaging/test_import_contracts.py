"""The import contracts catch what they are there for: each row plants one bad module in a copy of the tree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("module", "source", "broken"),
    [
        # upward: a pure room reaches for a shell
        ("kenko/engine/planted.py", "import kenko.store.port", "Imports point down"),
        # upward: a shell reaches for a service
        ("kenko/delivery/planted.py", "import services.alerter", "Imports point down"),
        # a pure room with a clock
        ("kenko/alerting/planted.py", "import time", "The pure rooms do no I/O"),
        # services that know each other
        ("services/ingest/planted.py", "import services.scorer", "A service imports no other service"),
        # a folder that stands in no layer
        ("kenko/planted/__init__.py", "", "No folder of kenko/ stands outside the layers"),
    ],
)
def test_a_planted_import_fails_the_lint(tmp_path, module, source, broken):
    for name in ("schemas", "kenko", "services"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / module).parent.mkdir(exist_ok=True)
    (tmp_path / module).write_text(source)

    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "NO_COLOR": "1", "COLUMNS": "200"},
        check=False,
        capture_output=True,
        text=True,
    )

    said = result.stdout + result.stderr
    assert result.returncode == 1, said
    assert any(line.startswith(broken) and line.endswith("BROKEN") for line in said.splitlines()), said
    assert "planted" in said
