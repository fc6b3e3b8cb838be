"""The Helm chart renders; what it renders is valid for the oldest and the newest Kubernetes, and as it should be."""

import base64
import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from cryptography import x509

from stackwire.cloud.cloud import settings_type
from stackwire.core.settings import unknown_variables
from stackwire.messaging.options import parse
from support import chart_tools
from support.compose import broker_definitions
from support.postgres import skip_or_fail
from support.processes import PERMISSIONS

CHART = Path(__file__).parents[2] / "deploy" / "kubernetes"
OURS = ("identity", "image", "volume", "compute", "trace")
EXTERNAL = (
    "postgresql.mode=external,postgresql.host=db.example.org,postgresql.caSecret=db-ca",
    "rabbitmq.mode=external,rabbitmq.host=bus.example.org,rabbitmq.caSecret=bus-ca",
)
OPERATOR = (EXTERNAL[0], "rabbitmq.mode=operator,rabbitmq.tlsSecret=bus,rabbitmq.options=rabbit_quorum_queue=true")
SCALED = tuple(
    f"services.{service}.{role}.autoscaling.enabled=true"
    for service, role in (("identity", "api"), ("image", "api"), ("image", "worker"), ("volume", "worker"))
)
EVERYTHING = (
    "trace.enabled=true,podMonitor.enabled=true,ingress.enabled=true,ingress.tlsSecret=web,publicHost=cloud.example.org",
    "image.digest=sha256:00,services.compute.worker.hostsPerPod=3",
)
CASES = {"trial": (), "external": EXTERNAL, "operator": OPERATOR, "scaled": SCALED, "everything": EVERYTHING}
SHARED = {"shared": (*EXTERNAL, "rabbitmq.logins=shared")}
Resource = dict[str, Any]


def helm(*words: str, expected: int = 0) -> str:
    program = chart_tools.helm()
    if program is None or not chart_tools.has_schemas():
        skip_or_fail("no helm and no schemas: make chart-tools")
    done = subprocess.run([str(program), *words], capture_output=True, text=True, check=False)
    assert done.returncode == expected, done.stderr
    return done.stdout + (done.stderr if expected else "")


@cache
def rendered(case: str) -> tuple[Resource, ...]:
    sets = [word for value in (CASES | SHARED)[case] for word in ("--set", value)]
    return tuple(filter(None, yaml.safe_load_all(helm("template", "cloud", str(CHART), "--namespace", "here", *sets))))


@cache
def validator(version: str, name: str) -> Any:
    schema = {"$ref": f"#/$defs/{name}", "$defs": chart_tools.definitions(version)}
    return jsonschema_rs.Draft202012Validator(schema)


def of_kind(case: str, *kinds: str) -> list[Resource]:
    return [resource for resource in rendered(case) if resource["kind"] in kinds]


def pods(case: str) -> Iterator[tuple[str, Resource]]:
    for resource in of_kind(case, "Deployment", "StatefulSet", "Job"):
        yield resource["metadata"]["name"], resource["spec"]["template"]


def services(case: str) -> Iterator[tuple[str, Resource]]:
    """The pods of Stackwire's own processes."""
    for name, template in pods(case):
        if template["spec"]["containers"][0].get("args", [""])[0] == "serve":
            yield name, template


@pytest.mark.parametrize("version", [chart_tools.OLDEST, chart_tools.NEWEST])
@pytest.mark.parametrize("case", CASES)
def test_it_is_valid(case: str, version: str) -> None:
    """Against the published schemas, in which unknown fields are errors."""
    resources = rendered(case)
    names = [(resource["kind"], resource["metadata"]["name"]) for resource in resources]
    assert len(names) == len(set(names))
    for resource in resources:
        name = chart_tools.schema_name(version, resource["apiVersion"], resource["kind"])
        if name is None:
            assert resource["apiVersion"] in ("rabbitmq.com/v1beta1", "monitoring.coreos.com/v1"), resource
            continue
        errors = [f"{error.instance_path}: {error.message}" for error in validator(version, name).iter_errors(resource)]
        assert errors == [], (resource["kind"], resource["metadata"]["name"])


