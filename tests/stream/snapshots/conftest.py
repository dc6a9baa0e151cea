"""A bench with the story in its log, and the one that was never lost."""

import pytest

from tests.stream.snapshots.story import BUDGET, as_it_comes, write_story


@pytest.fixture(scope="module")
def lived():
    """The same story with a store that was never lost; made once."""
    return {}


@pytest.fixture
async def never_lost(another_bench, story, lived):
    if not lived:
        bench = lived["bench"] = another_bench()
        write_story(bench, story)
        await bench.run_to_end(due_budget=BUDGET)
    return lived["bench"]


@pytest.fixture
async def bench(another_bench, story):
    bench = as_it_comes(another_bench(), story)
    yield bench
    for runner in bench.runners:
        await runner.stop(0)
