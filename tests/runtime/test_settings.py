"""Settings: what is taken, and what is said about what is not."""

from __future__ import annotations

import os

import pytest
from pydantic import Field, SecretStr

from kenko.runtime.errors import ConfigurationError
from kenko.runtime.settings import Settings, kafka_servers, load_settings, read_settings
from schemas.topics import Topic


@pytest.fixture(autouse=True)
def no_settings(monkeypatch) -> None:
    """The environment of whoever runs the tests has no say here."""
    for name in os.environ:
        if name.startswith("KENKO_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("kafka://a:9092", ["a:9092"]),
        ("a:9092", ["a:9092"]),
        ("kafka://a:9092,b:9093", ["a:9092", "b:9093"]),
        ("kafka://a:9092, kafka://b:9093/", ["a:9092", "b:9093"]),
        ("kafka://[::1]:9092", ["[::1]:9092"]),
    ],
)
def test_kafka_servers(url: str, servers: list[str]) -> None:
    assert kafka_servers(url) == servers
    assert Settings(kafka_url=url).kafka_servers == servers


@pytest.mark.parametrize("url", ["", "a", "http://a:9092", "a:9092,", "user:secret@a:9092", "a:99999", "a:0"])
def test_a_kafka_url_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        kafka_servers(url)


def test_the_environment_is_read(monkeypatch) -> None:
    monkeypatch.setenv("KENKO_PARTITIONS", "3")
    monkeypatch.setenv("KENKO_MODEL", "/models/a.yaml")
    monkeypatch.setenv("KENKO_TOPIC_PREFIX", "test.")
    monkeypatch.setenv("KENKO_REDIS_URL", "redis://:hush@redis:6379/2")
    monkeypatch.setenv("KENKO_ENV", "")
    settings = read_settings(Settings)
    assert (settings.partitions, str(settings.model_path)) == (3, "/models/a.yaml")
    assert settings.topic(Topic.USAGE_EVENTS) == "test.kenko.usage-events.v1"
    assert settings.redis_url.get_secret_value() == "redis://:hush@redis:6379/2"
    assert settings.env == "production", "an empty variable is none"
    assert "hush" not in repr(settings)


def test_what_is_given_goes_before_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("KENKO_PARTITIONS", "3")
    assert read_settings(Settings, partitions=4).partitions == 4


def test_every_mistake_is_named_with_its_variable_and_its_meaning(monkeypatch) -> None:
    monkeypatch.setenv("KENKO_PARTITIONS", "many")
    monkeypatch.setenv("KENKO_TIME", "lunar")
    monkeypatch.setenv("KENKO_REDIS_URL", "http://:hush@redis")
    monkeypatch.setenv("KENKO_REDIS_PREFIX", "a{b")
    with pytest.raises(ConfigurationError) as mistake:
        read_settings(Settings)
    lines = str(mistake.value).splitlines()
    assert len(lines) == 4
    assert any("KENKO_PARTITIONS=many" in line and "Partitions of the usage-events topic" in line for line in lines)
    assert any("KENKO_TIME=lunar" in line and "'wall' or 'log'" in line for line in lines)
    assert any("KENKO_REDIS_PREFIX=a{b" in line for line in lines)
    assert any("KENKO_REDIS_URL: must begin with one of redis://" in line for line in lines)
    assert "hush" not in str(mistake.value)


def test_a_secret_is_not_shown_when_it_is_wrong(monkeypatch) -> None:
    class Own(Settings):
        own_secret: SecretStr | None = Field(default=None, min_length=40, description="A secret of a service.")

    monkeypatch.setenv("KENKO_OWN_SECRET", "hush")
    with pytest.raises(ConfigurationError, match=r"KENKO_OWN_SECRET: .* A secret of a service") as mistake:
        read_settings(Own)
    assert "hush" not in str(mistake.value)


def test_at_the_start_of_a_process_a_mistake_exits_with_2(monkeypatch, capsys) -> None:
    monkeypatch.setenv("KENKO_PARTITIONS", "0")
    with pytest.raises(SystemExit) as left:
        load_settings(Settings)
    assert left.value.code == 2
    assert "KENKO_PARTITIONS=0" in capsys.readouterr().err
