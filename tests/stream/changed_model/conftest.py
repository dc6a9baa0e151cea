"""A bench of the live model, made once."""

from copy import deepcopy

import pytest

from kenko.model import load_model
from kenko.store.succession_memory import MemoryKeyspaces
from tests.stream.changed_model.story import LIVE, NEXT, tell


@pytest.fixture(scope="module")
def models():
    return load_model(LIVE, name="live.yaml"), load_model(NEXT, name="next.yaml")


@pytest.fixture(scope="module")
def kept():
    """What is the same for every test is made once, and copied."""
    return {}


@pytest.fixture
async def live(bench, another_bench, models, story, kept):
    """The live model's bench, twelve days on."""
    live = another_bench(log=bench.log, output=bench.output, runners=bench.runners)
    live.model = models[0]
    live.keyspaces = MemoryKeyspaces({live.name: live.core})
    if "live" not in kept:
        tell(live, story)
        await live.run_to_end()
        assert live.keyspaces.live == live.name
        kept["live"] = deepcopy((live.log, live.keyspaces, live.output))
    live.log, live.keyspaces, live.output = deepcopy(kept["live"])
    live.core = live.keyspaces.of(live.name)
    return live
