"""The whole scorer process, on a real broker and a real Redis."""

import asyncio
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from kenko.cli.app import app
from kenko.stream.producer import OutRecord
from schemas.dead_letter import DeadLetter
from schemas.topics import Topic


async def test_events_and_ticks_become_rows_and_transitions(world):
    await world.send(3000)
    scorer = world.scorer()
    await scorer.ready()
    await world.until_applied(3000, scorer)
    topic = world.settings.topic(Topic.USAGE_EVENTS)
    # The second has a key that no dead letter could hold whole: it must not stand in the way of what follows.
    poison = [
        OutRecord(topic, b"account-1", b"\xff\x00", partition=0),
        OutRecord(topic, b"k" * 990_000, b"\xff", partition=0),
    ]
    await world.output.send(poison)
    await world.send(500)
    await world.until_applied(3500, scorer)

    _, metrics = await scorer.get("/metrics")
    assert await scorer.stop() == 0

    assert await world.agrees() == 0
    assert 'kenko_scorer_records_total{outcome="applied"} 3500.0' in metrics
    assert "account-" not in metrics
    letters = [r for records in (await world.records(Topic.DEAD_LETTERS)).values() for r in records]
    dead, cut = sorted(letters, key=lambda letter: len(letter.key))
    assert (dead.key, dead.value) == (b"account-1", b"\xff\x00")
    assert DeadLetter.from_headers(list(dead.headers)).topic == topic
    assert "key cut from 990000 to" in DeadLetter.from_headers(list(cut.headers)).message


async def test_kill_9_in_the_middle_repeats_and_loses_nothing(world):
    await world.send(20_000)
    first = world.scorer()
    await world.until_applied(1, first)
    sending = asyncio.create_task(world.send(5_000))
    await world.until_applied(8_000, first)
    first.kill()
    await sending

    second = world.scorer()
    await world.until_applied(25_000, second)
    assert await second.stop() == 0

    await world.agrees()


async def test_a_crash_between_a_transition_and_its_commit_repeats_it_with_its_id(world):
    await world.send(2000)
    first = world.scorer(KENKO_ENV="test", KENKO_CRASH_AT="transition.produced")
    assert await asyncio.to_thread(first.process.wait, 60) == -9
    assert await world.applied() < 2000

    second = world.scorer()
    await world.until_applied(2000, second)
    assert await second.stop() == 0

    assert await world.agrees() > 0  # it stands in the topic twice, and is the same


async def test_an_older_redis_is_brought_up_to_date_from_the_log(world):
    """The fence stands far behind Kafka's committed offset: the fence is what counts."""
    await world.send(2000)
    scorer = world.scorer()
    await world.until_applied(2000, scorer)
    assert await scorer.stop() == 0
    saved = {key: await world.redis.dump(key) for key in await world.redis.keys("*")}

    await world.send(3000)
    scorer = world.scorer()
    await world.until_applied(5000, scorer)
    assert await scorer.stop() == 0

    await world.redis.flushdb()
    for key, value in saved.items():
        await world.redis.restore(key, 0, value)
    assert await world.applied() == 2000
    scorer = world.scorer()
    await world.until_applied(5000, scorer)
    assert await scorer.stop() == 0

    await world.agrees()


async def test_an_emptied_redis_is_made_anew_from_snapshots_and_nobody_is_told_twice(world):
    await world.send(3000)
    scorer = world.scorer(KENKO_SNAPSHOT_HOURS="0.0001")
    await world.until_applied(3000, scorer)

    async def sets():
        await world.send(60)  # a set is whole at the first commit behind it
        return await counted(scorer, 'snapshot_sets_total{outcome="whole"}', 4)

    await world.until(sets, what="sets", scorer=scorer)
    sent = world.sent
    await world.until_applied(sent, scorer)

    await world.redis.flushdb()
    # No event comes: it is noticed all the same, and by nobody's help.
    await world.until(lambda: counted(scorer, 'rebuilds_total{kind="snapshots"}', 4), what="rebuilt", scorer=scorer)
    await world.until_applied(sent, scorer)
    await world.send(500)
    await world.until_applied(sent + 500, scorer)
    assert await counted(scorer, "rows_restored_total", 60)
    assert await scorer.stop() == 0

    await world.agrees()


async def counted(scorer, name, least):
    """Whether this metric of the scorer has come to `least`."""
    answer = await scorer.get("/metrics")
    found = [line for line in (answer or (0, ""))[1].splitlines() if line.startswith(f"kenko_scorer_{name} ")]
    return bool(found) and float(found[0].rpartition(" ")[2]) >= least


