import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kenko.runtime.settings import read_settings

ROOT = Path(__file__).resolve().parents[2]
OURS = ("ingest", "scorer", "alerter", "topics")
GIVEN = {"KENKO_INGEST_KEYS": "a-key-for-these-tests"}


def test_it_is_valid_compose():
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [checker, "--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_it_has_kafka_redis_prometheus_and_each_service(compose):
    assert set(compose["services"]) == {*OURS, "kafka", "redis", "prometheus"}
    commands = {name: compose["services"][name]["command"][0] for name in OURS}
    assert commands == {
        "ingest": "services.ingest",
        "scorer": "services.scorer",
        "alerter": "services.alerter",
        "topics": "kenko.cli",
    }


def test_every_port_is_published_on_loopback_alone(compose):
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_no_secret_is_in_the_file(compose):
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"SECRET|KEYS|PASSWORD|TOKEN|WEBHOOK", name):
                assert re.fullmatch(r"\$\{\w+:(-|\?[^}]+)\}", value), name


@pytest.mark.parametrize("name", OURS)
def test_a_service_reads_every_variable_it_is_given(compose, variables_of, name):
    service = compose["services"][name]
    assert set(service["environment"]) - variables_of(service["command"]) == set()


@pytest.mark.parametrize("name", OURS)
def test_a_service_accepts_the_values(compose, settings_of, interpolated, monkeypatch, name):
    service = compose["services"][name]
    for variable, value in service["environment"].items():
        monkeypatch.setenv(variable, interpolated(value, GIVEN))
    settings = read_settings(settings_of(service["command"]))
    assert settings.kafka_servers == ["kafka:9092"]
    assert settings.redis_url.get_secret_value() == "redis://redis:6379/0"


def test_the_model_is_mounted_where_the_scorer_looks(compose, interpolated):
    service = compose["services"]["scorer"]
    (mount,) = service["volumes"]
    assert mount["target"] == service["environment"]["KENKO_MODEL"]
    assert (ROOT / interpolated(mount["source"], {})).is_file()


@pytest.mark.parametrize("name", ["ingest", "scorer", "alerter"])
def test_the_health_check_asks_the_operations_port(compose, name):
    service = compose["services"][name]
    port = service["environment"]["KENKO_OPS_PORT"]
    assert f"http://127.0.0.1:{port}/health/ready" in service["healthcheck"]["test"][-1]


def test_ingest_is_published_on_the_port_it_listens_on(compose):
    ingest = compose["services"]["ingest"]
    assert [port.rpartition(":")[2] for port in ingest["ports"]] == [ingest["environment"]["KENKO_INGEST_PORT"]]


def test_prometheus_scrapes_each_service(compose):
    config = yaml.safe_load((ROOT / "deploy" / "observability" / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    assert job["metrics_path"] == "/metrics"
    assert {target for group in job["static_configs"] for target in group["targets"]} == {
        f"{name}:{compose['services'][name]['environment']['KENKO_OPS_PORT']}" for name in OURS if name != "topics"
    }


def test_redis_writes_its_data_down_and_evicts_nothing(compose):
    command = compose["services"]["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options == {"--appendonly": "yes", "--appendfsync": "everysec", "--maxmemory-policy": "noeviction"}
