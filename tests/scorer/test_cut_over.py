"""Real processes: a shadow beside the live model, then the cut-over to it."""

import asyncio
import json
import os
import subprocess
import sys

from kenko.engine.scorer import Scorer
from kenko.model import load_model
from kenko.store.keys import PartitionKeys, model_part
from kenko.store.keyspaces import live_models
from kenko.store.reader import StateReader
from kenko.store.redis_partition import RedisPartitionStore
from schemas.topics import Topic
from schemas.transition import Cause, Transition

PARTITIONS = 4
ACCOUNTS = [f"account-{number}" for number in range(60)]


async def test_a_shadow_and_then_the_cut_over_to_its_model(world):
    text = (world.directory / "model.yaml").read_text()
    path = world.directory / "next.yaml"
    other_signal = text.replace("uses_7d", "uses_14d").replace("window: 7d}\n  people", "window: 14d}\n  people")
    path.write_text(other_signal.replace("weight: 50", "weight: 5"))
    model = load_model(path.read_text(), name="next.yaml")
    keyspace = model_part(model.name, model.state_hash)
    assert model.state_hash != world.model().state_hash
    states = StateReader(world.redis, model=keyspace, partitions=PARTITIONS, prefix=world.settings.redis_prefix)

    async def applied():
        return sum(fence.counts.get("applied", 0) for fence in (await states.fences()).values() if fence)

    def applied_all(events):
        async def reached():
            return await applied() >= events

        return reached

    live = world.scorer()
    await world.send(2000)
    await world.until_applied(2000, live)
    shadow = world.scorer(KENKO_MODEL=str(path), KENKO_SHADOW="true")
    await world.until(applied_all(2000), what="followed by the shadow", scorer=shadow)
    report = await asyncio.to_thread(told_by_report, world, path)
    assert report["accounts"] == len(ACCOUNTS)
    assert report["disagree"] == len(report["differing"]) > 0
    assert await live.stop() == 0
    before = await transitions(world)
    assert {t.score_hash for t in before} == {world.model().score_hash}, "the shadow tells nothing"

    taken = world.scorer(KENKO_MODEL=str(path))

    async def cut_over():
        found = await live_models(world.redis, PARTITIONS, prefix=world.settings.redis_prefix)
        return set(found.values()) == {keyspace} and len(found) == PARTITIONS

    await world.until(cut_over, what="cut over", scorer=taken)
    assert await asyncio.to_thread(shadow.process.wait, 60) == 2, "it has nothing to do any more"
    assert "KENKO_SHADOW" in shadow.log.read_text()
    await world.send(500)
    await world.until(applied_all(2500), what="applied by the next model", scorer=taken)
    assert await taken.stop() == 0

    after = await transitions(world)
    assert [t for t in after if t.score_hash != model.score_hash] == before
    by_cut_over = [t for t in after if t.cause is Cause.CHANGED_MODEL]
    assert by_cut_over
    assert len({(t.account_id, t.rule) for t in by_cut_over}) == len(by_cut_over)
    zones = {t.account_id: t.to_zone for t in after if t.is_of_zone}
    scorer = Scorer(model)
    for partition in range(PARTITIONS):
        keys = PartitionKeys(keyspace, partition, PARTITIONS, world.settings.redis_prefix)
        rows = await RedisPartitionStore(world.redis, keys).rows(ACCOUNTS)
        for account, row in rows.items():
            if row is not None:
                assert zones.get(account) is scorer.decode(account, row.state).zone


async def transitions(world):
    """In the order of each partition."""
    records = (await world.records(Topic.TRANSITIONS)).values()
    return [Transition.model_validate_json(r.value) for found in records for r in found if r.key is not None]


def told_by_report(world, path):
    environ = {**os.environ, **world.backend.environ(), "KENKO_PARTITIONS": str(PARTITIONS)}
    command = [sys.executable, "-m", "kenko.cli", "shadow", "report", "--model", str(path), "--limit", "100", "--json"]
    said = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(said.stdout)
