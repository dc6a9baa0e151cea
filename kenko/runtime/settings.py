"""Settings: environment variables that start with KENKO_, checked as a whole before anything starts."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, TypeVar, get_args

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from kenko.runtime.errors import ConfigurationError
from schemas.topics import DEFAULT_PARTITIONS, Topic

ENV_PREFIX: Final = "KENKO_"
EXIT_CONFIGURATION: Final = 2

REDIS_SCHEMES: Final = ("redis://", "rediss://", "unix://", "redis+cluster://", "rediss+cluster://")

_SERVER = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")
_NAME = re.compile(r"[A-Za-z0-9._-]*")


def kafka_servers(url: str) -> list[str]:
    """`host:port` of each bootstrap server in `kafka://host:port,host:port` or in the plain list."""
    plain = url.strip().removeprefix("kafka://").rstrip("/")
    servers = [part.strip().removeprefix("kafka://") for part in plain.split(",")]
    for server in servers:
        if not _SERVER.fullmatch(server) or not 0 < int(server.rpartition(":")[2]) < 65_536:
            raise ValueError("must be kafka://host:port or host:port, several separated by commas")
    return servers


def _kafka_url(url: str) -> str:
    kafka_servers(url)
    return url


def _redis_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(REDIS_SCHEMES):
        raise ValueError(f"must begin with one of {', '.join(REDIS_SCHEMES)}")
    return url


def _plain_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("must consist of letters, digits, '.', '_' and '-'")
    return name


KafkaUrl = Annotated[str, AfterValidator(_kafka_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
"""Secret, because it may hold a password: read it with `get_secret_value()`, and only where the client is made."""
PlainName = Annotated[str, AfterValidator(_plain_name)]


class Settings(BaseSettings):
    """What every service needs. A service adds its own in services/<name>/settings.py.

    A description says what the value means; it is printed when the value is wrong, so it is written for the
    person who has to mend it.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_ignore_empty=True,
        extra="forbid",  # a misspelt keyword; other environment variables are not looked at
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        validate_default=False,
    )

    env: str = Field(default="production", description="Where this runs; 'dev' lets ingest run without API keys.")

    kafka_url: KafkaUrl = Field(
        default="kafka://127.0.0.1:9092", description="Bootstrap servers, for example kafka://broker-1:9092."
    )
    kafka_idempotence: bool = Field(
        default=True, description="Idempotent producers. Off only for the trial broker, which has none."
    )
    kafka_session_timeout_s: float = Field(
        default=30.0, ge=1, le=300, description="Seconds without a heartbeat after which a consumer counts as gone."
    )
    kafka_fetch_wait_ms: int = Field(
        default=500,
        ge=1,
        le=30_000,
        description="Longest wait of the broker for the next record; Kafka answers at once.",
    )
    kafka_replication: int = Field(
        default=1, ge=1, le=9, description="Replicas of each topic that we create; 3 in production."
    )
    topic_prefix: PlainName = Field(default="", description="Put before each topic name, so that several can share.")
    partitions: int = Field(
        default=DEFAULT_PARTITIONS, ge=1, le=4096, description="Partitions of the usage-events topic."
    )

    redis_url: RedisUrl = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"), description="For example redis://:password@host:6379/0."
    )
    redis_prefix: PlainName = Field(
        default="kenko", min_length=1, description="First part of each Redis key, so that several can share."
    )

    dangerous_allow_unsafe_redis: bool = Field(
        default=False,
        description="Lets scorer and alerter start on a Redis that can lose state: too old, evicting, or without an AOF.",
    )

    model_path: Path | None = Field(
        default=None, validation_alias="KENKO_MODEL", description="Path of the health model's YAML file."
    )
    keys_file: Path | None = Field(
        default=None, description="Path of the file of API keys, made with `kenko keys create`; read again on change."
    )
    time: Literal["wall", "log"] = Field(
        default="wall", description="'wall': ticks carry the wall time; 'log': only a replay writes ticks."
    )
    tick_interval_ms: int = Field(
        default=500, ge=10, le=60_000, description="Milliseconds between ticks while there is something to score."
    )

    ops_host: str = Field(
        default="127.0.0.1", description="Address of metrics and health probes; 0.0.0.0 inside a container."
    )
    ops_port: int = Field(default=9100, ge=0, le=65_535, description="Their port; 0 takes a free one.")

    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="'auto' is JSON, or for people when standard output is a terminal."
    )

    @property
    def kafka_servers(self) -> list[str]:
        """`host:port` of each bootstrap server, as aiokafka takes them."""
        return kafka_servers(self.kafka_url)

    def topic(self, topic: Topic) -> str:
        """The real name of `topic` on this broker."""
        return self.topic_prefix + topic.value


SettingsT = TypeVar("SettingsT", bound=Settings)


def read_settings(cls: type[SettingsT], **given: Any) -> SettingsT:
    """Settings from the environment, `given` ones first.

    Raises:
        ConfigurationError: names each environment variable that is wrong, what is wrong, and what it means.
    """
    try:
        return cls(**given)
    except ValidationError as error:
        lines = [_explain(cls, part) for part in error.errors(include_url=False)]
        raise ConfigurationError("\n".join(lines)) from None
    except SettingsError as error:
        raise ConfigurationError(str(error)) from None


def load_settings(cls: type[SettingsT], **given: Any) -> SettingsT:
    """As `read_settings`, for a process's start: prints the mistakes on standard error and exits with code 2."""
    try:
        return read_settings(cls, **given)
    except ConfigurationError as error:
        exit_configuration(error)


def exit_configuration(error: ConfigurationError) -> NoReturn:
    """Tell the person who started the process what to change, and exit with code 2."""
    sys.stderr.write(f"Kenko cannot start with these settings:\n{error}\n")
    sys.exit(EXIT_CONFIGURATION)


def _explain(cls: type[Settings], part: Any) -> str:
    """One mistake in one line: variable, value (never a secret's), what is wrong, what it means."""
    place = str(part["loc"][0]) if part["loc"] else ""
    if place.startswith(ENV_PREFIX):
        field = next((f for f in cls.model_fields.values() if f.validation_alias == place), None)
        variable = place
    else:
        field = cls.model_fields.get(place)
        variable = ENV_PREFIX + place.upper() if place else "the settings"
    wrong = part["msg"].removeprefix("Value error, ")
    got = part.get("input")
    shown = f"={got}" if isinstance(got, str | int | float) and not _is_secret(field) else ""
    meaning = f" {field.description}" if field is not None and field.description else ""
    return f"  {variable}{shown}: {wrong}.{meaning}".replace("..", ".")


def _is_secret(field: Any) -> bool:
    """A value is shown only where the setting's type is known to hold no secret."""
    return field is None or "Secret" in repr(field.annotation) or any("Secret" in repr(a) for a in get_args(field))