async def test_two_workers_share_the_partitions_and_one_leaves(world):
    await world.send(3000)
    first, second = world.scorer(), world.scorer()
    await world.until_applied(3000, first)
    for scorer in (first, second):
        await scorer.ready()
    await world.until(lambda: owned(first, 2), what="two partitions each", scorer=first)
    await world.until(lambda: owned(second, 2), what="two partitions each", scorer=second)
    spare = world.scorer()
    await spare.ready()  # there is nothing left for it: a rollout must not wait for that
    assert await owned(spare, 0)
    await world.send(3000)
    await world.until_applied(6000, second)
    assert await first.stop() == 0
    await world.send(3000)
    await world.until_applied(9000, second)
    assert await second.stop() == 0
    assert await spare.stop() == 0

    await world.agrees()


async def test_in_log_time_only_the_replay_ticks_and_its_ticks_are_copied(world):
    scorer = world.scorer(KENKO_TIME="log")
    await world.send(1000)
    await world.tick(count=3)
    await world.until_applied(1000, scorer)
    await world.until(world.all_ticked(3), what="three ticks each", scorer=scorer)
    assert await scorer.stop() == 0

    await world.agrees()
    sent = await world.records(Topic.TRANSITIONS)
    log = await world.records(Topic.USAGE_EVENTS)
    for partition in log:
        copies = [(r.value, dict(r.headers)) for r in sent[partition] if r.key is None]
        ticks = [r for r in log[partition] if r.key is None]
        # A copy says whose it is and which tick it stands for; all else is the tick's.
        own = [{"ce_source": b"kenko/scorer", "ce_id": b"%d-%d" % (partition, tick.offset)} for tick in ticks]
        assert copies == [(tick.value, dict(tick.headers) | mark) for tick, mark in zip(ticks, own, strict=True)]
        assert len(copies) == 3


async def owned(scorer, partitions):
    answer = await scorer.get("/health/ready")
    return answer is not None and f"{partitions} partitions" in answer[1]


async def test_the_state_of_another_log_is_refused_and_the_command_it_names_has_it_made_anew(world, monkeypatch):
    await world.send(1000)
    for partition in (1, 2):
        fence = world.store(partition).keys.fence
        await world.redis.hset(fence, mapping={"offset": 7, "now": "", "counts": "{}", "log": "other/log/4"})
    await world.redis.set(world.store(2).keys.row("account-1"), "a row of the other log")

    scorer = world.scorer()

    assert await asyncio.to_thread(scorer.process.wait, 40) == 2
    said = scorer.log.read_text()
    assert "KENKO_REDIS_PREFIX" in said
    (command,) = set(re.findall(r"kenko (state drop --partitions 4 --yes)", said))
    for name, value in {**world.backend.environ(), "KENKO_PARTITIONS": "4"}.items():
        monkeypatch.setenv(name, value)
    dropped = await asyncio.to_thread(CliRunner().invoke, app, command.split())
    assert dropped.exit_code == 0, dropped.output

    scorer = world.scorer()
    await world.until_applied(1000, scorer)
    assert await scorer.stop() == 0
    await world.agrees()


async def test_redis_restarting_is_waited_out(world):
    if world.backend.stack is None:
        pytest.skip("given servers are left alone")
    await world.send(1000)
    scorer = world.scorer()
    await world.until_applied(1000, scorer)
    await asyncio.to_thread(world.backend.stack.redis.stop)
    await world.send(1000)
    await asyncio.to_thread(world.backend.stack.redis.start)
    await world.until_applied(2000, scorer)
    assert await scorer.stop() == 0

    await world.agrees()


async def test_waiting_for_kafka_and_redis_is_alive_and_not_ready(world):
    scorer = world.scorer(KENKO_KAFKA_URL="kafka://127.0.0.1:1", KENKO_REDIS_URL="redis://127.0.0.1:1/0")

    async def waits():
        return any(line["event"] == "stream.waiting" for line in scorer.lines())

    await world.until(waits, what="waiting", scorer=scorer)

    assert (await scorer.get("/health/live"))[0] == 200
    assert (await scorer.get("/health/ready"))[0] == 503
    assert (await scorer.get("/health/startup"))[0] == 503
    assert await scorer.stop() == 0


def run_with(**environ):
    return subprocess.run(
        [sys.executable, "-m", "services.scorer"], env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def test_every_mistake_of_a_model_is_printed_with_its_line(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text("apiVersion: kenko/v1\nkind: HealthModel\nmetadata: {name: x, version: 1}\nsignalz: {}\n")

    ended = run_with(KENKO_MODEL=str(path))

    assert ended.returncode == 2
    assert f"{path}:4:1" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_missing_model_is_said(tmp_path):
    assert "KENKO_MODEL" in run_with().stderr
    ended = run_with(KENKO_MODEL=str(tmp_path / "nowhere.yaml"))
    assert ended.returncode == 2
    assert "nowhere.yaml" in ended.stderr
