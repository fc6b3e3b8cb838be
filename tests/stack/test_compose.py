"""The compose stack as it is written: what can be known without a docker daemon."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from stackwire.cloud.admin.settings import AdminSettings
from stackwire.core.context import RequestContext
from stackwire.core.policy import Policy
from stackwire.core.settings import ServiceSettings, unknown_variables
from stackwire.messaging.options import parse
from support.postgres import skip_or_fail
from support.processes import PERMISSIONS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
STRANGERS = ("postgres", "rabbitmq", "gateway", "otel-collector")
RUN = {name: service["command"] for name, service in SERVICES.items() if service.get("command", [""])[0] == "serve"}
"""What runs one of ours, and with which words."""
OURS = [name for name in RUN if name != "admin"]  # which has no database
APIS = {"identity": "identity", "image-api": "image", "volume-api": "volume", "compute-api": "compute"}
_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}")


def filled_in(text: object) -> str:
    """With every variable's default."""
    return _VARIABLE.sub(lambda match: match[2] or "", str(text))


def service_of(name: str) -> str:
    return str(RUN[name][1])


def settings_of(service: str) -> type[ServiceSettings]:
    module = import_module(f"stackwire.{service}.settings")
    kind: type[ServiceSettings] = getattr(module, f"{service.capitalize()}Settings")
    return kind


def test_it_is_valid_for_both_generations_of_compose() -> None:
    assert set(COMPOSE) <= {"services", "volumes", "secrets"} | {key for key in COMPOSE if key.startswith("x-")}
    for service in SERVICES.values():
        for condition in service.get("depends_on", {}).values():
            assert condition == {"condition": "service_healthy"}


def test_everything_of_the_cloud_is_there() -> None:
    """API and worker of each service apart; what is more of them has the profile ``scaled``."""
    base = {name for name, service in SERVICES.items() if "profiles" not in service}
    roles = {f"{name}-{role}" for name in ("image", "volume", "compute") for role in ("api", "worker")}
    assert base == {"postgres", "rabbitmq", "gateway", "identity", *roles, "volume-backup"}
    profiles = {profile for service in SERVICES.values() for profile in service.get("profiles", ())}
    assert profiles == {"trace", "otel", "faults", "chaos", "scaled", "index", "registry"}


def test_scaled_are_two_apis_and_three_workers_of_each_service() -> None:
    for api in APIS:
        more = SERVICES[f"{api}-more"]
        assert (more["profiles"], more["command"]) == (["scaled"], SERVICES[api]["command"])
        assert more["environment"] == SERVICES[api]["environment"]
    for service in ("image", "volume", "compute"):
        for name in (f"{service}-worker-more", f"{service}-worker-most"):
            assert SERVICES[name]["profiles"] == ["scaled"]
            assert SERVICES[name]["command"] == ["serve", service, "--role", "worker"]


def test_the_gateway_has_every_api_behind_its_port() -> None:
    """It asks for the names that the processes have in the network; its ports are those that are published."""
    text = (DEPLOY / "gateway/haproxy.cfg").read_text()
    for name, service in APIS.items():
        port = SERVICES[name]["environment"]["STACKWIRE_PORT"]
        (alias,) = SERVICES[name]["networks"]["default"]["aliases"]
        assert f"frontend {service}\n    bind :{port}\n" in text
        for backend in (f"{service}-ready", f"{service}-any"):
            assert re.search(
                rf"backend {backend}\n    server-template {service} \d+ {alias}:{port}( no-check)?\n", text
            )
        assert SERVICES[f"{name}-more"]["networks"] == SERVICES[name]["networks"]
        assert any(published.endswith(f":{port}") for published in SERVICES["gateway"]["ports"])
        url = SERVICES[name]["environment"][f"STACKWIRE_{service.upper()}_URL"]
        assert url == f"http://gateway:{port}"


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_says_whether_it_is_well(name: str) -> None:
    if name in ("chaos", "otel-collector"):  # the image of the one has no shell; the other keeps nobody waiting
        return
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert int(check["interval"].removesuffix("s")) <= 5, "a long interval is a long start"
    assert "start_period" in check


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_opened_on_the_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert filled_in(port).startswith("127.0.0.1:")


