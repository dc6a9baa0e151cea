"""What is said of Redis, the scorer, the model and the keys."""

from pathlib import Path

import pytest

from kenko.cli.doctor.ask_here import read_keys, read_model_file, try_codecs
from kenko.cli.doctor.checks import CHECKS, examine
from kenko.cli.doctor.facts import Facts, KeyFacts, ModelFile, PublishedFacts, RedisFacts, Unknown
from kenko.cli.doctor.finding import Status
from kenko.store.port import Fence
from kenko.stream.browser import Bounds

from .conftest import LOG, NOW_MS, server


def test_where_all_is_well_every_check_says_so(well):
    found = examine(well)
    assert {name: finding for name, finding in found.items() if finding.status is not Status.OK} == {}
    assert len(found) == len(CHECKS)


def test_every_check_asks_for_facts_that_there_are():
    assert {field for check in CHECKS for field in check.of} <= set(Facts._fields)


def with_redis(well, info=None, **config):
    good = server(**(info or {}))
    return well._replace(redis=RedisFacts([server(), good._replace(config={**good.config, **config})]))


@pytest.mark.parametrize(
    ("info", "config", "check", "status", "says", "mend"),
    [
        ({"redis_version": "6.2.14"}, {}, "redis.version", "fail", "Redis is version 6.2.14", "Use version 7"),
        (
            {},
            {"maxmemory-policy": "allkeys-lru"},
            "redis.eviction",
            "fail",
            "Maxmemory-policy is allkeys-lru",
            "noeviction",
        ),
        ({}, {"appendonly": "no"}, "redis.persistence", "fail", "append-only file is off", "Set appendonly to yes"),
        ({"aof_last_write_status": "err"}, {}, "redis.persistence", "fail", "last write", "disk of Redis is full"),
        ({"used_memory": 800 * 2**20}, {}, "redis.memory", "warn", "800 MB, 80% of 1,000 MB (its maxmemory)", "Raise"),
        ({"used_memory": 950 * 2**20}, {}, "redis.memory", "fail", "95%", "Raise maxmemory"),
        # without a limit the machine's memory is one
        (
            {"maxmemory": 0, "total_system_memory": 120 * 2**20},
            {},
            "redis.memory",
            "warn",
            "maxmemory is not set",
            "Raise maxmemory",
        ),
    ],
)
def test_one_server_of_two_that_is_unfit(well, info, config, check, status, says, mend):
    found = examine(with_redis(well, info, **config))[check]
    assert found.status == status
    assert says in found.says
    assert mend in found.mend


def test_partitions_that_another_model_is_live_on(well):
    mixed = well.state._replace(live={0: "saas-1", 1: "saas-0", 2: "saas-0"}, fences={**well.state.fences, 2: None})

    found = examine(well._replace(state=mixed))["scorer.live"]

    assert found.status is Status.WARN
    assert "Partitions 1, 2 are not cut over yet: saas-0 is live there" in found.says
    assert "built on 1 of them" in found.says
    assert "kenko_scorer_building_offsets" in found.mend
    mine = examine(well._replace(state=mixed._replace(live=dict.fromkeys(range(3), "saas-1"))))["scorer.live"]
    assert mine.status is Status.OK


def test_a_redis_that_tells_little_is_a_warning(well):
    bare = RedisFacts([server()._replace(info={}, config={})])
    found = examine(well._replace(redis=bare))
    for name in ("redis.version", "redis.eviction", "redis.persistence", "redis.memory"):
        assert found[name].status is Status.WARN


def test_redis_away_is_one_failure(well):
    away = Unknown("Redis does not answer", error="connection refused")
    found = examine(well._replace(redis=away, state=away))
    assert [name for name, finding in found.items() if finding.status is Status.FAIL] == ["redis.answers"]
    assert "KENKO_REDIS_URL" in found["redis.answers"].mend
    assert found["scorer.ticks"].says == "Cannot be looked at: Redis does not answer."


def test_facts_that_could_not_be_gathered_are_a_failure_where_nothing_else_explains_it(well):
    found = examine(well._replace(log=Unknown("Kafka did not answer within 15 s", blocked=False)))
    assert found["events.partitioner"].status is Status.FAIL
    assert "within 15 s" in found["events.partitioner"].says


def fences(**fields):
    return Fence(**{"offset": 100, "log_id": LOG, "now_ms": NOW_MS - 10_000, **fields})


def with_fence(well, fence):
    return well._replace(state=well.state._replace(fences={**well.state.fences, 1: fence}))


@pytest.mark.parametrize(
    ("fence", "check", "status", "says", "mend"),
    [
        (fences(log_id="c2/kenko.usage-events.v1/3"), "scorer.log", "fail", "made from c2/", "kenko state drop"),
        (fences(offset=101), "scorer.log", "fail", "shorter than what was applied (partitions 1)", "Restore the topic"),
        (fences(now_ms=NOW_MS - 200_000), "scorer.ticks", "warn", "partitions 1: the last tick is 200 s old", "log"),
        (fences(now_ms=NOW_MS - 900_000), "scorer.ticks", "fail", "the last tick is 900 s old", "scorer's log"),
        (fences(now_ms=None), "scorer.ticks", "warn", "No tick was ever applied on partitions 1", "scorer's log"),
        (None, "scorer.ticks", "warn", "No tick was ever applied on partitions 1", "scorer's log"),
        (None, "scorer.state", "ok", "holds the state of saas-1", None),
    ],
)
def test_one_partition_that_stands_otherwise(well, fence, check, status, says, mend):
    found = examine(with_fence(well, fence))[check]
    assert found.status == status
    assert says in found.says
    assert mend is None or mend in found.mend


