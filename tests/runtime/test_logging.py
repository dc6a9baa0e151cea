"""Log lines: one JSON object each, from structlog and the standard library alike, without secrets."""

from __future__ import annotations

import io
import json
import logging
import sys

import pytest
import structlog
from pydantic import SecretStr

from kenko.runtime.clock import ManualClock
from kenko.runtime.logging import configure_logging, get_logger

MIDNIGHT = ManualClock(1_772_323_200_007)


@pytest.fixture(autouse=True)
def as_it_was():
    """Other tests find logging as they left it."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def lines(capsys) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_has_time_level_event_and_service(capsys) -> None:
    configure_logging("ingest", "info", "json", clock=MIDNIGHT)
    get_logger("a").info("ingest.listening", port=7)
    assert lines(capsys) == [
        {
            "timestamp": "2026-03-01T00:00:00.007Z",
            "level": "info",
            "event": "ingest.listening",
            "service": "ingest",
            "port": 7,
        }
    ]


@pytest.mark.parametrize("name", ["faust.app", "mode.worker", "aiokafka.producer", "uvicorn.error", "anything"])
def test_libraries_speak_the_same_way(capsys, name: str) -> None:
    logging.getLogger(name.partition(".")[0]).addHandler(logging.StreamHandler())
    configure_logging("scorer", "info", "json", clock=MIDNIGHT)
    logging.getLogger(name).warning("lost %s", "a\nb\x1b[31m")
    [line] = lines(capsys)
    assert (line["event"], line["service"], line["level"]) == ("lost a\nb\x1b[31m", "scorer", "warning")


def test_less_than_the_level_is_not_written(capsys) -> None:
    configure_logging("ingest", "warning", "json", clock=MIDNIGHT)
    get_logger("a").info("ingest.listening")
    logging.getLogger("uvicorn").info("hello")
    assert lines(capsys) == []


def test_secrets_never_reach_the_output(capsys) -> None:
    configure_logging("ingest", "debug", "json", clock=MIDNIGHT)
    log = get_logger("a")
    error = ValueError("cannot reach redis://:hush@redis:6379")
    log.error("ingest.failed", exc_info=error, url="https://user:hush@host/x", headers={"Authorization": "hush"})
    log.info("ingest.set", secret="hush", value=SecretStr("hush"), several=["http://hush@host"])
    logging.getLogger("redis").error("connecting to %s", "redis://:hush@redis")
    assert "hush" not in capsys.readouterr().out


def test_for_people_it_is_no_json(capsys) -> None:
    configure_logging("ingest", "info", "console", clock=MIDNIGHT)
    get_logger("a").info("ingest.listening", port=7)
    out = capsys.readouterr().out
    assert "ingest.listening" in out
    with pytest.raises(json.JSONDecodeError):
        json.loads(out)


def test_logs_may_go_to_another_stream_than_the_output(capsys):
    configure_logging("cli", "warning", "console", clock=MIDNIGHT, stream=sys.stderr)
    logging.getLogger("aiokafka.producer").warning("Got error produce response: retrying")
    written = capsys.readouterr()
    assert written.out == ""
    assert "retrying" in written.err


def test_what_a_library_repeats_is_told_now_and_then():
    clock, out = ManualClock(1_000_000), io.StringIO()
    configure_logging("scorer", form="json", clock=clock, stream=out)

    def away(seconds):
        for _ in range(seconds * 10):
            clock.advance(100)
            for node in (1, 2):
                logging.getLogger("aiokafka.conn").error("Unable to connect to node %s", node)

    away(25)
    logging.getLogger("aiokafka.conn").error("Something else")
    logging.getLogger("kenko").error("Ours")
    logging.getLogger("kenko").error("Ours")

    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["event"], line.get("untold")) for line in lines] == [
        ("Unable to connect to node 1", None),
        ("Unable to connect to node 1", 199),
        ("Unable to connect to node 1", 199),
        ("Something else", None),
        ("Ours", None),
        ("Ours", None),
    ]
