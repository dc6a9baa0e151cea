"""Faults with real processes. `make test-faults`, `make test-soak`; never part of `make test`."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from harness.scene import Scene
from harness.servers import start_broker
from harness.table import Table

ROOT = Path(__file__).parents[2]
REPORT = ROOT / ".kenko" / "faults.md"
SEED = "KENKO_FAULTS_SEED"

_table = pytest.StashKey[Table]()


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.fspath).is_relative_to(Path(__file__).parent):
            item.add_marker("soak" if "soak" in Path(item.fspath).name else "faults")


def pytest_terminal_summary(terminalreporter, config):
    table = config.stash.get(_table, None)
    if table is not None and table.rows:
        terminalreporter.section(f"faults, also in {REPORT.relative_to(ROOT)}")
        terminalreporter.write(table.markdown())


@pytest.fixture(scope="session")
def broker():
    started = start_broker()
    yield started
    started.close()


@pytest.fixture(scope="session")
def table(broker, request):
    made = request.config.stash[_table] = Table(broker.name, REPORT)
    return made


@pytest.fixture
async def scene(broker, table, tmp_path):
    seed = int(os.environ.get(SEED, "0")) or random.SystemRandom().randrange(1, 10**6)
    async with Scene(broker, tmp_path, table, seed=seed) as made:
        yield made


@pytest.fixture
def chance(scene):
    """Draws when and whom a fault hits."""
    return random.Random(scene.seed)
