"""What the local stack leans on: processes that are watched, and a file that says where it is."""

import os
import sys

import pytest

from kenko.cli.local_info import LocalInfo, found_settings, read_info, remove_info, write_info
from kenko.cli.service_process import ServiceDiedError, ServiceProcess
from kenko.runtime.settings import Settings


def _info(tmp_path, **changes):
    fields = {
        "run": "r1",
        "pid": os.getpid(),
        "ingest_url": "http://127.0.0.1:1",
        "key": "a-key-of-sixteen-characters",
        "kafka_url": "kafka://127.0.0.1:2",
        "redis_url": "redis://127.0.0.1:3/0",
        "partitions": 3,
        "topic_prefix": "t.",
        "redis_prefix": "k",
        "model": tmp_path / "model.yaml",
        "time": "log",
        "kafka_idempotence": False,
        "logs": tmp_path,
    }
    return LocalInfo(**{**fields, **changes})


def test_another_terminal_finds_the_settings_of_the_running_stack(tmp_path):
    write_info(tmp_path, _info(tmp_path))
    settings, info = found_settings(Settings, {}, home=tmp_path)
    assert info == _info(tmp_path)
    assert (settings.kafka_url, settings.partitions, settings.time) == ("kafka://127.0.0.1:2", 3, "log")
    assert (settings.topic_prefix, settings.redis_prefix, settings.model_path) == ("t.", "k", tmp_path / "model.yaml")
    assert not settings.kafka_idempotence


def test_only_the_owner_can_read_the_key(tmp_path):
    write_info(tmp_path, _info(tmp_path))
    assert (tmp_path / "local.json").stat().st_mode & 0o077 == 0


def test_servers_of_the_environment_come_before_the_running_stack(tmp_path):
    write_info(tmp_path, _info(tmp_path))
    assert found_settings(Settings, {"KENKO_REDIS_URL": "redis://elsewhere:6379"}, home=tmp_path)[1] is None


def test_a_file_of_a_process_that_is_gone_counts_for_nothing(tmp_path):
    assert read_info(tmp_path) is None
    write_info(tmp_path, _info(tmp_path, pid=2**22 + 1))
    assert read_info(tmp_path) is None


def test_a_stack_removes_its_own_file_and_no_other(tmp_path):
    write_info(tmp_path, _info(tmp_path, run="r2"))
    remove_info(tmp_path, "r1")
    assert read_info(tmp_path) is not None
    remove_info(tmp_path, "r2")
    assert not (tmp_path / "local.json").exists()


def _wait_until_ready(service):
    while not service.ready():
        pass


def test_a_service_that_dies_is_an_error_that_shows_the_end_of_its_log(tmp_path):
    service = ServiceProcess("no_such_service", environ=os.environ, log=tmp_path / "service.log")
    service.start()
    try:
        with pytest.raises(ServiceDiedError, match=r"No module named services\.no_such_service"):
            _wait_until_ready(service)
    finally:
        service.ask_to_stop()
        service.wait_stopped()
    assert sys.executable in service.log_end()