def test_helm_finds_nothing_to_object_to() -> None:
    assert "0 chart(s) failed" in helm("lint", str(CHART), "--strict")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ("rabbitmq.mode=elsewhere", "rabbitmq"),
        ("postgresql.mode=external", "where is the external PostgreSQL?"),
        ("services.compute.worker.autoscaling.enabled=true", "its pods are hosts"),
        ("replicas=2", "replicas"),
    ],
)
def test_values_that_cannot_be_are_refused(values: str, says: str) -> None:
    assert says in helm("template", "cloud", str(CHART), "--set", values, expected=1)


@pytest.mark.parametrize("case", CASES)
def test_a_pod_may_nothing_that_it_need_not(case: str) -> None:
    for name, template in pods(case):
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert container["resources"]["limits"]["memory"], name
            assert container["resources"]["requests"]["cpu"], name


@pytest.mark.parametrize("case", CASES)
def test_every_process_says_whether_it_lives_and_whether_it_is_ready(case: str) -> None:
    for name, template in services(case):
        (container,) = template["spec"]["containers"]
        port = "http" if name == "cloud-trace" else "health"
        assert container["readinessProbe"]["httpGet"] == {"path": "/healthcheck", "port": port}, name
        assert container["livenessProbe"]["httpGet"] == {"path": "/healthcheck/live", "port": port}, name
        assert port in [port["name"] for port in container["ports"]], name


@pytest.mark.parametrize("case", CASES)
def test_every_variable_is_a_setting_and_no_secret_stands_in_one(case: str) -> None:
    """``serve`` refuses the others."""
    kinds = {name: settings_type(name) for name in (*OURS, "index")}
    for name, template in services(case):
        (container,) = template["spec"]["containers"]
        variables = {entry["name"]: entry.get("value", "") for entry in container["env"]}
        assert unknown_variables(kinds, variables) == [], name
        mounted = {volume["name"]: volume for volume in template["spec"]["volumes"]}["secrets"]["secret"]["items"]
        paths = {f"/run/secrets/stackwire/{item['path']}" for item in mounted}
        assert {value for variable, value in variables.items() if variable.endswith("PASSWORD_FILE")} <= paths, name
        parse(variables["STACKWIRE_AMQP_URL"])
        assert ":" not in variables["STACKWIRE_DATABASE_URL"].split("//")[1].split("@")[0], name


@pytest.mark.parametrize("case", CASES)
def test_a_service_is_given_its_own_secrets_alone(case: str) -> None:
    for name, template in services(case):
        service = template["spec"]["containers"][0]["args"][1]
        items = {volume["name"]: volume for volume in template["spec"]["volumes"]}["secrets"]["secret"]["items"]
        keys = {item["key"] for item in items}
        assert {key for key in keys if key.endswith("_db_password")} == {f"{service}_db_password"}, name
        assert "postgres_password" not in keys, name


def test_the_connections_to_database_and_bus_are_checked() -> None:
    for case in ("trial", "external", "operator"):
        for name, template in services(case):
            env = {entry["name"]: entry.get("value", "") for entry in template["spec"]["containers"][0]["env"]}
            assert "sslmode=verify-full&sslrootcert=/etc/stackwire/postgresql/ca.crt" in env["STACKWIRE_DATABASE_URL"]
            assert env["STACKWIRE_AMQP_URL"].startswith(f"amqps://{component(template)}@"), name
            assert "cafile=/etc/stackwire/rabbitmq/ca.crt" in env["STACKWIRE_AMQP_URL"], name


def component(template: Resource) -> str:
    """The service whose process it is."""
    return str(template["metadata"]["labels"]["app.kubernetes.io/part-of"])


@pytest.mark.parametrize("case", CASES)
def test_a_pod_has_its_own_login_at_the_broker_and_signs(case: str) -> None:
    for name, template in services(case):
        env = {entry["name"]: entry.get("value", "") for entry in template["spec"]["containers"][0]["env"]}
        (volume,) = [one for one in template["spec"]["volumes"] if one["name"] == "secrets"]
        keys = {item["key"] for item in volume["secret"]["items"]}
        password = f"{component(template)}_amqp_password"
        assert {key for key in keys if key.endswith("amqp_password")} == {password}, name
        assert env["STACKWIRE_AMQP_PASSWORD_FILE"] == f"/run/secrets/stackwire/{password}"
        if component(template) != "trace":  # which only reads
            assert env["STACKWIRE_BUS_KEY_FILE"] == "/run/secrets/stackwire/bus_key"
            assert "bus_key" in keys