@pytest.mark.parametrize("name", SERVICES)
def test_no_image_is_the_latest(name: str) -> None:
    image = filled_in(SERVICES[name]["image"])
    assert ":" in image
    assert not image.endswith(":latest")
    assert "." not in image.partition("/")[0] or "/" not in image, "the name of a registry"


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name: str) -> None:
    for volume in SERVICES[name].get("volumes", ()):
        source = filled_in(volume).split(":")[0]
        assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], volume


@pytest.mark.parametrize("name", OURS)
def test_a_service_waits_for_what_it_needs(name: str) -> None:
    needs = {
        "identity": {"postgres", "rabbitmq"},
        "trace": {"postgres", "rabbitmq"},
        "registry": {"postgres", "rabbitmq", "image-api"},  # whose API prepares the tables
    }
    assert set(SERVICES[name]["depends_on"]) == needs.get(name, {"postgres", "rabbitmq", "identity"})


@pytest.mark.parametrize("name", OURS)
def test_every_variable_a_service_is_given_is_a_setting(name: str) -> None:
    """Of any service: those of all are in one place; ``serve`` refuses the others."""
    kinds = {service: settings_of(service) for service in ("identity", "image", "volume", "compute", "trace", "index")}
    assert unknown_variables(kinds, SERVICES[name]["environment"]) == []


@pytest.mark.parametrize("name", OURS)
def test_a_service_starts_from_these_variables(name: str, monkeypatch: pytest.MonkeyPatch, secrets: Path) -> None:
    """With the secrets that it is given, and no others."""
    environment = SERVICES[name]["environment"]
    for key, value in environment.items():
        text = filled_in(value)
        if key.endswith("_FILE") and text.startswith("/run/secrets/"):
            file = text.removeprefix("/run/secrets/")
            assert file in SERVICES[name]["secrets"]
            text = str(secrets / file)
        monkeypatch.setenv(key, text)
    if name == "registry":
        monkeypatch.setenv("STACKWIRE_RELEASE", "mitaka")
    service = service_of(name)
    settings = settings_of(service)()
    role = "registry" if name == "registry" else service
    password = (secrets / f"{role}_amqp_password").read_text().strip()
    assert settings.amqp_url.startswith(f"amqps://{role}:{password}@rabbitmq:5671/?cafile=/run/secrets/ca.crt")
    _, options = parse(settings.amqp_url)
    assert options.amqp_durable_queues or name == "trace", "what is confirmed outlives the broker"
    own = (secrets / f"{role}_db_password").read_text().strip()
    assert settings.database_url == (
        f"postgresql://{role}:{own}@postgres:5432/stackwire?sslmode=verify-full&sslrootcert=/run/secrets/ca.crt"
    )
    if name != "trace":
        assert len(settings.token_key) == len(settings.bus_key) == 64
    passwords = {secret for secret in SERVICES[name]["secrets"] if secret.endswith("password")} - {"user_password"}
    assert passwords == {f"{role}_db_password", f"{role}_amqp_password"}, "its own, and nobody else's"


def test_the_admin_port_starts_from_its_variables(monkeypatch: pytest.MonkeyPatch, secrets: Path) -> None:
    admin = SERVICES["admin"]
    for key, value in admin["environment"].items():
        text = filled_in(value)
        if text.startswith("/run/secrets/"):
            file = text.removeprefix("/run/secrets/")
            assert file in admin["secrets"]
            text = str(secrets / file)
        monkeypatch.setenv(key, text)
    settings = AdminSettings()
    assert settings.token_file is not None
    assert settings.token_file.name in admin["secrets"]
    assert len(settings.token_file.read_text().strip()) >= 32
    assert settings.amqp_url.startswith("amqps://stackwire:")
    assert filled_in(admin["ports"][0]) == f"127.0.0.1:8792:{settings.port}"


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_secrets(tmp_path_factory.mktemp("compose"))


