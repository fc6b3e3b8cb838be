"""Settings: renamed ones, misspelt ones, and secrets that everybody knows."""

from pathlib import Path
from typing import Any

import pytest

from stackwire.compute.settings import ComputeSettings
from stackwire.core.settings import ServiceSettings, unknown_variables
from stackwire.core.settings_files import file_names
from stackwire.image.settings import ImageSettings
from stackwire.trace.settings import TraceSettings

OLD, NEW = "STACKWIRE_COMPUTE_SILENCE_SECONDS", "STACKWIRE_COMPUTE_CALL_MONITOR_TIMEOUT_SECONDS"


@pytest.mark.parametrize("old", [OLD, "STACKWIRE_SILENCE_SECONDS"])
def test_the_old_name_of_a_setting_is_read_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, old: str
) -> None:
    monkeypatch.setenv(old, "3")
    assert ComputeSettings().call_monitor_timeout_seconds == 3
    assert f"{old} is deprecated" in caplog.text


def test_the_new_name_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OLD, "3")
    monkeypatch.setenv(NEW, "4")
    assert ComputeSettings().call_monitor_timeout_seconds == 4


LOOPBACKS = ["127.0.0.1", "127.0.0.9", "::1", "localhost"]
OWN = {"token_key": "f" * 64, "amqp_url": "amqp://me:mine@bus/", "database_url": "postgresql://image:mine@db/x"}
COMPOSE = "only-good-enough-for-the-loopback-address"


@pytest.mark.parametrize("host", LOOPBACKS)
def test_public_secrets_are_good_enough_for_the_loopback_address(host: str) -> None:
    assert not ServiceSettings(host=host, token_key=COMPOSE).is_exposed
    assert not ServiceSettings(host="0.0.0.0", published_address=host, token_key=COMPOSE).is_exposed


@pytest.mark.parametrize(
    "public",
    [
        {"token_key": COMPOSE},
        {"keystone_password": "secret"},
        {"cinder_store_password": "secret"},
        {"amqp_url": "amqp://stackwire:stackwire@bus/"},
        {"amqp_url": "amqp://guest:guest@bus/"},
        {"database_url": "postgresql://image:stackwire@db/x"},
    ],
)
@pytest.mark.parametrize(
    "where", [{"host": "0.0.0.0"}, {"host": ""}, {"host": "::"}, {"published_address": "192.0.2.7"}]
)
def test_public_secrets_are_refused_elsewhere_by_the_name_of_the_setting(
    public: dict[str, Any], where: dict[str, Any]
) -> None:
    (name,) = public
    with pytest.raises(ValueError, match=f"STACKWIRE_{name.upper()} has a public default"):
        ImageSettings(**{**OWN, **public, **where})
    assert ImageSettings(**{**OWN, **where}).is_exposed


def test_variables_that_are_no_settings_are_found() -> None:
    kinds = {"compute": ComputeSettings, "image": ImageSettings}
    settings = ["STACKWIRE_TOKEN_KEY", "STACKWIRE_COMPUTE_IMAGE_API", "STACKWIRE_IMAGE_PUBLIC_URL", OLD, "PATH"]
    misspelt = ["STACKWIRE_COMPUTE_IMAGEAPI", "STACKWIRE_TOKENKEY"]
    assert unknown_variables(kinds, dict.fromkeys([*settings, *misspelt], "")) == misspelt


KEY = "f" * 64


@pytest.mark.parametrize("name", ["STACKWIRE_TOKEN_KEY_FILE", "STACKWIRE_IMAGE_TOKEN_KEY_FILE"])
def test_a_file_has_a_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """Its first line: editors end a file with a line break."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    monkeypatch.setenv(name, str(tmp_path / "key"))
    assert ImageSettings().token_key == KEY


def test_a_services_own_file_comes_before_that_of_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, text in (("STACKWIRE_TOKEN_KEY_FILE", "of all"), ("STACKWIRE_IMAGE_TOKEN_KEY_FILE", "of its own")):
        (tmp_path / name).write_text(text)
        monkeypatch.setenv(name, str(tmp_path / name))
    assert ImageSettings().token_key == "of its own"


@pytest.mark.parametrize(
    ("text", "also", "said"),
    [
        (None, {}, "STACKWIRE_TOKEN_KEY_FILE: .*key cannot be read: No such file"),
        ("", {}, "is empty"),
        ("\n", {}, "is empty"),
        (KEY, {"STACKWIRE_TOKEN_KEY": KEY}, "STACKWIRE_TOKEN_KEY_FILE and STACKWIRE_TOKEN_KEY are both given"),
    ],
)
def test_a_file_that_gives_no_secret_is_no_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, also: dict[str, str], said: str
) -> None:
    if text is not None:
        (tmp_path / "key").write_text(text)
    for name, value in {"STACKWIRE_TOKEN_KEY_FILE": str(tmp_path / "key"), **also}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=said):
        ServiceSettings()


def test_only_texts_have_files_and_a_file_of_hosts_is_no_secret() -> None:
    """``HOSTS_FILE`` and ``POLICY_FILE`` are settings of their own."""
    fields = dict(file_names(ComputeSettings))
    assert {"token_key", "database_url", "database_password"} <= set(fields)
    assert not {"hosts", "policy", "port", "with_bugs"} & set(fields)
    names = ["STACKWIRE_TOKEN_KEY_FILE", "STACKWIRE_COMPUTE_DATABASE_PASSWORD_FILE", "STACKWIRE_PORT_FILE"]
    assert unknown_variables({"compute": ComputeSettings}, dict.fromkeys(names, "")) == ["STACKWIRE_PORT_FILE"]


@pytest.mark.parametrize(
    ("url", "joined"),
    [
        (
            "postgresql://image@db:5432/x?sslmode=verify-full",
            "postgresql://image:p%40%2Fs@db:5432/x?sslmode=verify-full",
        ),
        ("postgresql://image:own@db/x", "postgresql://image:own@db/x"),
        ("postgresql://db/x", "postgresql://db/x"),
    ],
)
def test_a_password_is_put_into_a_url_that_names_a_user_and_none(url: str, joined: str) -> None:
    assert ServiceSettings(database_url=url, database_password="p@/s").database_url == joined


def test_the_buss_password_serves_its_management_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("its own")
    monkeypatch.setenv("STACKWIRE_AMQP_PASSWORD_FILE", str(tmp_path / "password"))
    found = TraceSettings(amqp_url="amqps://me@bus/", management_url="http://me@bus:15672")
    assert (found.amqp_url, found.management_url) == ("amqps://me:its%20own@bus/", "http://me:its%20own@bus:15672")


def test_a_public_password_from_a_file_is_refused_elsewhere_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("stackwire")
    monkeypatch.setenv("STACKWIRE_DATABASE_PASSWORD_FILE", str(tmp_path / "password"))
    with pytest.raises(ValueError, match="STACKWIRE_DATABASE_PASSWORD"):
        ImageSettings(**{**OWN, "database_url": "postgresql://image@db/x", "host": "0.0.0.0"})
