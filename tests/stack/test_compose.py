"""The compose stack as it is written: what can be known without a docker daemon."""

import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from stackwire.core.context import RequestContext
from stackwire.core.policy import Policy
from stackwire.core.settings import ServiceSettings
from stackwire.image.settings import ImageSettings
from support.postgres import skip_or_fail

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name in SERVICES if name not in ("postgres", "rabbitmq", "registry")]
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def filled_in(text: object) -> str:
    """With every variable's default."""
    return _VARIABLE.sub(lambda match: match[2] or "", str(text))


def settings_of(service: str) -> type[ServiceSettings]:
    module = import_module(f"stackwire.{service}.settings")
    kind: type[ServiceSettings] = getattr(module, f"{service.capitalize()}Settings")
    return kind


def test_it_is_valid_for_both_generations_of_compose() -> None:
    assert set(COMPOSE) <= {"services", "volumes"} | {key for key in COMPOSE if key.startswith("x-")}
    for service in SERVICES.values():
        for condition in service.get("depends_on", {}).values():
            assert condition == {"condition": "service_healthy"}


def test_everything_of_the_cloud_is_there() -> None:
    servers, readers = ("postgres", "rabbitmq"), ("trace", "index")
    assert set(SERVICES) == {*servers, "identity", "image", "registry", "volume", "compute", *readers}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_says_whether_it_is_well(name: str) -> None:
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


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name: str) -> None:
    for volume in SERVICES[name].get("volumes", ()):
        source = volume.split(":")[0]
        assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], volume


@pytest.mark.parametrize("name", OURS)
def test_a_service_waits_for_what_it_needs(name: str) -> None:
    needs = {"identity": {"postgres", "rabbitmq"}, "trace": {"postgres", "rabbitmq"}}
    assert set(SERVICES[name]["depends_on"]) == needs.get(name, {"postgres", "rabbitmq", "identity"})


@pytest.mark.parametrize("name", OURS)
def test_every_variable_a_service_is_given_is_a_setting_it_has(name: str) -> None:
    fields = set(settings_of(name).model_fields)
    given = {key.removeprefix("STACKWIRE_").lower() for key in SERVICES[name]["environment"]}
    assert given <= fields


@pytest.mark.parametrize("name", OURS)
def test_a_service_starts_from_these_variables(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in SERVICES[name]["environment"].items():
        monkeypatch.setenv(key, filled_in(value))
    settings = settings_of(name)()
    assert settings.amqp_url == "amqp://stackwire:stackwire@rabbitmq:5672/"
    assert settings.database_url == f"postgresql://{name}:stackwire@postgres:5432/stackwire"
    if name != "trace":
        assert len(settings.token_key) >= 32
    published = filled_in(SERVICES[name]["ports"][0]).split(":")
    assert int(published[-1]) == settings.port


def test_the_registry_is_there_for_the_releases_that_had_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for the image service, which prepares its tables, and nobody outside reaches it."""
    service = SERVICES["registry"]
    assert (service["profiles"], "ports" in service) == (["registry"], False)
    assert set(service["depends_on"]) == {"postgres", "rabbitmq", "image"}
    for key, value in service["environment"].items():
        monkeypatch.setenv(key, filled_in(value) if key != "STACKWIRE_RELEASE" else "mitaka")
    settings = ImageSettings()
    assert (settings.role, settings.registry_port, settings.port) == ("registry", 9191, 9191)
    assert settings.database_url == "postgresql://registry:stackwire@postgres:5432/stackwire"
    assert SERVICES["image"]["environment"]["STACKWIRE_REGISTRY_HOST"] == "registry"


@pytest.mark.parametrize("name", OURS)
def test_containers_have_no_rights_they_do_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True


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


@pytest.mark.parametrize("name", [name for name in OURS if name not in ("trace", "index")])
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


SCRIPTS = [DEPLOY / "wait-healthy", DEPLOY / "local-images", DEPLOY / "postgres/init.sh",
           DEPLOY / "local/postgres-entrypoint", ROOT / "tests/stack/with-docker"]  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_can_be_read_and_run(script: Path) -> None:
    assert script.stat().st_mode & 0o111
    shell = script.read_text().splitlines()[0].removeprefix("#!")
    assert subprocess.run([shell, "-n", str(script)], capture_output=True, check=False).returncode == 0


def test_no_registry_and_no_path_of_a_machine_is_named() -> None:
    for file in DEPLOY.rglob("*"):
        if not file.is_file():
            continue
        text = file.read_text()
        hosts = set(re.findall(r"\bhttps?://([\w.$-]+)", text))
        assert hosts <= {"127.0.0.1", *COMPOSE["services"], "stackwire", "$"}, file
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