def test_ticks_do_not_matter_where_a_replay_moves_the_time(well):
    still = with_fence(well, fences(now_ms=0))._replace(set_up=well.set_up._replace(time="log"))
    assert examine(still)["scorer.ticks"].status is Status.OK


def test_a_log_that_lost_what_was_not_applied(well):
    bounds = {**well.log.bounds, 2: Bounds(120, 200)}
    found = examine(well._replace(log=well.log._replace(bounds=bounds)))["scorer.log"]
    assert found.status is Status.FAIL
    assert "deleted 20 offsets that were not applied yet (partitions 2)" in found.says
    assert "retention.ms" in found.mend


@pytest.mark.parametrize(("end", "status"), [(100, "ok"), (10_100, "ok"), (10_101, "warn")])
def test_lag_is_counted_from_the_fence(well, end, status):
    bounds = {**well.log.bounds, 2: Bounds(0, end)}
    found = examine(well._replace(log=well.log._replace(bounds=bounds)))["scorer.lag"]
    assert found.status == status
    assert f"{end - 100} records are not applied yet" in found.says


def test_nobody_in_the_group(well):
    found = examine(well._replace(group=well.group._replace(members=0)))["scorer.members"]
    assert found.status is Status.WARN
    assert "services.scorer" in found.mend


@pytest.mark.parametrize(
    ("others", "status", "says"),
    [
        (["saas-2 with 12 partitions"], "fail", "no state of saas-1, but of saas-2 with 12 partitions"),
        ([], "warn", "nor of any other model"),
    ],
)
def test_a_store_without_state_of_this_model(well, others, status, says):
    empty = well.state._replace(fences=dict.fromkeys(range(3)), others=others)
    found = examine(well._replace(state=empty))
    assert found["scorer.state"].status == status
    assert says in found["scorer.state"].says
    assert found["scorer.log"].status is Status.OK


def test_scores_of_another_model(well):
    found = examine(well._replace(published=PublishedFacts("saas", "0" * 32)))["scorer.scores"]
    assert found.status is Status.WARN
    assert "score hash 00000000" in found.says
    assert "kenko model diff" in found.mend


def test_a_model_that_does_not_load_says_where_and_hides_nothing_else(well, tmp_path):
    file = tmp_path / "model.yaml"
    file.write_text("apiVersion: kenko/v1\nkind: HealthModel\n")
    told, model = read_model_file(file)
    found = examine(well._replace(model_file=told, model=model, state=Unknown("the health model does not load")))
    assert [name for name, finding in found.items() if finding.status is Status.FAIL] == ["model.loads"]
    assert "1:1" in found["model.loads"].says
    assert "… and" in found["model.loads"].says
    assert f"kenko model check {file}" in found["model.loads"].mend
    assert found["kafka.retention"].status is Status.SKIPPED


@pytest.mark.parametrize(
    ("file", "says"),
    [(ModelFile(None, ()), "No health model is named"), (ModelFile(Path("m"), ["m: No such file"]), "No such file")],
)
def test_no_model_at_all(well, file, says):
    found = examine(well._replace(model_file=file, model=Unknown("no health model is named")))["model.loads"]
    assert found.status is Status.FAIL
    assert says in found.says


def test_a_model_file_that_is_not_there_is_a_mistake_and_no_traceback(tmp_path):
    told, model = read_model_file(tmp_path / "none.yaml")
    assert "No such file" in told.mistakes[0]
    assert isinstance(model, Unknown)


@pytest.mark.parametrize(
    ("keys", "status", "says"),
    [
        (KeyFacts("production", []), "fail", "no API key in KENKO_INGEST_KEYS"),
        (KeyFacts("dev", []), "warn", "takes events from anybody"),
        (KeyFacts("production", [43, 8]), "fail", "1 of 2 API keys have fewer than 16 characters"),
        (KeyFacts("dev", [8]), "warn", "1 of 1 API key"),
        (KeyFacts("production", [43, 43]), "ok", "holds 2 API keys"),
    ],
)
def test_keys(well, keys, status, says):
    found = examine(well._replace(keys=keys))["settings.keys"]
    assert found.status == status
    assert says in found.says
    assert found.status is Status.OK or "token_urlsafe" in found.mend


def test_of_keys_only_their_lengths_are_gathered():
    assert read_keys("production", {"KENKO_INGEST_KEYS": "secret-one, two,"}, "local") == KeyFacts(
        "production", [10, 3]
    )
    assert read_keys("production", {}, "local") == KeyFacts("production", [5])


def test_this_installation_reads_every_codec():
    assert try_codecs().failures == {"gzip": None, "snappy": None, "lz4": None, "zstd": None}