def made_secrets(folder: Path, **environment: str) -> Path:
    secrets = folder / "secrets"
    variables = {**os.environ, "SECRETS_DIR": str(secrets), **environment}
    done = subprocess.run([str(DEPLOY / "make-secrets")], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return secrets


def test_secrets_are_made_once_for_their_owner_and_drawn(secrets: Path) -> None:
    assert secrets.stat().st_mode & 0o777 == 0o700, "a container's user is another, so that the files are not the fence"
    texts = {file.name: file.read_text() for file in secrets.iterdir()}
    assert {name for name in texts if not name.endswith("password")} == {
        "admin_token", "token_key", "bus_key", "rabbitmq.json",
        "ca.crt", "postgres.crt", "postgres.key", "rabbitmq.crt", "rabbitmq.key",
    }  # fmt: skip
    assert texts["user_password"] == "secret\n", "as the README says, on the loopback address"
    drawn = [text for name, text in texts.items() if name.endswith("password") and name != "user_password"]
    assert len(set(drawn)) == len(drawn)
    assert min(map(len, drawn)) > 40
    again = made_secrets(secrets.parent)
    assert {file.name: file.read_text() for file in again.iterdir()} == texts
    assert set(COMPOSE["secrets"]) == set(texts)


def test_a_login_that_is_changed_is_the_brokers_at_its_next_start(secrets: Path) -> None:
    before = json.loads((secrets / "rabbitmq.json").read_text())["users"]
    (secrets / "image_amqp_password").unlink()
    made_secrets(secrets.parent)
    after = json.loads((secrets / "rabbitmq.json").read_text())["users"]
    assert [user["name"] for user in before] == [user["name"] for user in after]
    assert [one["password_hash"] for one in before] != [one["password_hash"] for one in after]


def test_users_have_no_public_password_where_others_reach_the_stack(tmp_path: Path) -> None:
    secrets = made_secrets(tmp_path, BIND_ADDRESS="192.0.2.7")
    assert len((secrets / "user_password").read_text().strip()) >= 40


def test_the_servers_certificates_are_for_their_names(secrets: Path) -> None:
    authority = x509.load_pem_x509_certificate((secrets / "ca.crt").read_bytes())
    for server in ("postgres", "rabbitmq"):
        certificate = x509.load_pem_x509_certificate((secrets / f"{server}.crt").read_bytes())
        certificate.verify_directly_issued_by(authority)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert server in names.get_values_for_type(x509.DNSName)


def test_the_brokers_logins_are_the_services_and_queues_that_nobody_reads_are_bounded(secrets: Path) -> None:
    """As RabbitMQ hashes passwords: the salt, and SHA-256 of salt and password."""
    definitions = json.loads((secrets / "rabbitmq.json").read_text())
    users = {user["name"]: user for user in definitions["users"]}
    assert set(users) == {*PERMISSIONS, "stackwire"}
    for name, user in users.items():
        salted = base64.b64decode(user["password_hash"])
        file = "amqp_password" if name == "stackwire" else f"{name}_amqp_password"
        password = (secrets / file).read_bytes().strip()
        assert salted == salted[:4] + hashlib.sha256(salted[:4] + password).digest()
    assert [name for name, user in users.items() if user["tags"]] == ["trace", "stackwire"], "who may administer"
    granted = {each.pop("user"): each for each in definitions["permissions"]}
    everything = dict.fromkeys(("configure", "write", "read"), ".*")
    logins = {**PERMISSIONS, "stackwire": everything}
    assert granted == {name: {"vhost": "/", **rights} for name, rights in logins.items()}
    policies = {policy["name"]: policy for policy in definitions["policies"]}
    assert policies["notifications"]["definition"]["max-length"] > 0
    for queue in ("notifications.info", "notifications.error", "versioned_notifications.info"):
        assert re.search(policies["notifications"]["pattern"], queue)
    assert re.search(policies["processes"]["pattern"], "image.0123456789ab"), "a container's, which never comes back"
    for queue in ("compute.compute-1", "cinder-volume.stackwire@files", "image-tasks", "notifications.info"):
        assert not re.search(policies["processes"]["pattern"], queue)
    work = policies["work"]["pattern"]
    for queue in ("compute.compute-1", "cinder-volume.stackwire@files", "image-tasks", "image_cache.compute-1"):
        assert re.search(work, queue), "what is given up there is kept"
    for queue in ("reply_0", "tokens_fanout_0", "notifications.info", "watch_0", "amq.gen-0", "dead_letters"):
        assert not re.search(work, queue)
    for name in ("processes", "work"):
        assert policies[name]["definition"]["dead-letter-routing-key"] == definitions["queues"][0]["name"]


@pytest.mark.parametrize("name", OURS)
def test_no_secret_stands_in_the_variables(name: str) -> None:
    for key, value in SERVICES[name]["environment"].items():
        assert key.endswith("_FILE") or not re.search(r"PASSWORD|TOKEN_KEY|SECRET", key), key
        assert not re.search(r"://[^/@]+:[^/@]*@", filled_in(value)), key


@pytest.mark.parametrize("name", SERVICES)
def test_containers_have_no_rights_they_do_not_need_and_limits(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert (service["init"], service["read_only"]) == (True, True)
    assert service["mem_limit"]
    assert service["cpus"]
    assert service["pids_limit"]


def test_the_dockerfile_runs_as_a_user_of_its_own_and_stops_when_asked() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    assert "ARG BASE_IMAGE=" in text
    assert len(re.findall(r"^FROM ", text, re.MULTILINE)) == 2
    assert re.search(r"^USER (?!root|0)\w+", text, re.MULTILINE)
    assert "STOPSIGNAL SIGTERM" in text
    assert "--require-hashes" in text


def test_what_the_dockerfile_copies_gets_past_the_dockerignore() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    copied = {name for line in copies for name in line.split()}
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize("name", ["identity", "image", "volume", "compute"])
def test_the_policy_examples_are_policies_and_name_rules_that_exist(name: str, tmp_path: Path) -> None:
    module = import_module(f"stackwire.{name}.domain.policy")
    rules: dict[str, str] = dict(module.RULES if hasattr(module, "RULES") else module.DEFAULTS)
    text = (DEPLOY / "policy" / f"{name}.yaml").read_text()
    assert yaml.safe_load(text) is None, "an example changes nothing until somebody wants it to"
    examples = yaml.safe_load("\n".join(re.findall(r'^# (".*)$', text, re.MULTILINE)))
    assert set(examples) <= set(rules)
    for policy_text in (text, yaml.safe_dump(examples)):
        file = tmp_path / f"{len(policy_text)}.yaml"
        file.write_text(policy_text)
        policy = Policy(name, rules, file)
        for rule in examples:
            assert policy.allows(RequestContext(roles=("admin",), is_admin=True), rule, {"project_id": "p"}) in (
                True, False,
            )  # fmt: skip


def test_the_seed_is_one_file() -> None:
    packaged = ROOT / "services/stackwire/identity/identity.toml"
    assert (DEPLOY / "identity.toml").resolve() == packaged.resolve()


SCRIPTS = [DEPLOY / "wait-healthy", DEPLOY / "local-images", DEPLOY / "postgres/init.sh", DEPLOY / "make-secrets",
           DEPLOY / "pin-images", DEPLOY / "postgres/start.sh", DEPLOY / "local/postgres-entrypoint",
           ROOT / "tests/stack/with-docker"]  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_can_be_read_and_run(script: Path) -> None:
    assert script.stat().st_mode & 0o111
    shell = script.read_text().splitlines()[0].removeprefix("#!")
    assert subprocess.run([shell, "-n", str(script)], capture_output=True, check=False).returncode == 0


def test_no_registry_and_no_path_of_a_machine_is_named() -> None:
    for file in DEPLOY.rglob("*"):
        if not file.is_file() or "secrets" in file.parts:
            continue
        text = file.read_text()
        hosts = set(re.findall(r"\bhttps?://([\w.$-]+)", text))
        assert hosts <= {"127.0.0.1", *COMPOSE["services"], "stackwire", "$", "json-schema.org"}, file
        assert not re.search(r"/home/|/root/|/work/", text), file


def test_the_older_compose_reads_it() -> None:
    if not shutil.which("docker-compose"):
        skip_or_fail("docker-compose 1.29 is not installed here")
    done = subprocess.run(
        ["docker-compose", "-f", str(DEPLOY / "compose.yaml"), "config", "-q"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
