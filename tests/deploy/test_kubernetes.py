from pathlib import Path

import kubernetes_validate
import pytest
from aiohttp import ClientSession

from kenko.runtime.ops_server import OpsServer
from kenko.runtime.settings import read_settings

ROOT = Path(__file__).resolve().parents[2]
VERSION = "1.31"  # the oldest that is still common; newer ones accept the same fields
WORKLOADS = ["kenko-ingest", "kenko-scorer", "kenko-alerter", "kenko-topics"]
SERVICES = WORKLOADS[:3]


def container(pod):
    (only,) = pod["containers"]
    return only


def environment(pod, config_maps):
    """Name -> value, None where a Secret or the pod itself gives it."""
    found = {}
    for source in container(pod).get("envFrom", []):
        found |= config_maps[source["configMapRef"]["name"]]
    return found | {item["name"]: item.get("value") for item in container(pod)["env"]}


def test_every_manifest_is_valid_and_of_a_known_kind(manifests):
    # `validate` raises for a kind it has no schema of; its command line only warns.
    for manifest in manifests:
        kubernetes_validate.validate(manifest, VERSION, strict=True)


def test_a_kind_without_schema_or_a_stray_field_would_fail():
    with pytest.raises(kubernetes_validate.SchemaNotFoundError):
        kubernetes_validate.validate({"apiVersion": "example.com/v1", "kind": "Thing"}, VERSION, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({"apiVersion": "v1", "kind": "ServiceAccount", "stray": 1}, VERSION, strict=True)


def test_there_is_one_workload_a_service_and_a_job_for_the_topics(manifests, pods):
    kinds = {item["metadata"]["name"]: item["kind"] for item in manifests if item["metadata"]["name"] in pods}
    assert kinds == {
        "kenko-ingest": "Deployment",
        "kenko-scorer": "StatefulSet",
        "kenko-alerter": "Deployment",
        "kenko-topics": "Job",
    }
    assert container(pods["kenko-scorer"])["args"] == ["services.scorer"]


def test_it_names_no_namespace_and_holds_no_secret(manifests):
    assert [item for item in manifests if "namespace" in item["metadata"]] == []
    assert [item for item in manifests if item["kind"] == "Secret"] == []


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_pod_meets_the_restricted_standard(pods, name):
    pod = pods[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(pod)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == name
    assert {"cpu", "memory"} <= set(container(pod)["resources"]["requests"])


@pytest.mark.parametrize("name", WORKLOADS)
def test_no_service_link_can_pose_as_a_setting(pods, name):
    # The Service kenko-ingest would be KENKO_INGEST_PORT=tcp://10.0.0.1:80 in every pod.
    assert pods[name]["enableServiceLinks"] is False


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_container_reads_every_variable_it_is_given(pods, variables_of, name):
    own = {item["name"] for item in container(pods[name])["env"]}
    assert own - variables_of(container(pods[name])["args"]) == set()


def test_some_container_reads_each_shared_setting(pods, config_maps, variables_of):
    known = set().union(*(variables_of(container(pod)["args"]) for pod in pods.values()))
    (shared,) = [data for name, data in config_maps.items() if name.startswith("kenko-settings-")]
    assert set(shared) - known == set()


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_program_accepts_the_values(pods, config_maps, settings_of, monkeypatch, name):
    from_secrets = {
        "KENKO_KAFKA_URL": "kafka://kafka:9092",
        "KENKO_REDIS_URL": "redis://redis:6379/0",
        "KENKO_INGEST_KEYS": "a-key-for-these-tests",
    }
    for variable, value in environment(pods[name], config_maps).items():
        monkeypatch.setenv(variable, value or from_secrets.get(variable, ""))
    settings = read_settings(settings_of(container(pods[name])["args"]))
    assert settings.ops_host == "0.0.0.0"


@pytest.mark.parametrize("name", SERVICES)
async def test_a_probe_asks_the_operations_port_for_a_path_it_serves(pods, config_maps, name):
    ports = {port["name"]: port["containerPort"] for port in container(pods[name])["ports"]}
    settings = environment(pods[name], config_maps)
    assert str(ports["ops"]) == settings["KENKO_OPS_PORT"]
    probes = [container(pods[name])[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
    assert {probe["port"] for probe in probes} == {"ops"}

    server = OpsServer(service="test", port=0)
    await server.start()
    try:
        async with ClientSession() as client:
            for path in [probe["path"] for probe in probes] + ["/metrics"]:
                async with client.get(server.url + path) as answer:
                    assert answer.status == 200, path
    finally:
        await server.stop()


def test_ingest_is_served_on_the_port_it_listens_on(manifests, pods, config_maps):
    ports = {port["name"]: port["containerPort"] for port in container(pods["kenko-ingest"])["ports"]}
    assert str(ports["http"]) == environment(pods["kenko-ingest"], config_maps)["KENKO_INGEST_PORT"]


def test_a_service_selects_the_pods_it_is_named_after(manifests):
    labels = {
        item["metadata"]["name"]: item["spec"]["template"]["metadata"]["labels"]
        for item in manifests
        if "template" in item.get("spec", {})
    }
    for service in (item for item in manifests if item["kind"] == "Service"):
        assert service["spec"]["selector"].items() <= labels[service["metadata"]["name"]].items()


def test_the_model_is_mounted_where_the_scorer_looks(pods, config_maps):
    scorer = pods["kenko-scorer"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container(scorer)["volumeMounts"]}
    (volume,) = [volume for volume in scorer["volumes"] if volume["name"] == "model"]
    (file,) = config_maps[volume["configMap"]["name"]]
    assert environment(scorer, config_maps)["KENKO_MODEL"] == f"{mounts['model']}/{file}"


def test_the_model_of_the_base_is_the_example():
    # A copy, because kustomize reads no file outside its folder: `cp examples/saas/model.yaml deploy/k8s/base/`.
    example = ROOT / "examples" / "saas" / "model.yaml"
    assert (ROOT / "deploy" / "k8s" / "base" / "model.yaml").read_text() == example.read_text()