def test_one_login_can_be_shared_where_nobody_makes_more() -> None:
    for name, template in services("shared"):
        env = {entry["name"]: entry.get("value", "") for entry in template["spec"]["containers"][0]["env"]}
        assert env["STACKWIRE_AMQP_URL"].startswith("amqps://stackwire@"), name
        assert env["STACKWIRE_AMQP_PASSWORD_FILE"] == "/run/secrets/stackwire/amqp_password"


def test_the_trials_certificates_are_those_of_its_servers() -> None:
    (secret,) = [one for one in of_kind("trial", "Secret") if one["metadata"]["name"] == "cloud-tls"]
    authority = x509.load_pem_x509_certificate(base64.b64decode(secret["data"]["ca.crt"]))
    for file, host in (("postgres.crt", "cloud-postgresql"), ("rabbitmq.crt", "cloud-rabbitmq")):
        certificate = x509.load_pem_x509_certificate(base64.b64decode(secret["data"][file]))
        certificate.verify_directly_issued_by(authority)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert {host, f"{host}.here.svc"} <= set(names.get_values_for_type(x509.DNSName))


def test_passwords_are_drawn_and_none_is_one_that_everybody_knows() -> None:
    (secret,) = [one for one in of_kind("trial", "Secret") if one["metadata"]["name"] == "cloud-secrets"]
    texts = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert texts.pop("username") == "stackwire"
    assert texts.pop("password") == texts["amqp_password"]
    assert min(map(len, texts.values())) >= 32
    assert len(set(texts.values())) == len(texts)
    assert min(len(texts["token_key"]), len(texts["bus_key"])) >= 64


def test_workers_are_scaled_by_the_depth_of_their_queue_and_apis_by_their_work() -> None:
    found = {one["metadata"]["name"]: one["spec"]["metrics"][0] for one in of_kind("scaled", "HorizontalPodAutoscaler")}
    assert set(found) == {"cloud-identity", "cloud-image-api", "cloud-image-worker", "cloud-volume-worker"}
    assert found["cloud-image-api"]["resource"]["name"] == "cpu"
    metric = found["cloud-image-worker"]["external"]["metric"]
    assert metric == {"name": "rabbitmq_queue_messages_ready", "selector": {"matchLabels": {"queue": "image-tasks"}}}
    for one in of_kind("scaled", "Deployment"):
        assert ("replicas" in one["spec"]) == (one["metadata"]["name"] not in found), "it would be set back"


@pytest.mark.parametrize("case", CASES)
def test_each_set_of_processes_has_a_budget_and_keeps_one_while_it_is_drained(case: str) -> None:
    budgets = [one["spec"]["selector"]["matchLabels"] for one in of_kind(case, "PodDisruptionBudget")]
    for name, template in services(case):
        labels = template["metadata"]["labels"]
        if labels["app.kubernetes.io/component"] == "trace":
            continue
        assert [budget for budget in budgets if budget.items() <= labels.items()], name


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_reached_that_no_policy_allows(case: str) -> None:
    policies = of_kind(case, "NetworkPolicy")
    (default,) = [one["spec"] for one in policies if one["metadata"]["name"] == "cloud-default"]
    assert (default["policyTypes"], default.get("ingress"), default.get("egress")) == (
        ["Ingress", "Egress"],
        None,
        None,
    )
    for name, template in pods(case):
        labels = template["metadata"]["labels"]
        assert default["podSelector"]["matchLabels"].items() <= labels.items(), name
    open_to_all = [
        one["metadata"]["name"]
        for one in policies
        for rule in one["spec"].get("ingress") or ()
        if "from" not in rule and rule["ports"] == [{"port": "http", "protocol": "TCP"}]
    ]
    assert set(open_to_all) == {f"cloud-{name}-clients" for name in ("identity", "image", "volume", "compute")}


