"""Apache Kafka itself, one KRaft node on loopback, from the jars that Maven fetched."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import uuid
from pathlib import Path

from kenko.embedded import probes
from kenko.embedded.ports import LOOPBACK, free_port
from kenko.embedded.process import ServerProcess

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = ROOT / "tests" / "external" / "kafka"
JARS = ROOT / ".external" / "kafka"


def fetch(maven: str) -> None:
    """Fetch the jars that pom.xml names into `JARS`, unless they are there."""
    pom = CONFIGURATION / "pom.xml"
    stamp, wanted = JARS / "pom.sha256", hashlib.sha256(pom.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    shutil.rmtree(JARS, ignore_errors=True)
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={JARS}"]
    command = [maven, "--batch-mode", "--quiet", "--file", str(pom), *goal]
    result = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  our own command line
    if result.returncode != 0:
        raise SystemExit(f"Maven could not fetch Apache Kafka:\n{result.stdout}{result.stderr}")
    stamp.write_text(wanted)


def kafka_server(directory: Path, *, java: str) -> ServerProcess:
    """A Kafka that keeps its data and its log in `directory`; started again, it goes on with them."""
    # KRaft wants 16 bytes in base64, and its command line takes a leading dash for an option.
    cluster_id = "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:-1] + "A"
    logging = CONFIGURATION / "log4j2.properties"
    run = [java, "-Xms256m", "-Xmx512m", f"-Dlog4j2.configurationFile={logging}", "-cp", str(JARS / "*")]
    controller = free_port()

    def command(port: int) -> list[str]:
        properties = _configure(directory, port, controller)
        form = [*run, "kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster_id]
        form += ["-c", str(properties)]
        subprocess.run(form, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  our own command line, no shell
        return [*run, "kafka.Kafka", str(properties)]

    def answers(port: int, _pid: int) -> bool:
        return probes.kafka_answers(port, cluster_id=cluster_id)

    return ServerProcess("Apache Kafka", command=command, answers=answers, log=directory / "kafka.log")


def _configure(directory: Path, port: int, controller: int) -> Path:
    data = directory / "kafka-data"
    properties = directory / "server.properties"
    lines = [
        (CONFIGURATION / "server.properties").read_text(),
        f"listeners=PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller}",
        f"advertised.listeners=PLAINTEXT://{LOOPBACK}:{port}",
        f"controller.quorum.voters=1@{LOOPBACK}:{controller}",
        f"log.dirs={data.as_posix()}",
    ]
    properties.write_text("\n".join(lines) + "\n")
    return properties
