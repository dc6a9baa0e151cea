import pytest
import redis


@pytest.mark.parametrize("turn", range(16))
def test_redis_url_is_an_empty_database_each_time(redis_url, turn):
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "over")


def test_a_fresh_backend_shares_no_name_with_another(backend):
    one, other = backend.fresh().environ(), backend.fresh().environ()
    for name in ("KENKO_TOPIC_PREFIX", "KENKO_REDIS_PREFIX"):
        assert one[name] != other[name]
    assert one["KENKO_KAFKA_URL"] == other["KENKO_KAFKA_URL"] == backend.kafka_url


def test_a_fresh_backend_holds_nothing(fresh_backend, backend):
    environ = fresh_backend.environ()
    if fresh_backend.embedded:
        assert environ["KENKO_REDIS_URL"] != backend.redis_url
    prefix = environ.get("KENKO_REDIS_PREFIX", "")
    with redis.Redis.from_url(environ["KENKO_REDIS_URL"]) as client:
        assert list(client.scan_iter(f"{prefix}*")) == []


def test_a_test_that_uses_one_is_marked_connected(request, backend):
    assert request.node.get_closest_marker("connected")