def test_each_pod_of_compute_is_hosts_of_its_own() -> None:
    for case, hosts in (("trial", "$(POD_NAME)"), ("everything", "$(POD_NAME)-0,$(POD_NAME)-1,$(POD_NAME)-2")):
        (workers,) = [one for one in of_kind(case, "StatefulSet") if one["metadata"]["name"] == "cloud-compute-worker"]
        env = {entry["name"]: entry for entry in workers["spec"]["template"]["spec"]["containers"][0]["env"]}
        assert env["STACKWIRE_COMPUTE_HOSTS"]["value"] == hosts
        assert list(env).index("POD_NAME") < list(env).index("STACKWIRE_COMPUTE_HOSTS"), "or it is no reference"


def test_an_operators_cluster_has_three_nodes_users_and_bounds() -> None:
    kinds = {one["kind"]: one["spec"] for one in of_kind("operator", "RabbitmqCluster", "User", "Permission")}
    assert kinds["RabbitmqCluster"]["replicas"] == 3
    assert kinds["RabbitmqCluster"]["tls"] == {"secretName": "bus", "disableNonTLSListeners": True}
    logins = {one["spec"]["importCredentialsSecret"]["name"]: one for one in of_kind("operator", "User")}
    assert set(logins) == {"cloud-secrets", *(f"cloud-secrets-{name}" for name in PERMISSIONS)}
    for one in of_kind("operator", "Secret"):
        if one["metadata"]["name"] in logins:
            assert {"username", "password"} <= set(one["data"])
    granted = {one["metadata"]["name"]: one["spec"]["permissions"] for one in of_kind("operator", "Permission")}
    everything = dict.fromkeys(("configure", "write", "read"), ".*")
    assert granted == {"cloud": everything, **{f"cloud-{name}": rights for name, rights in PERMISSIONS.items()}}
    dead = {"dead-letter-exchange": "", "dead-letter-routing-key": "dead_letters"}
    policies = {one["spec"]["name"]: one["spec"] for one in of_kind("operator", "Policy")}
    assert {name: one["definition"] for name, one in policies.items()} == {
        "notifications": {"max-length": 100000, "overflow": "drop-head"}, "processes": {"expires": 3600000, **dead},
        "work": dead,
    }  # fmt: skip
    assert policies["work"]["pattern"] == broker_definitions()["policies"][2]["pattern"]
    (queue,) = of_kind("operator", "Queue")
    assert (queue["spec"]["name"], queue["spec"]["arguments"]["x-max-length"]) == ("dead_letters", 10000)
    assert of_kind("operator", "StatefulSet")[0]["metadata"]["name"] == "cloud-compute-worker"


def test_the_trials_broker_has_the_same_logins_and_bounds() -> None:
    (found,) = [one for one in of_kind("trial", "ConfigMap") if one["metadata"]["name"] == "cloud-rabbitmq"]
    definitions = json.loads(found["data"]["definitions.json"])
    stack = broker_definitions()
    assert definitions["queues"] == stack["queues"]
    for ours, theirs in zip(definitions["policies"], stack["policies"], strict=True):
        named_for_pods = {"pattern": theirs["pattern"]} if theirs["name"] == "processes" else {}
        assert {**ours, **named_for_pods} == theirs
    granted = {each.pop("user"): each for each in definitions["permissions"]}
    assert granted.pop("stackwire")["write"] == ".*"
    assert granted == {name: {"vhost": "/", **rights} for name, rights in PERMISSIONS.items()}
    assert {user["name"]: user["password"] for user in definitions["users"]} == {
        "stackwire": "@amqp_password@", **{name: f"@{name}_amqp_password@" for name in PERMISSIONS},
    }  # fmt: skip


def test_the_charts_files_are_those_of_the_compose_stack() -> None:
    for file in ("init.sh", "start.sh", "pg_hba.conf"):
        assert (CHART / "files" / file).resolve() == CHART.parent / "postgres" / file
    assert (CHART / "files" / "identity.toml").samefile(CHART.parent / "identity.toml")
