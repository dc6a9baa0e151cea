"""Settings of ingest."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from kenko.runtime.settings import Settings

HOW_TO_MAKE_A_KEY: Final = "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
MIN_KEY_LENGTH: Final = 16
DEV: Final = "dev"


def _split_keys(value: object) -> object:
    """`a,b` as it stands in the environment; a sequence as it comes from code."""
    return tuple(SecretStr(key.strip()) for key in value.split(",") if key.strip()) if isinstance(value, str) else value


class IngestSettings(Settings):
    """KENKO_INGEST_*; without keys ingest starts only where KENKO_ENV=dev, and then takes events from anybody."""

    ops_port: int = Field(default=9101, ge=0, le=65_535, description="Port of metrics and probes; 0 takes a free one.")

    ingest_host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 inside a container.")
    ingest_port: int = Field(default=8080, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    ingest_keys: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_keys)] = Field(
        default=(), description=f"API keys, separated by commas. Make one with: {HOW_TO_MAKE_A_KEY}"
    )

    ingest_events_per_second: float = Field(
        default=25_000.0, gt=0, description="Events a second that one key may send; beyond it the answer is 429."
    )
    ingest_wrong_keys_per_second: float = Field(
        default=1.0,
        gt=0,
        description="Wrong keys a second that one address may try; behind a proxy all clients have its address.",
    )
    ingest_max_body_bytes: int = Field(
        default=5_500_000, ge=32_768, description="Largest body of a request, decompressed."
    )
    ingest_max_in_flight_bytes: int = Field(
        default=64_000_000, ge=5_500_000, description="Bodies held at the same time; beyond it the answer is 503."
    )
    ingest_max_connections: int = Field(default=2_000, ge=1, description="Open connections; more are closed at once.")
    ingest_read_timeout_s: float = Field(
        default=15.0, gt=0, le=300, description="Seconds for a request to arrive; the headers and the body each."
    )
    ingest_produce_timeout_s: float = Field(
        default=10.0, gt=0, le=300, description="Seconds for Kafka to acknowledge; beyond it the answer is 503."
    )
    ingest_linger_ms: int = Field(
        default=3, ge=0, le=1000, description="Milliseconds to wait for more events for the same write."
    )
    ingest_drain_timeout_s: float = Field(
        default=20.0, gt=0, le=300, description="Seconds for requests under way to finish when ingest is stopped."
    )

    @model_validator(mode="after")
    def _keys_are_fit(self) -> Self:
        if self.env == DEV:
            return self
        if not self.ingest_keys and self.keys_file is None:
            raise ValueError(
                "KENKO_INGEST_KEYS is empty and there is no KENKO_KEYS_FILE: anybody could send events. Make a file"
                " with `kenko keys create`, or set KENKO_INGEST_KEYS to a key made with"
                f" {HOW_TO_MAKE_A_KEY}; on your own machine, KENKO_ENV=dev goes without"
            )
        if any(len(key.get_secret_value()) < MIN_KEY_LENGTH for key in self.ingest_keys):
            raise ValueError(
                f"KENKO_INGEST_KEYS holds a key of fewer than {MIN_KEY_LENGTH} characters, which can be guessed."
                f" Make one with {HOW_TO_MAKE_A_KEY}"
            )
        return self
